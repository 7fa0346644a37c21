"""`visualize_latent_diff`: what the latent loses around a hole."""

from typing import TYPE_CHECKING

from latentinpaint.errors import InputError, check_has_hole, check_same_size, check_suffix

if TYPE_CHECKING:
    import numpy as np

    from latentinpaint.images.image_files import Picture
    from latentinpaint.models import Autoencoder, MaskControl


def command(
    autoencoder: str, image: str, mask: str, output: str, model: str | None = None, invert_mask: bool = False
) -> None:
    """Draw the masked image, D[E(truth) - E(masked)], D(0), and where |E(truth) - E(masked)| is large.

    Args:
        autoencoder: an autoencoder file, a model file, or the folder of a training run.
        image: the undamaged image.
        mask: an image of the same size, white where the hole is.
        output: PNG file to write.
        model: a model file or the folder of a run; adds panels that show what its mask control restores.
        invert_mask: the hole is where the mask is black.
    """
    import torch

    from latentinpaint.images.image_files import write_image
    from latentinpaint.visualization import draw_latent_difference, latent_difference
    from latentinpaint.weights import load_autoencoder

    check_suffix("--output", output, ".png")
    encoder = load_autoencoder(autoencoder)
    control = None
    if model is not None:
        control = _mask_control(model, encoder, autoencoder)
    picture, hole = _read(image, mask, invert_mask)
    pixels = torch.from_numpy(picture.visible_rgb()).permute(2, 0, 1)[None]
    difference = latent_difference(encoder, pixels, torch.from_numpy(hole).float()[None, None], control)
    sheet = draw_latent_difference(difference)
    write_image(sheet, output)
    print(f"wrote {output}")


def _mask_control(model: str, encoder: "Autoencoder", autoencoder: str) -> "MaskControl":
    """The mask control of a model that was trained on `encoder`, the autoencoder of the file of that name."""
    from latentinpaint.weights import load_pipeline

    pipeline = load_pipeline(model)
    if pipeline.autoencoder.fingerprint() != encoder.fingerprint():
        raise InputError(f"the model {model} was trained on another autoencoder than {autoencoder}")
    if pipeline.control is None:
        raise InputError(f"the model {model} was trained without mask control")
    return pipeline.control


def _read(image: str, mask: str, invert: bool) -> tuple["Picture", "np.ndarray"]:
    """The picture, and its hole (H, W) bool."""
    from latentinpaint.images.image_files import read_mask, read_picture

    picture = read_picture(image)
    hole = read_mask(mask, invert=invert)
    check_same_size(hole.shape, (picture.height, picture.width), f"the mask {mask}", f"the picture {image}")
    check_has_hole(hole, f"the mask {mask}")
    return picture, hole

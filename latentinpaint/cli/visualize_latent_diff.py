"""`visualize_latent_diff`: what the latent space lost around a hole."""

from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.files import write_beside
from latentinpaint.images.image_files import read_mask, read_picture


def command(
    autoencoder: str, image: str, mask: str, output: str, model: str | None = None, invert_mask: bool = False
) -> None:
    """Draw the masked picture, D[E(truth) - E(masked)], D(0), and where |E(truth) - E(masked)| is large.

    Args:
        autoencoder: autoencoder file, model file, or folder of a training run.
        image: undamaged picture.
        mask: picture of the same size, white where the hole is.
        output: PNG file to write.
        model: model file or run folder; its mask control shows what it repaired.
        invert_mask: the hole is where the mask is black.
    """
    import torch

    from latentinpaint.pipeline import pad_to_cells
    from latentinpaint.visualization import draw_latent_difference, latent_difference
    from latentinpaint.weights import load_autoencoder, load_pipeline

    if Path(output).suffix.lower() != ".png":
        raise InputError(f"--output is a .png file, not {output}")
    encoder, control = load_autoencoder(autoencoder), None
    if model is not None:
        pipeline = load_pipeline(model)
        if pipeline.autoencoder.fingerprint() != encoder.fingerprint():
            raise InputError(f"the model {model} was trained on another autoencoder than {autoencoder}")
        if pipeline.control is None:
            raise InputError(f"the model {model} was trained without mask control")
        control = pipeline.control
    picture, hole = read_picture(image), read_mask(mask, invert=invert_mask)
    if hole.shape != (picture.height, picture.width):
        raise InputError(f"the mask {mask} has another size than the picture {image}: they have to be equal")
    if not hole.any():
        raise InputError(f"the mask {mask} has no hole: paint it white")
    pixels = pad_to_cells(torch.from_numpy(picture.rgb()).permute(2, 0, 1)[None], encoder.stride)
    cells = pad_to_cells(torch.from_numpy(hole).float()[None, None], encoder.stride)
    sheet = draw_latent_difference(latent_difference(encoder, pixels, cells, control))
    with write_beside(output) as temporary:
        sheet.save(temporary)
    print(f"wrote {output}")

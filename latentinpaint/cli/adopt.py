"""`adopt`: another project's autoencoder as one that the training commands take."""

import sys

from latentinpaint.errors import printable


def command(autoencoder: str, images: str, output: str, pictures: int = 64, lpips_weights: str | None = None) -> None:
    """Check another project's autoencoder, measure its latents, and write it as a file for the training commands.

    It is read from a local folder of diffusers (AutoencoderKL, AutoencoderTiny, AutoencoderDC or VQModel) or from a
    safetensors file of the TAESD family. No pickle is read, and nothing is downloaded.

    Args:
        autoencoder: its safetensors file or its folder.
        images: folder of photographs to check it with and to measure its latents on.
        output: folder for autoencoder.safetensors, or a .safetensors file.
        pictures: at most so many photographs are looked at, the middle 512 pixels of each.
        lpips_weights: torchvision's SqueezeNet file, by default the one in torch's cache.
    """
    from latentinpaint.experiments.adoption import adopt

    adopted = adopt(autoencoder, images, output, pictures, lpips_weights)
    for note in adopted.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    model = adopted.autoencoder
    print(
        f"{type(model).__name__}: latents of {model.latent_channels} channels at 1/{model.stride}, "
        f"checked on {adopted.own.pictures} photographs"
    )
    print(f"{'':16} {'adopted':>10} {'default':>10}")
    for label, figure in adopted.own.figures.items():
        print(f"{label:16} {figure:10.4g} {adopted.default.figures[label]:10.4g}")
    print(printable(f"wrote {adopted.path}: use it with --autoencoder {output}"))

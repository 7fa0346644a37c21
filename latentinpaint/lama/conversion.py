"""From a LaMa checkpoint to a pipeline that computes the same function, and back.

The pipeline is an autoencoder with the mask as fourth channel and LaMa's last ReLU, whose latent keeps the raw scale
(mean 0, standard deviation 1), and an `ffc` refiner without a width of its own: encoder, residual blocks and decoder
of LaMa's generator. The tensors hold the same numbers, so that conversion there and back changes no bit.
"""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.files import sha256_of, user_path, write_bytes, write_text
from latentinpaint.lama.checkpoint import read_checkpoint
from latentinpaint.lama.lama_config import check_config, make_config, read_config
from latentinpaint.lama.layout import HALVINGS, Dimensions, from_lama, to_lama
from latentinpaint.lama.tensor_shapes import check_shapes, read_dimensions
from latentinpaint.models import LamaAutoencoder
from latentinpaint.models.ffc import global_channels
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import FFCRefiner

CONFIG = "config.yaml"
CHECKPOINT = Path("models") / "best.ckpt"


@dataclass(frozen=True)
class Converted:
    """A checkpoint as a pipeline.

    Attributes:
        pipeline: in evaluation mode.
        dimensions: the generator's sizes.
        recipe: JSON for the model file's header: the file that was converted, and its checksum.
        notes: assumptions that had to be made.
    """

    pipeline: InpaintPipeline
    dimensions: Dimensions
    recipe: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def load_lama(source: str | Path, config: str | Path | None = None) -> Converted:
    """Read a LaMa checkpoint; nothing in the file is executed.

    Args:
        source: a checkpoint (``best.ckpt``), a plain state dict of the generator, or a folder that holds
            ``config.yaml`` and ``models/best.ckpt``.
        config: LaMa's ``config.yaml``; None looks beside the checkpoint and one folder above.

    Raises:
        InputError: if there is no such file, it cannot be read safely, checkpoint and configuration contradict each
            other, or this package cannot compute what they describe.
    """
    checkpoint = _checkpoint_file(user_path(source))
    content = read_checkpoint(checkpoint)
    settings = _read_settings(checkpoint, config)
    try:
        shapes = _shapes(content.weights)
        dimensions = read_dimensions(shapes)
        if settings is None:
            ratio = _ratio(dimensions)
        else:
            ratio = check_config(settings, dimensions)
        pipeline = _empty_pipeline(dimensions, ratio)
        check_shapes(shapes, _shapes(to_lama(pipeline.state_dict(), dimensions)))
    except InputError as error:
        raise InputError(f"{checkpoint} cannot be converted: {error}") from error
    pipeline.load_state_dict(from_lama(content.weights, dimensions), assign=True)
    recipe = {"converted_from": "LaMa", "file": checkpoint.name, "sha256": sha256_of(checkpoint), **content.training}
    notes = []
    if settings is None:
        notes.append(f"no {CONFIG} of LaMa's near {checkpoint}: its output is assumed to end in a sigmoid")
    return Converted(pipeline.eval(), dimensions, recipe, notes)


def save_lama(pipeline: InpaintPipeline, output: str | Path) -> list[Path]:
    """Write a pipeline as LaMa's generator, tensors only, and its ``config.yaml``.

    Args:
        pipeline: one that LaMa's layout can hold, see `lama_dimensions`.
        output: a ``.ckpt``, ``.pt`` or ``.pth`` file, with the configuration beside it; anything else is a folder, in
            which ``config.yaml`` and ``models/best.ckpt`` stand where LaMa looks for them.

    Returns:
        The files written.

    Raises:
        InputError: if LaMa's layout cannot hold the pipeline, a file is there already or cannot be written.
    """
    dimensions = lama_dimensions(pipeline)
    output = user_path(output)
    if output.suffix in (".ckpt", ".pt", ".pth"):
        checkpoint = output
        config = output.parent / CONFIG
    else:
        checkpoint = output / CHECKPOINT
        config = output / CONFIG
    if checkpoint.exists():
        raise InputError(f"{checkpoint} is there already: choose another output, nothing is overwritten")
    text = make_config(dimensions, pipeline.refiner.arguments["ratio"])
    if config.exists() and config.read_bytes() != text.encode():
        raise InputError(f"{config} is there already and says something else: write into another folder")
    state = {}
    for name, value in to_lama(pipeline.state_dict(), dimensions).items():
        state[f"generator.{name}"] = value.cpu()
    encoded = io.BytesIO()
    torch.save({"state_dict": state}, encoded)
    write_bytes(checkpoint, encoded.getvalue())
    try:
        write_text(config, text)
    except InputError:
        checkpoint.unlink()  # without its configuration nobody can read it
        raise
    return [checkpoint, config]


def lama_dimensions(pipeline: InpaintPipeline) -> Dimensions:
    """The sizes of the LaMa generator that computes the same as a pipeline.

    Raises:
        InputError: if there is none; it names what LaMa's layout has no place for.
    """
    autoencoder = pipeline.autoencoder
    refiner = pipeline.refiner
    if not isinstance(autoencoder, LamaAutoencoder) or not isinstance(refiner, FFCRefiner):
        raise InputError(_no_place(f"a {type(autoencoder).__name__} with a {type(refiner).__name__}"))
    standardised = bool(autoencoder.latent_mean.any() or (autoencoder.latent_std != 1).any())
    obstacles = {
        "mask control": pipeline.control is not None,
        "an encoder that does not take the mask as a fourth channel (mask_channel)": not autoencoder.mask_channel,
        "residual blocks in the autoencoder (residual_blocks)": autoencoder.arguments["residual_blocks"] > 0,
        "latents without a last ReLU (final_relu false)": not autoencoder.arguments["final_relu"],
        "latents that are standardised (LaMa's keep their scale)": standardised,
        "blocks between two 1x1 convolutions (width)": refiner.arguments["width"] is not None,
        "a refiner that adds its input (delta)": refiner.delta,
    }
    for obstacle, present in obstacles.items():
        if present:
            raise InputError(_no_place(obstacle))
    ngf = autoencoder.arguments["base_channels"]
    latent = autoencoder.latent_channels
    if not ngf * 2 ** (HALVINGS - 1) <= latent <= ngf * 2**HALVINGS:
        raise InputError(_no_place(f"{latent} latent channels after {ngf} base channels (latent_channels)"))
    return Dimensions(ngf, latent, len(refiner.blocks), global_channels(latent, refiner.arguments["ratio"]))


def _no_place(part: str) -> str:
    return f"LaMa's layout has no place for {part}"


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


def _checkpoint_file(source: Path) -> Path:
    if source.is_dir():
        checkpoint = source / CHECKPOINT
        if not checkpoint.is_file():
            raise InputError(f"the folder {source} has no {CHECKPOINT}")
        return checkpoint
    if not source.is_file():
        raise InputError(f"there is no file {source}")
    return source


def _read_settings(checkpoint: Path, config: str | Path | None) -> Mapping[str, Any] | None:
    """LaMa's settings, None where there is no configuration."""
    if config is not None:
        settings = read_config(user_path(config))
        if settings is None:
            raise InputError(f"{config} is no configuration of LaMa's: it has no section 'generator'")
        return settings
    parent = checkpoint.resolve().parent
    for path in (parent / CONFIG, parent.parent / CONFIG):
        if path.is_file():
            settings = read_config(path)
            if settings is not None:
                return settings
    return None


def _ratio(dimensions: Dimensions) -> float:
    """A fraction from which `global_channels` computes the checkpoint's number."""
    ratio = dimensions.num_global / dimensions.latent
    if global_channels(dimensions.latent, ratio) == dimensions.num_global:
        return ratio
    return math.nextafter(ratio, 1.0)


def _empty_pipeline(dimensions: Dimensions, ratio: float) -> InpaintPipeline:
    """The pipeline without memory for its weights, which will be assigned."""
    latent: int | None = dimensions.latent
    if latent == dimensions.ngf * 2**HALVINGS:
        latent = None
    with torch.device("meta"):
        autoencoder = LamaAutoencoder(dimensions.ngf, latent, mask_channel=True)
        return InpaintPipeline(autoencoder, FFCRefiner(dimensions.latent, dimensions.blocks, ratio))

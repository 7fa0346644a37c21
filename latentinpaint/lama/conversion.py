"""From a LaMa checkpoint to a pipeline that computes the same function, and back.

The pipeline is an autoencoder with the mask as fourth channel and LaMa's last ReLU, whose latent keeps the raw scale
(mean 0, deviation 1), and an `ffc` refiner without a width of its own: encoder, residual blocks and decoder of LaMa's
generator. The tensors are the same numbers, so the way there and back changes no bit.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from latentinpaint.errors import InputError
from latentinpaint.files import write_beside
from latentinpaint.lama.checkpoint import read_checkpoint
from latentinpaint.lama.lama_config import check_config, make_config, read_config
from latentinpaint.lama.layout import HALVINGS, Dimensions, from_lama, to_lama
from latentinpaint.lama.tensor_shapes import compare, read_dimensions
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
        recipe: JSON for the model file's header: which file it was, and its checksum.
        notes: what had to be assumed.
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
    checkpoint = _checkpoint_file(Path(source))
    read = read_checkpoint(checkpoint)
    settings, notes = _settings(checkpoint, config)
    try:
        shapes = {name: tuple(value.shape) for name, value in read.weights.items()}
        dimensions = read_dimensions(shapes)
        ratio = _ratio(dimensions) if settings is None else check_config(settings, dimensions)
        pipeline = _empty_pipeline(dimensions, ratio)
        compare(shapes, {name: tuple(t.shape) for name, t in to_lama(pipeline.state_dict(), dimensions).items()})
    except InputError as error:
        raise InputError(f"{checkpoint} cannot be converted: {error}") from error
    pipeline.load_state_dict(from_lama(read.weights, dimensions), assign=True)
    recipe = {"converted_from": "LaMa", "file": checkpoint.name, "sha256": _sha256(checkpoint), **read.about}
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
    output = Path(output)
    if output.suffix in (".ckpt", ".pt", ".pth"):
        checkpoint, config = output, output.parent / CONFIG
    else:
        checkpoint, config = output / CHECKPOINT, output / CONFIG
    if checkpoint.exists():
        raise InputError(f"{checkpoint} is there already: choose another output, nothing is overwritten")
    text = make_config(dimensions, pipeline.refiner.arguments["ratio"])
    if config.exists() and config.read_bytes() != text.encode():
        raise InputError(f"{config} is there already and says something else: write into another folder")
    weights = to_lama({name: value.cpu() for name, value in pipeline.state_dict().items()}, dimensions)
    content = {"state_dict": {f"generator.{name}": value for name, value in weights.items()}}
    with write_beside(config) as temporary_config, write_beside(checkpoint) as temporary:
        temporary_config.write_text(text, encoding="utf-8")
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # a full disk, among others
            raise InputError(f"cannot write {checkpoint}: {str(error).splitlines()[0][:160]}") from error
    return [checkpoint, config]


def lama_dimensions(pipeline: InpaintPipeline) -> Dimensions:
    """The sizes of the LaMa generator that computes the same as a pipeline.

    Raises:
        InputError: if there is none; it names what LaMa's layout has no place for.
    """
    autoencoder, refiner = pipeline.autoencoder, pipeline.refiner
    if not isinstance(autoencoder, LamaAutoencoder) or not isinstance(refiner, FFCRefiner):
        raise InputError(_no_place(f"a {type(autoencoder).__name__} with a {type(refiner).__name__}"))
    identity = not autoencoder.latent_mean.any() and bool((autoencoder.latent_std == 1).all())
    obstacles = {
        "mask control": pipeline.control is not None,
        "an encoder that does not take the mask as a fourth channel (mask_channel)": not autoencoder.mask_channel,
        "residual blocks in the autoencoder (residual_blocks)": autoencoder.arguments["residual_blocks"] > 0,
        "latents without a last ReLU (final_relu false)": not autoencoder.arguments["final_relu"],
        "latents that are standardised (mean 0 and deviation 1 they have not been given)": not identity,
        "blocks between two 1x1 convolutions (width)": refiner.arguments["width"] is not None,
        "a refiner that adds its input (delta)": refiner.delta,
    }
    for what, there in obstacles.items():
        if there:
            raise InputError(_no_place(what))
    ngf, latent = autoencoder.arguments["base_channels"], autoencoder.latent_channels
    if not ngf * 2 ** (HALVINGS - 1) <= latent <= ngf * 2**HALVINGS:
        raise InputError(_no_place(f"{latent} latent channels after {ngf} base channels (latent_channels)"))
    return Dimensions(ngf, latent, len(refiner.blocks), global_channels(latent, refiner.arguments["ratio"]))


def _no_place(what: str) -> str:
    return f"LaMa's layout has no place for {what}"


def _checkpoint_file(source: Path) -> Path:
    checkpoint = source / CHECKPOINT if source.is_dir() else source
    if not checkpoint.is_file():
        raise InputError(
            f"the folder {source} has no {CHECKPOINT}" if source.is_dir() else f"there is no file {source}"
        )
    return checkpoint


def _settings(checkpoint: Path, config: str | Path | None) -> tuple[Mapping[str, Any] | None, list[str]]:
    """LaMa's settings, None where there are none, and what has to be assumed then."""
    if config is not None:
        settings = read_config(Path(config))
        if settings is None:
            raise InputError(f"{config} is no configuration of LaMa's: it has no section 'generator'")
        return settings, []
    parent = checkpoint.resolve().parent
    for folder in (parent, parent.parent):
        settings = read_config(folder / CONFIG) if (folder / CONFIG).is_file() else None
        if settings is not None:
            return settings, []
    return None, [f"no {CONFIG} of LaMa's near {checkpoint}: its output is taken to end in a sigmoid"]


def _ratio(dimensions: Dimensions) -> float:
    """A fraction that gives the checkpoint's number of global channels again."""
    ratio = dimensions.wide / dimensions.latent
    exact = global_channels(dimensions.latent, ratio) == dimensions.wide
    return ratio if exact else math.nextafter(ratio, 1.0)


def _empty_pipeline(dimensions: Dimensions, ratio: float) -> InpaintPipeline:
    """The pipeline without memory for its weights, which are to be assigned."""
    latent = None if dimensions.latent == dimensions.ngf * 2**HALVINGS else dimensions.latent
    with torch.device("meta"):
        autoencoder = LamaAutoencoder(dimensions.ngf, latent, mask_channel=True)
        return InpaintPipeline(autoencoder, FFCRefiner(dimensions.latent, dimensions.blocks, ratio))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            digest.update(block)
    return digest.hexdigest()

"""Model files: safetensors with the constructor arguments as JSON in the header, so one file rebuilds the model.

The header's entry "latentinpaint" holds ``{"format": 1, "kind": "autoencoder" | "pipeline", "autoencoder":
{"class", "arguments", "fingerprint"}, "refiner": {…}, "control": {"arguments"} or null, "texture": {"arguments"} or
null, "recipe": {…}}``, that of a flow ``{"format": 1, "kind": "flow", "flow": {"class", "arguments"}, "recipe":
{…}}``. No pickle is read.
"""

import json
import logging
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.files import mistaken_weights, write_bytes
from latentinpaint.flows import FLOWS, Flow
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.models import AUTOENCODERS, Autoencoder, MaskControl
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.pretrained.model_paths import AUTOENCODER_FILE, FLOW_FILE, PIPELINE_FILE, pipeline_file, resolve
from latentinpaint.refiners import REFINERS, Refiner

LOG = logging.getLogger(__name__)

FORMAT = 1
_KEY = "latentinpaint"
_AUTOENCODER_PREFIX = "autoencoder."

T = TypeVar("T")


@dataclass(frozen=True)
class Model:
    """All that a model file holds.

    Attributes:
        pipeline: the networks.
        texture: paints every fill anew with patches of its picture; None leaves fills as they are decoded.
        recipe: any JSON that says how it was made.
    """

    pipeline: InpaintPipeline
    texture: PatchTexture | None = None
    recipe: dict[str, Any] = field(default_factory=dict)


def save_autoencoder(autoencoder: Autoencoder, path: str | Path, recipe: dict[str, Any] | None = None) -> None:
    """Write an autoencoder alone; `recipe` is any JSON that says how it was made."""
    header = {
        "kind": "autoencoder",
        "autoencoder": _describe_autoencoder(autoencoder),
        "recipe": recipe or {},
    }
    weights = {f"{_AUTOENCODER_PREFIX}{name}": value for name, value in autoencoder.state_dict().items()}
    _write(path, weights, header)


def save_model(model: Model, path: str | Path, half: bool = False) -> None:
    """Write a model as one file; with `half` its weights are rounded to 16 bits, in the model too."""
    pipeline = model.pipeline
    weights = pipeline.state_dict()
    if half:
        round_to_half(pipeline)
        for name, _ in pipeline.named_parameters():
            weights[name] = weights[name].half()
    header = {
        "kind": "pipeline",
        "autoencoder": _describe_autoencoder(pipeline.autoencoder),
        "refiner": _describe(pipeline.refiner, REFINERS),
        "control": _describe_arguments(pipeline.control),
        "texture": _describe_arguments(model.texture),
        "recipe": model.recipe,
    }
    _write(path, weights, header)


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round the weights to what 16 bits hold; what a network has measured, such as variances, stays as it is."""
    for parameter in module.parameters():
        parameter.copy_(parameter.half())


def load_autoencoder(path: str | Path) -> Autoencoder:
    """The frozen autoencoder of an autoencoder file, a model file, or a folder that holds either.

    Raises:
        InputError: if there is no such file, or it is none of this package's.
    """
    path = resolve(path, AUTOENCODER_FILE, PIPELINE_FILE)
    header, weights = _read(path)
    _refuse_flow(path, header)
    return _build_autoencoder(path, header, weights)


def load_model(path: str | Path) -> Model:
    """The model of a model file, of a folder that holds one, or of a name in `PRETRAINED`, in evaluation mode.

    Raises:
        InputError: if there is no such file, it is none of this package's, or an autoencoder alone.
    """
    path = pipeline_file(path)
    header, weights = _read(path)
    if header["kind"] == "autoencoder":
        raise InputError(f"{path} holds an autoencoder alone: train a refiner on it with train_latent first")
    _refuse_flow(path, header)
    autoencoder = _build_autoencoder(path, header, weights)
    control = None
    texture = None
    with _must_fit(path):
        refiner = _build(header["refiner"], REFINERS)
        if header["control"] is not None:
            control = MaskControl(autoencoder, **header["control"]["arguments"])
        if header.get("texture") is not None:
            texture = PatchTexture(**header["texture"]["arguments"])
        pipeline = InpaintPipeline(autoencoder, refiner, control)
        _load(pipeline, weights)
    LOG.info("loaded %s: %s, %s", path, type(autoencoder).__name__, type(refiner).__name__)
    return Model(pipeline.eval(), texture, header.get("recipe", {}))


def load_pipeline(path: str | Path) -> InpaintPipeline:
    """The networks of a model file alone; see `load_model`."""
    return load_model(path).pipeline


def save_flow(flow: Flow, path: str | Path, recipe: dict[str, Any] | None = None) -> None:
    """Write a flow; `recipe` is any JSON that says how it was made."""
    _write(path, flow.state_dict(), {"kind": "flow", "flow": _describe(flow, FLOWS), "recipe": recipe or {}})


def load_flow(path: str | Path) -> Flow:
    """The flow of a flow file or of a folder that holds one, in evaluation mode.

    Raises:
        InputError: if there is no such file, or it is no flow of this package's.
    """
    path = resolve(path, FLOW_FILE)
    header, weights = _read(path)
    if header["kind"] != "flow":
        raise InputError(f"{path} holds an inpainting model, not a flow: inpaint is the command for it")
    with _must_fit(path):
        flow = _build(header["flow"], FLOWS)
        _load(flow, weights)
    return flow.eval()


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a file, without its weights."""
    return _read(resolve(path, PIPELINE_FILE, AUTOENCODER_FILE, FLOW_FILE), weights=False)[0]


def _describe(part: Refiner | Flow, registry: Mapping[str, type]) -> dict[str, Any]:
    """The header's entry for an object whose class is in a registry."""
    (name,) = [name for name, entry in registry.items() if entry is type(part)]
    return {"class": name, "arguments": part.arguments}


def _describe_arguments(part: MaskControl | PatchTexture | None) -> dict[str, Any] | None:
    """The header's entry for an object of a known class."""
    return None if part is None else {"arguments": part.arguments}


def _describe_autoencoder(autoencoder: Autoencoder) -> dict[str, Any]:
    return {
        "class": type(autoencoder).__name__,
        "arguments": autoencoder.arguments,
        "fingerprint": autoencoder.fingerprint(),
    }


def _build(described: dict[str, Any], registry: Mapping[str, type[T]]) -> T:
    """The object of a header's entry."""
    return registry[described["class"]](**described["arguments"])


def _build_autoencoder(path: Path, header: dict[str, Any], weights: dict[str, Tensor]) -> Autoencoder:
    own = {}
    for name, value in weights.items():
        if name.startswith(_AUTOENCODER_PREFIX):
            own[name.removeprefix(_AUTOENCODER_PREFIX)] = value
    with _must_fit(path):
        autoencoder = _build(header["autoencoder"], AUTOENCODERS)
        _load(autoencoder, own)
    if autoencoder.fingerprint() != header["autoencoder"].get("fingerprint"):
        raise InputError(f"{path} is damaged: its autoencoder is not the one that was written")
    return autoencoder.freeze()


def _load(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """A module with a file's weights in float32, whatever the program's default type and device."""
    own = {}
    for name, value in weights.items():
        own[name] = value.float() if value.is_floating_point() else value
    module.load_state_dict(own, assign=True)


@contextmanager
def _must_fit(path: Path) -> Iterator[None]:
    """Whatever a file's header or weights do not fit is told as an `InputError`."""
    try:
        yield
    except MissingPackageError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} does not fit this version of latentinpaint: {_short(error)}") from error


def _instead(path: Path) -> str:
    """What a file that is no safetensors file is, and what to do, where that can be told."""
    if zipfile.is_zipfile(path):
        return ", it is a checkpoint of PyTorch: take model.safetensors of its run, or convert one of LaMa"
    return mistaken_weights(path)


def _refuse_flow(path: Path, header: dict[str, Any]) -> None:
    if header["kind"] == "flow":
        raise InputError(f"{path} holds a flow without an autoencoder: sample is the command for it")


def _write(path: str | Path, weights: dict[str, Tensor], header: dict[str, Any]) -> None:
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    write_bytes(path, save(tensors, metadata={_KEY: json.dumps({"format": FORMAT, **header})}))


def _read(path: Path, weights: bool = True) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The header and, if asked for, the weights of a file."""
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY)
            if weights:
                for name in file.keys():  # noqa: SIM118  it is no mapping
                    tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a model file of latentinpaint (safetensors){_instead(path)}") from error
    if text is None:
        raise InputError(
            f"{path} is a safetensors file, but not one that latentinpaint wrote: "
            "if it is another project's autoencoder, adopt is the command for it"
        )
    try:
        header = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} has a damaged header: latentinpaint cannot read it") from error
    if not isinstance(header, dict) or header.get("kind") not in ("autoencoder", "pipeline", "flow"):
        raise InputError(f"{path} has a header that is neither an autoencoder's nor a model's of latentinpaint")
    if header.get("format") != FORMAT:
        raise InputError(f"{path} has format {header.get('format')}, this version of latentinpaint reads {FORMAT}")
    return header, tensors


def _short(error: Exception) -> str:
    """The first two lines of a message as one: torch says on the first what failed, on the second why."""
    text = " ".join(line.strip() for line in str(error).strip().splitlines()[:2])
    return text if len(text) <= 160 else text[:159] + "…"

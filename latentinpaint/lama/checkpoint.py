"""Reading a LaMa checkpoint without running anything that is in it.

A ``.ckpt`` is a pickle, and a pickle can call any function that it names. Here PyTorch's restricted reader
(``weights_only=True``) builds tensors and plain containers and nothing else; whatever else a file names is found out
first, and refused by its name. Checkpoints of training runs mention classes of their trainer and of their
configuration; these names stand for an empty class of this module while the file is read, so that nothing is imported
or called, and what was made of them is thrown away. Files of before PyTorch 1.6 (no zip) are read in the same way.
"""

import io
import pickletools
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from latentinpaint.errors import InputError

_GENERATOR = "generator."
_LEGACY_PICKLES = 4  # magic number, protocol, about the machine, and the object itself

# What training checkpoints mention beside tensors: Lightning's callbacks, OmegaConf's settings and what those hold.
_MENTIONED = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.")
_MENTIONED_NAMES = {"typing.Any", "collections.defaultdict"} | {
    f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "str", "tuple")
}


class Inert:
    """Stands for a class that a checkpoint mentions: takes anything, keeps nothing, does nothing."""

    __slots__ = ()

    def __new__(cls, *arguments: object, **options: object) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


@dataclass(frozen=True)
class Checkpoint:
    """A generator's tensors, named ``model.N…``, and the whole numbers that the file has about its training."""

    weights: dict[str, Tensor]
    about: dict[str, int]


def read_checkpoint(path: Path) -> Checkpoint:
    """The generator of a LaMa checkpoint, or of a plain state dict, also as safetensors.

    Raises:
        InputError: if the file cannot be read, names anything but tensors, or holds no generator.
    """
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds no state dict, but {type(content).__name__}")
    weights = content.get("state_dict", content)
    if not isinstance(weights, Mapping):
        raise InputError(f"{path} holds no state dict, but {type(weights).__name__}")
    about = {key: content[key] for key in ("epoch", "global_step") if isinstance(content.get(key), int)}
    return Checkpoint({name: _plain(path, name, value) for name, value in _generator(path, weights).items()}, about)


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no safetensors file that can be read") from error


def _read_pickle(path: Path) -> object:
    try:
        names = _unsafe_names(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise _unreadable(path, error) from error
    mentioned = {name for name in names if name.startswith(_MENTIONED) or name in _MENTIONED_NAMES}
    if names - mentioned:
        raise InputError(
            f"{path} names {', '.join(sorted(names - mentioned))}, which is no tensor and is not run: save its state "
            "dict alone where it was trained, with torch.save"
        )
    try:
        with safe_globals([(Inert, name) for name in mentioned]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols, about which a user can do nothing
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    """An error's first line, without the advice to load the file in an unsafe way that PyTorch gives along."""
    text = str(error).split("WeightsUnpickler error:")[-1].strip() or type(error).__name__
    if text.startswith("Unsupported operand"):
        text = "its pickle has instructions that PyTorch's restricted reader does not know"
    return InputError(f"{path} is no checkpoint that can be read without running code: {text.splitlines()[0][:160]}")


def _unsafe_names(path: Path) -> set[str]:
    """Full names of all that a checkpoint refers to and PyTorch's restricted reader does not know."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise ValueError("it is a TorchScript program, take the checkpoint that it was made from")
        return set(get_unsafe_globals_in_checkpoint(path))
    names = set()
    for pickled in _leading_pickles(path):
        # PyTorch judges zip files only: each pickle of an old file is shown to it as one.
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("archive/data.pkl", pickled)
            file.writestr("archive/version", "3")
        archive.seek(0)
        names |= set(get_unsafe_globals_in_checkpoint(archive))
    return names


def _leading_pickles(path: Path) -> list[bytes]:
    """The pickles that an old file begins with, found without being executed."""
    pickles = []
    with path.open("rb") as file:
        for _ in range(_LEGACY_PICKLES):
            start = file.tell()
            try:
                for _ in pickletools.genops(file):
                    pass
            except ValueError:
                break
            end = file.tell()
            file.seek(start)
            pickles.append(file.read(end - start))
    if not pickles:
        raise ValueError("it is neither a zip file nor a pickle")
    return pickles


def _generator(path: Path, weights: Mapping[Any, Any]) -> dict[str, Any]:
    """What belongs to the generator, without the prefix that a training checkpoint has before it."""
    named = {name: value for name, value in weights.items() if isinstance(name, str)}
    chosen = {name.removeprefix(_GENERATOR): named[name] for name in named if name.startswith(_GENERATOR)} or named
    strangers = [name for name in chosen if not name.startswith("model.")]
    if strangers or not chosen:
        what = f"it has {strangers[0]}" if strangers else "it is empty"
        raise InputError(
            f"{path} holds no generator of LaMa's: {what}, and keys begin with {_GENERATOR}model. or with model."
        )
    return chosen


def _plain(path: Path, name: str, value: object) -> Tensor:
    """A dense tensor: float32, to which half precision is widened exactly, or a count of batches."""
    counts = name.endswith(".num_batches_tracked")
    kinds = (torch.int64,) if counts else (torch.float32, torch.float16, torch.bfloat16)
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.dtype not in kinds:
        kind = getattr(value, "dtype", type(value).__name__)
        raise InputError(f"{path} cannot be converted: {name} is {kind}, where a dense tensor of {kinds[0]} belongs")
    value = value.detach()
    if not torch.isfinite(value).all():
        raise InputError(f"{path} cannot be converted: {name} has values that are not finite")
    return value if counts else value.float()

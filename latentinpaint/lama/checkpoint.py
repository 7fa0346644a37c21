"""Reading a LaMa checkpoint without running anything that is in it.

A ``.ckpt`` is a pickle, and a pickle can call any function that it names. Here PyTorch's restricted reader
(``weights_only=True``) builds tensors and plain containers and nothing else; whatever else a file names is listed
first, and refused by its name. Checkpoints of training runs mention classes of their trainer and of their
configuration; these names stand for an empty class of this module while the file is read, so that nothing is imported
or called, and its objects are discarded. Files from before PyTorch 1.6 (no zip) are read in the same way.
"""

import io
import pickletools
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from latentinpaint.errors import InputError
from latentinpaint.files import mistaken_weights

_GENERATOR = "generator."
_LEGACY_PICKLES = 4  # magic number, protocol, machine, and the object itself

# What training checkpoints mention besides tensors: Lightning's callbacks, OmegaConf's settings and their contents.
_HARMLESS_PREFIXES = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.")
_HARMLESS_NAMES = {
    "typing.Any",
    "collections.defaultdict",
    "builtins.bool",
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
}


class Inert:
    """Stands for a class that a checkpoint mentions: accepts any arguments, keeps nothing, does nothing."""

    __slots__ = ()

    def __new__(cls, *arguments: object, **options: object) -> "Inert":
        return super().__new__(cls)

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


@dataclass(frozen=True)
class Checkpoint:
    """What a file contains.

    Attributes:
        weights: the generator's tensors, named ``model.N…``.
        training: "epoch" and "global_step" of its training, as far as the file says.
    """

    weights: dict[str, Tensor]
    training: dict[str, int]


def read_checkpoint(path: Path) -> Checkpoint:
    """The generator of a LaMa checkpoint, or of a plain state dict, also as safetensors.

    Raises:
        InputError: if the file cannot be read, names anything but tensors, or holds no generator.
    """
    if path.suffix == ".safetensors":
        content = _read_safetensors(path)
    else:
        content = _read_pickle(path)
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds no state dict, but {type(content).__name__}")
    state = content.get("state_dict", content)
    if not isinstance(state, Mapping):
        raise InputError(f"{path} holds no state dict, but {type(state).__name__}")
    weights = {name: _checked(path, name, value) for name, value in _generator(path, state).items()}
    training = {key: content[key] for key in ("epoch", "global_step") if isinstance(content.get(key), int)}
    return Checkpoint(weights, training)


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no safetensors file that can be read{mistaken_weights(path)}") from error


def _read_pickle(path: Path) -> object:
    try:
        names = _unsafe_names(path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle can raise anything
        raise _unreadable(path, error) from error
    refused = []
    inert: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = []
    for name in sorted(names):
        if name.startswith(_HARMLESS_PREFIXES) or name in _HARMLESS_NAMES:
            inert.append((Inert, name))
        else:
            refused.append(name)
    if refused:
        raise InputError(
            f"{path} names {', '.join(refused)}, which is no tensor and is not run: save its state "
            "dict alone where it was trained, with torch.save"
        )
    try:
        with safe_globals(inert), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols, which a user cannot change
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    """An error's first line, without PyTorch's advice to load the file in an unsafe way."""
    instead = mistaken_weights(path)
    if instead:
        return InputError(f"{path} is no checkpoint{instead}")
    text = str(error).split("WeightsUnpickler error:")[-1].strip() or type(error).__name__
    if text.startswith("Unsupported operand"):
        text = "its pickle has instructions that PyTorch's restricted reader does not know"
    return InputError(f"{path} is no checkpoint that can be read without running code: {text.splitlines()[0][:160]}")


def _unsafe_names(path: Path) -> set[str]:
    """Full names that a checkpoint refers to and PyTorch's restricted reader does not know."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                raise ValueError("it is a TorchScript program, take the checkpoint that it was made from")
        return set(get_unsafe_globals_in_checkpoint(path))
    names: set[str] = set()
    for pickled in _leading_pickles(path):
        names |= set(get_unsafe_globals_in_checkpoint(_as_zip(pickled)))
    return names


def _as_zip(pickled: bytes) -> io.BytesIO:
    """A pickle of an old file as a zip file, the only format whose names PyTorch lists."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/version", "3")
    buffer.seek(0)
    return buffer


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
    """The generator's entries, without the prefix that a training checkpoint has before them."""
    generator: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in weights.items():
        if isinstance(name, str) and name.startswith(_GENERATOR):
            generator[name.removeprefix(_GENERATOR)] = value
        elif isinstance(name, str):
            others[name] = value
    generator = generator or others
    if not generator:
        raise _no_generator(path, "it is empty")
    for name in generator:
        if not name.startswith("model."):
            raise _no_generator(path, f"it has {name}")
    return generator


def _no_generator(path: Path, fault: str) -> InputError:
    return InputError(
        f"{path} holds no generator of LaMa's: {fault}, and keys begin with {_GENERATOR}model. or with model."
    )


def _checked(path: Path, name: str, value: object) -> Tensor:
    """A dense tensor: float32, to which half precision is widened exactly, or a number of batches."""
    dtypes: tuple[torch.dtype, ...] = (torch.float32, torch.float16, torch.bfloat16)
    if name.endswith(".num_batches_tracked"):
        dtypes = (torch.int64,)
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.dtype not in dtypes:
        found = getattr(value, "dtype", type(value).__name__)
        raise InputError(
            f"{path} cannot be converted: {name} is {found}, where a dense tensor of {dtypes[0]} belongs"
        )
    value = value.detach()
    if not torch.isfinite(value).all():
        raise InputError(f"{path} cannot be converted: {name} has values that are not finite")
    return value.to(dtypes[0])

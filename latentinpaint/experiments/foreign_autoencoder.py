"""Autoencoders of other projects, read from their files: safetensors alone, no pickle, and nothing is downloaded.

What a file or folder is decides how it is read::

    FILE.safetensors              the TAESD family by its tensors, both halves in one file; else as its folder
    FOLDER with config.json       one of diffusers' autoencoders, and the only safetensors file of the folder
    FOLDER of two files           the TAESD family, one file of the encoder and one of the decoder, named after them
"""

import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from latentinpaint.errors import InputError, listed
from latentinpaint.files import mistaken_weights, sha256_of, user_path
from latentinpaint.models import Autoencoder, DiffusersAutoencoder, TaesdAutoencoder
from latentinpaint.models.diffusers_autoencoder import CONTROL_POINTS
from latentinpaint.models.taesd import latent_convolution

CONFIG_FILE = "config.json"
_PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".pkl")
_OWN_KEY = "latentinpaint"  # of the header that this package writes
# What older files of diffusers call the projections of an attention.
_OLD_ATTENTION = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_HALVES = ("encoder", "decoder")


def read_foreign_autoencoder(path: str | Path) -> Autoencoder:
    """The frozen autoencoder of a file or folder; see the module. Its latents are not standardised yet.

    Raises:
        InputError: if there is none that can be read, or it needs a package that is not installed.
    """
    path = user_path(path)
    if not path.exists():
        raise InputError(f"there is no file or folder {path}")
    if path.is_dir():
        return _read_folder(path).freeze()
    weights = _read_tensors(path)
    if latent_convolution(weights) is not None:
        return _tiny(path, weights, sha256_of(path)).freeze()
    config = path.parent / CONFIG_FILE
    if not config.is_file():
        raise InputError(
            f"{path} is no autoencoder of the TAESD family, and no {CONFIG_FILE} beside it says what it is: "
            "give the whole folder of one of diffusers'"
        )
    return _of_diffusers(config, path, weights).freeze()


def _read_folder(folder: Path) -> Autoencoder:
    files = sorted(folder.glob("*.safetensors"))
    config = folder / CONFIG_FILE
    if not config.is_file():
        halves = _halves(files)
        if halves:
            return _read_halves(folder, halves)
        raise InputError(
            f"the folder {folder} holds no {CONFIG_FILE} of diffusers and no pair of an encoder and a decoder: "
            "give the folder or the safetensors file of one autoencoder"
        )
    architecture, _ = _read_config(config)
    if not files:
        raise InputError(
            f"the folder {folder} holds the {CONFIG_FILE} of one {architecture}, and no safetensors file of weights; "
            "pickles are not read, because they can run any program"
        )
    if len(files) > 1:
        names = listed(list(map(_name, files)))
        raise InputError(f"the folder {folder} holds several files of weights, {names}: give the one that is meant")
    return _of_diffusers(config, files[0], _read_tensors(files[0]))


def _of_diffusers(config: Path, file: Path, weights: dict[str, Tensor]) -> Autoencoder:
    architecture, arguments = _read_config(config)
    autoencoder = DiffusersAutoencoder(architecture, arguments, sha256_of(file))
    own = autoencoder.network.state_dict()
    weights = {_new_name(name): value for name, value in weights.items()}
    missing = sorted(own.keys() - weights.keys())
    unknown = sorted(weights.keys() - own.keys())
    if missing or unknown:
        raise InputError(
            f"{file} does not fit {config}: {len(missing)} of its tensors are missing and {len(unknown)} unknown, "
            f"such as {(missing or unknown)[0]}"
        )
    for name, value in weights.items():
        if own[name].shape != value.shape:
            raise InputError(
                f"{file} does not fit {config}: {name} has the shape {tuple(value.shape)} in place of "
                f"{tuple(own[name].shape)}"
            )
        own[name] = value.to(own[name].dtype)
    autoencoder.network.load_state_dict(own)
    return autoencoder


def _new_name(name: str) -> str:
    """A tensor's name in the library of today."""
    return re.sub(
        rf"(\.attentions\.\d+\.)({'|'.join(_OLD_ATTENTION)})\b",
        lambda found: found[1] + _OLD_ATTENTION[found[2]],
        name,
    )


def _read_config(path: Path) -> tuple[str, dict[str, Any]]:
    """The class that a configuration of diffusers names, and the configuration."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON") from error
    if not isinstance(config, dict) or "_class_name" not in config:
        raise InputError(f"{path} names no class of diffusers: give the folder of an autoencoder")
    architecture = config["_class_name"]
    if architecture not in CONTROL_POINTS:
        raise InputError(
            f"{path} names the class {architecture}: those that can be adopted are {', '.join(CONTROL_POINTS)}"
        )
    return architecture, config


def _halves(files: list[Path]) -> dict[str, Path]:
    """The files of an encoder and of a decoder, if there is one of each."""
    halves: dict[str, Path] = {}
    for file in files:
        for half in _HALVES:
            if half in file.stem and half not in halves:
                halves[half] = file
    if len(files) == len(halves) == len(_HALVES):
        return halves
    return {}


def _read_halves(folder: Path, halves: Mapping[str, Path]) -> Autoencoder:
    weights = {}
    checksums = []
    for half, file in halves.items():
        for name, value in _read_tensors(file).items():
            weights[f"{half}.{name.removeprefix(half + '.')}"] = value
        checksums.append(sha256_of(file))
    return _tiny(folder, weights, "+".join(checksums))


def _tiny(path: Path, weights: Mapping[str, Tensor], sha256: str) -> Autoencoder:
    try:
        return TaesdAutoencoder.from_weights(weights, sha256)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _name(path: Path) -> str:
    return path.name


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix.lower() in _PICKLED or zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is a pickle, which can run any program when it is read: give a safetensors file of these weights"
        )
    tensors = {}
    try:
        with safe_open(path, framework="pt") as file:
            if _OWN_KEY in (file.metadata() or {}):
                raise InputError(
                    f"{path} is latentinpaint's own and needs no adoption: the training commands take it as it is"
                )
            for name in file.keys():  # noqa: SIM118  it is no mapping
                tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file{mistaken_weights(path)}") from error
    return tensors

"""Which file a model's path or name stands for: itself, one in a folder, a model of the package or of the Hub."""

from collections.abc import Sequence
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.files import user_path
from latentinpaint.hub import download, hub_name

AUTOENCODER_FILE = "autoencoder.safetensors"
PIPELINE_FILE = "model.safetensors"
FLOW_FILE = "flow.safetensors"

_PRETRAINED_FOLDER = Path(__file__).parent
PRETRAINED = {
    "default": _PRETRAINED_FOLDER / "default.safetensors",
    "several": _PRETRAINED_FOLDER / "several.safetensors",
}
"""Models of the package, by name; a model's file or folder of that name goes first. A version may lack some."""


def pipeline_file(path: str | Path) -> Path:
    """The file that `weights.load_model` reads; errors as of `resolve`."""
    return resolve(path, PIPELINE_FILE)


def flow_file(path: str | Path) -> Path:
    """The file that `weights.load_flow` reads; errors as of `resolve`."""
    return resolve(path, FLOW_FILE)


def resolve(path: str | Path, *names: str) -> Path:
    """The file that a path stands for: itself, the first of `names` in a folder, or a pretrained model.

    A text ``org/name`` or ``org/name@revision`` that is no path here is a model of the Hugging Face Hub.

    Raises:
        InputError: if there is no such file, this version of the package does not hold the model's, or the Hub does
            not give it.
    """
    on_the_hub = hub_name(path)
    if on_the_hub is not None:
        return download(on_the_hub, names)
    path = user_path(path)
    if not path.exists() or _is_unrelated_folder(path, names):
        path = _pretrained_file(str(path)) or path
    if path.is_dir():
        for name in names:
            if (path / name).is_file():
                return path / name
        raise InputError(f"the folder {path} holds no {' and no '.join(names)}{_other_content(path)}")
    if not path.exists():
        held = filter(_is_held, PRETRAINED)
        raise InputError(f"there is no model file {path}, and no model of that name: {', '.join(held)}")
    return path


def _pretrained_file(name: str) -> Path | None:
    """The file of a model of the package; None if it has none of this name.

    Raises:
        InputError: if this version of the package does not hold the model's file.
    """
    path = PRETRAINED.get(name)
    if path is not None and not path.is_file():
        raise InputError(
            f"this version of latentinpaint holds no model {name}: make one with make_default and the recipe "
            f"{name}, and give its file"
        )
    return path


def _is_unrelated_folder(path: Path, names: Sequence[str]) -> bool:
    """Whether a folder has a model's name by chance: nothing in it is of a model or its training."""
    is_named = str(path) in PRETRAINED and _is_held(str(path)) and path.is_dir()
    return is_named and not any((path / name).is_file() for name in names) and not _other_content(path)


def _is_held(name: str) -> bool:
    return PRETRAINED[name].is_file()


def _other_content(folder: Path) -> str:
    """What a folder holds in place of the file that was looked for, and what to do with it."""
    hints = {
        AUTOENCODER_FILE: "it is a trained autoencoder, which fills nothing by itself: train a refiner on it with "
        "train_latent",
        FLOW_FILE: "it is a flow's, sample is the command for it",
        PIPELINE_FILE: "it is an inpainting model's, inpaint is the command for it",
        "checkpoints/last.ckpt": "its training has not ended, continue it with ckpt_path last",
    }
    for name, hint in hints.items():
        if (folder / name).is_file():
            return f": {hint}"
    return ""

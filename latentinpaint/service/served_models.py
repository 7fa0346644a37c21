"""The models that the service offers, by names short enough for a list."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter

_WARM_SIDE = 64  # pixels


def load_models(names: Sequence[str], device: str | None = None, precision: str = "float32") -> dict[str, Inpainter]:
    """Load models in the order of `names`.

    Args:
        names: model files, folders of training runs, or names that `Inpainter.from_pretrained` knows; one string may
            hold several, separated by commas. Duplicates are loaded once.
        device, precision: see `Inpainter`.

    Returns:
        The models by their `short_names`.

    Raises:
        InputError: if `names` is empty, or a model cannot be loaded.
    """
    sources = _split(names)
    if not sources:
        raise InputError("no model is named: give a model file, or the folder of a training run")
    models = {}
    for short_name, source in zip(short_names(sources), sources, strict=True):
        models[short_name] = Inpainter.from_pretrained(source, device, precision)
    return models


def warm(models: dict[str, Inpainter]) -> None:
    """Fill a small hole with every model, so that no visitor waits for what only the first fill needs."""
    picture = np.random.default_rng(0).integers(0, 256, (_WARM_SIDE, _WARM_SIDE, 3)).astype(np.uint8)
    hole = np.zeros((_WARM_SIDE, _WARM_SIDE), bool)
    hole[28:36, 28:36] = True
    for inpainter in models.values():
        inpainter(picture, hole)


def is_refinable(inpainter: Inpainter) -> bool:
    """Whether a model's fills can be refined from coarse to fine: its autoencoder has features to optimise."""
    return bool(inpainter.pipeline.autoencoder.stage_channels)


def _split(names: Sequence[str]) -> list[str]:
    """The names between the commas, without duplicates."""
    parts = map(str.strip, ",".join(names).split(","))
    return list(dict.fromkeys(filter(None, parts)))


def short_names(paths: Sequence[str]) -> list[str]:
    """The last part of each path without `model.safetensors`, with as many parts before it as make all different."""
    parts = list(map(_parts, paths))
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return _numbered(paths)


def _numbered(paths: Sequence[str]) -> list[str]:
    """Paths as they are, those that occur several times with their position behind."""
    occurrences = Counter(paths)
    names = []
    for position, path in enumerate(paths, start=1):
        names.append(path if occurrences[path] == 1 else f"{path} ({position})")
    return names


def _parts(path: str) -> tuple[str, ...]:
    whole = Path(path)
    parts = whole.relative_to(whole.anchor).parts
    if whole.suffix != ".safetensors":
        return parts
    folders = parts[:-1]
    if whole.name == "model.safetensors" and folders:
        return folders
    return (*folders, whole.stem)

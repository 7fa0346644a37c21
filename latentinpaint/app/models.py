"""The models that the page offers, by names short enough for a list."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter


def load_models(given: Sequence[str], device: str | None = None) -> dict[str, Inpainter]:
    """Load models in the order given.

    Args:
        given: model files, folders of training runs or names that `Inpainter.from_pretrained` knows; commas part
            several in one text. What is given twice is loaded once.
        device: see `Inpainter`.

    Raises:
        InputError: if none is given, or one cannot be used.
    """
    wanted = list(dict.fromkeys(part.strip() for text in given for part in text.split(",") if part.strip()))
    if not wanted:
        raise InputError("--model names no model: give a model file, or the folder of a training run")
    return {
        name: Inpainter.from_pretrained(model, device)
        for name, model in zip(short_names(wanted), wanted, strict=True)
    }


def short_names(paths: Sequence[str]) -> list[str]:
    """The last part of each path, `model.safetensors` left out; as many parts before it as tell all apart."""
    parts = [_parts(path) for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    repeats = Counter(paths)
    return [path if repeats[path] == 1 else f"{path} ({number})" for number, path in enumerate(paths, start=1)]


def _parts(path: str) -> tuple[str, ...]:
    whole = Path(path)
    parts = tuple(part for part in whole.parts if part not in (".", whole.anchor))
    if whole.suffix != ".safetensors":
        return parts
    return parts[:-1] if whole.name == "model.safetensors" and parts[:-1] else (*parts[:-1], whole.stem)

"""The functions behind the page's events: results of `service.py` become component updates, errors messages.

A handler returns a `PageUpdate`: new values by the names of the components, for those components alone that change.
"""

import functools
import html
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypedDict

import gradio as gr
import numpy as np
import torch

from latentinpaint.app import preview, service, uploads
from latentinpaint.app.examples import Example
from latentinpaint.app.store import Store
from latentinpaint.errors import InputError, choose
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter

MAX_SEED = 2**31 - 1
_DOWNLOAD_LABEL = "Download the picture"


class PageUpdate(TypedDict, total=False):
    """New values of components, by their names in the dataclasses of `page.py`.

    Paths are files for the browser, a dictionary is what `gr.update` returns, None clears a component.
    """

    photo: str | None
    mask: str | None
    invert: bool
    editor: dict[str, Any]
    samples: dict[str, Any]
    steps: dict[str, Any]
    refine: dict[str, Any]
    status: str
    slider: tuple[str, str] | None
    gallery: list[tuple[str, str]] | None
    uncertainty: str | None
    difference: str | None
    samples_tab: dict[str, Any]
    uncertainty_tab: dict[str, Any]
    download: dict[str, Any]
    download_mask: dict[str, Any]
    filled: service.FillResult | None


def report_errors(handler: Callable) -> Callable:
    """Turn every exception of a handler into a message on the page; a bug's traceback goes to the terminal."""

    @functools.wraps(handler)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        try:
            return handler(*arguments, **options)
        except InputError as error:
            message = str(error)
        except (MemoryError, torch.OutOfMemoryError):
            message = "there is not enough memory for this: take a smaller photo, fewer samples, or no refinement"
        except Exception:
            traceback.print_exc(file=sys.stderr)
            message = "this went wrong inside the program; the terminal that it runs in says how"
        # Escaped, because the page would interpret tags, such as those in a file name.
        raise gr.Error(html.escape(capitalised(message)), print_exception=False)

    return wrapper


def capitalised(sentence: str) -> str:
    """The sentence with a capital letter, unless it begins with a file name."""
    first_word = sentence.split(" ", 1)[0].rstrip(",:;")
    if not first_word.isalpha():
        return sentence
    return sentence[:1].upper() + sentence[1:]


class Handlers:
    """The page's handlers.

    Args:
        models: the models by the names that the page shows.
        store: where files are written.
        limits: the limits of uploads and options.
        examples: in the order in which the page shows them.
    """

    def __init__(
        self, models: dict[str, Inpainter], store: Store, limits: uploads.Limits, examples: list[Example]
    ) -> None:
        self.models = models
        self.store = store
        self.limits = limits
        self.examples = examples

    @report_errors
    def load(self, photo: str | None, mask: str | None, invert: bool) -> PageUpdate:
        """Show a photo in the editor, the hole of a mask file tinted, and clear earlier results."""
        return self._load(photo, mask, invert)

    @report_errors
    def recover(self, photo: str | None) -> PageUpdate:
        """After `load` failed: show the photo alone if it can be read, otherwise clear the inputs."""
        try:
            return {"photo": photo, "mask": None, "invert": False, **self._load(photo, None, False)}
        except InputError:
            return {"photo": None, "mask": None, "invert": False, **self._load(None, None, False)}

    def _load(self, photo: str | None, mask: str | None, invert: bool) -> PageUpdate:
        if photo is None:
            return {"editor": gr.update(value=None, visible=False), **empty_results("")}
        self.store.prune()
        loaded = uploads.read_photo(photo, self.limits)
        hole = None
        if mask is not None:
            hole = uploads.read_hole(mask, loaded, self.limits, invert)
        image = preview.make_preview(loaded.picture, hole)
        background = preview.save_preview(image, self.store.new_folder() / "preview.png")
        value: dict[str, Any] = {"background": background, "layers": [], "composite": None}
        return {
            "editor": gr.update(value=value, visible=True),
            **empty_results(html.escape(_description(loaded, hole))),
        }

    @report_errors
    def example(self, index: int) -> PageUpdate:
        """An example's photo and mask; white is filled."""
        example = self.examples[index]
        return {"photo": str(example.photo), "mask": str(example.mask), "invert": False}

    @report_errors
    def clear_mask(self) -> PageUpdate:
        """No mask file; white is filled in the next one."""
        return {"mask": None, "invert": False}

    @report_errors
    def options(self, model: str) -> PageUpdate:
        """Enable the options that a model has."""
        samples, steps, refine = option_states(self._model(model), self.limits)
        return {"samples": gr.update(**samples), "steps": gr.update(**steps), "refine": gr.update(**refine)}

    @report_errors
    def fill(
        self,
        photo: str | None,
        mask: str | None,
        invert: bool,
        editor: dict[str, Any] | None,
        model: str,
        samples: float,
        steps: float,
        seed: float | None,
        refine: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008  gradio finds it by this default
    ) -> PageUpdate:
        """Fill what is painted or masked."""
        if photo is None:
            raise InputError("there is no photo yet: choose one, or one of the examples")
        inpainter = self._model(model)
        options = self._fill_options(
            inpainter, samples, steps, seed, refine, lambda sentence: progress(None, desc=sentence)
        )
        self.store.prune()
        loaded = uploads.read_photo(photo, self.limits)
        hole = preview.painted_hole((editor or {}).get("layers") or [], loaded)
        if mask is not None:
            hole |= uploads.read_hole(mask, loaded, self.limits, invert)
        filled = service.fill(inpainter, loaded, hole, options, self.store.new_folder())
        return fill_results(filled, model)

    def _fill_options(
        self,
        inpainter: Inpainter,
        samples: float,
        steps: float,
        seed: float | None,
        refine: bool,
        report: Callable[[str], None],
    ) -> FillOptions:
        """The options of a fill, checked; those that the model does not have are left out."""
        whole_seed = _integer("the seed", 0 if seed is None else seed, MAX_SEED, least=0)
        refinement = _refinement(inpainter, refine, report)
        if not _stochastic(inpainter):
            return FillOptions(seed=whole_seed, refine=refinement)
        return FillOptions(
            num_samples=_integer("samples", samples, self.limits.samples),
            steps=_integer("steps", steps, self.limits.steps),
            seed=whole_seed,
            refine=refinement,
        )

    @report_errors
    def difference(self, photo: str | None, filled: service.FillResult | None, model: str) -> PageUpdate:
        """Draw the latent difference of the last fill."""
        if photo is None or filled is None:
            return {"difference": None}
        loaded = uploads.read_photo(photo, self.limits)
        hole = uploads.read_hole(filled.mask, loaded, self.limits)
        return {"difference": service.draw_difference(self._model(model), loaded, hole, self.store.new_folder())}

    @report_errors
    def select(self, filled: service.FillResult | None, event: gr.SelectData) -> PageUpdate:
        """Show the sample that was clicked in the slider, and offer it for download."""
        index = event.index
        if filled is None or not isinstance(index, int) or index >= len(filled.results):
            raise InputError("there is no such sample: fill the photo again")
        return {
            "slider": (filled.before, filled.after[index]),
            "download": gr.update(value=filled.results[index], label=f"Download sample {index + 1}"),
        }

    def _model(self, name: str) -> Inpainter:
        return choose(self.models, name, "model")


def option_states(inpainter: Inpainter, limits: uploads.Limits) -> list[dict[str, Any]]:
    """Properties of the components of samples, steps and refinement that fit a model."""
    samples: dict[str, Any] = {"interactive": False, "value": 1, "label": "One sample"}
    steps: dict[str, Any] = {"interactive": False, "value": 1, "label": "One step"}
    refine: dict[str, Any] = {"interactive": False, "value": False}
    if _stochastic(inpainter):
        default_steps = min(int(getattr(inpainter.pipeline.refiner, "steps", 1)), limits.steps)
        samples = {"interactive": True, "label": f"Samples (1–{limits.samples})"}
        steps = {"interactive": True, "value": default_steps, "label": f"Steps (1–{limits.steps})"}
    if _refinable(inpainter):
        refine = {"interactive": True}
    return [samples, steps, refine]


def empty_results(status: str) -> PageUpdate:
    """A status line, and no results."""
    return {
        "status": status,
        "slider": None,
        "gallery": None,
        "uncertainty": None,
        "difference": None,
        "samples_tab": gr.update(visible=False),
        "uncertainty_tab": gr.update(visible=False),
        "download": gr.update(value=None, interactive=False, label=_DOWNLOAD_LABEL),
        "download_mask": gr.update(value=None, interactive=False),
        "filled": None,
    }


def fill_results(filled: service.FillResult, model: str) -> PageUpdate:
    """The results of a fill; the latent difference is drawn afterwards."""
    several = len(filled.results) > 1
    captions = [f"sample {number + 1}" for number in range(len(filled.after))]
    notes = [f" {capitalised(note)}." for note in filled.notes]
    return {
        "status": html.escape(f"{filled.summary} {model}.{''.join(notes)}"),
        "slider": (filled.before, filled.after[0]),
        "gallery": list(zip(filled.after, captions, strict=True)),
        "uncertainty": filled.uncertainty,
        "difference": None,
        "samples_tab": gr.update(visible=several),
        "uncertainty_tab": gr.update(visible=several),
        "download": gr.update(
            value=filled.results[0], interactive=True, label="Download sample 1" if several else _DOWNLOAD_LABEL
        ),
        "download_mask": gr.update(value=filled.mask, interactive=True),
        "filled": filled,
    }


def _description(photo: uploads.Photo, hole: np.ndarray | None) -> str:
    """A photo's name and size, the size of its preview if that is smaller, and the size of its hole."""
    parts = [str(photo)]
    shown_size = preview.preview_size(*photo.size)
    if shown_size != photo.size:
        parts.append(f"painted at {max(shown_size)} pixels, kept at full size")
    if hole is not None:
        parts.append(f"mask of {100 * hole.mean():.3g} %; strokes are added to it")
    return "; ".join(parts)


def _refinement(inpainter: Inpainter, refine: bool, report: Callable[[str], None]) -> Refinement | bool:
    """The refinement if it is requested and the model supports it; `report` is called with its messages."""
    if refine and _refinable(inpainter):
        return Refinement(progress=report, warn=report)
    return False


def _integer(name: str, value: float, most: int, least: int = 1) -> int:
    if not (isinstance(value, int | float) and least <= value <= most and value == int(value)):
        raise InputError(f"{name}: a whole number from {least} to {most}, not {value}")
    return int(value)


def _stochastic(inpainter: Inpainter) -> bool:
    return inpainter.pipeline.refiner.stochastic


def _refinable(inpainter: Inpainter) -> bool:
    return bool(inpainter.pipeline.autoencoder.stage_channels)

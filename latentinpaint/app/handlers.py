"""What the page answers to a person's doings: files of `service.py` become what is shown, its sentences messages."""

import functools
import html
import sys
import traceback
from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
import torch

from latentinpaint.app import service
from latentinpaint.app.examples import Example
from latentinpaint.app.store import Store
from latentinpaint.errors import InputError
from latentinpaint.inpainter import Inpainter


def spoken(function: Callable) -> Callable:
    """Turn whatever goes wrong in a handler into a message of one sentence; a fault's traceback stays here."""

    @functools.wraps(function)
    def speaking(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  as the handler
        try:
            return function(*arguments, **named)
        except InputError as error:
            sentence = str(error)
        except (MemoryError, torch.OutOfMemoryError):
            sentence = "there is not enough memory for this: take a smaller photo, fewer samples, or no refinement"
        except Exception:
            traceback.print_exc(file=sys.stderr)
            sentence = "this went wrong inside the program; the terminal that it runs in says how"
        # The page would read tags in it, of a file's name for one.
        raise gr.Error(html.escape(sentence_case(sentence)), print_exception=False)

    return speaking


def sentence_case(sentence: str) -> str:
    """The first letter large, unless the sentence begins with a file's name."""
    first = sentence.split(" ", 1)[0].rstrip(",:;")
    return sentence[:1].upper() + sentence[1:] if first.isalpha() else sentence


class Handlers:
    """The page's functions; each answers as many values as its event has outputs.

    Args:
        models: by the names shown.
        store: where files go.
        limits: what is taken.
        examples: in the order shown.
    """

    def __init__(
        self, models: dict[str, Inpainter], store: Store, limits: service.Limits, examples: list[Example]
    ) -> None:
        self.models, self.store, self.limits, self.examples = models, store, limits, examples

    @spoken
    def load(self, photo: str | None, mask: str | None, invert: bool) -> list[Any]:
        """Show a photo in the editor, with the hole of a mask file tinted; earlier results go."""
        return self._load(photo, mask, invert)

    @spoken
    def recover(self, photo: str | None) -> list[Any]:
        """After `load` refused: the photo alone if it can be read, else nothing; for its three inputs and outputs."""
        try:
            return [photo, None, False, *self._load(photo, None, False)]
        except InputError:
            return [None, None, False, *self._load(None, None, False)]

    def _load(self, photo: str | None, mask: str | None, invert: bool) -> list[Any]:
        if photo is None:
            return [gr.update(value=None, visible=False), *nothing("")]
        self.store.tidy()
        read = service.read_photo(photo, self.limits)
        hole = None if mask is None else service.read_hole(mask, read, self.limits, invert)
        shown = service.save_preview(service.preview(read.picture, hole), self.store.new_folder() / "preview.png")
        value = {"background": shown, "layers": [], "composite": None}
        return [gr.update(value=value, visible=True), *nothing(self._said_of(read, hole))]

    def _said_of(self, photo: service.Photo, hole: np.ndarray | None) -> str:
        parts = [str(photo)]
        if service.preview_size(*photo.size) != photo.size:
            parts.append(f"painted at {max(service.preview_size(*photo.size))} pixels, kept at full size")
        if hole is not None:
            parts.append(f"mask of {100 * hole.mean():.3g} %; strokes are added to it")
        return html.escape("; ".join(parts))

    @spoken
    def example(self, index: int) -> tuple[str, str, bool]:
        """An example's photo, its mask, and that white is filled."""
        chosen = self.examples[index]
        return str(chosen.photo), str(chosen.mask), False

    @spoken
    def options(self, model: str) -> list[Any]:
        """Samples, steps and refinement as a model has them."""
        return [gr.update(**values) for values in option_values(self._model(model), self.limits)]

    @spoken
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
    ) -> list[Any]:
        """Fill what is painted or masked."""
        if photo is None:
            raise InputError("there is no photo yet: choose one, or one of the examples")
        inpainter = self._model(model)
        settings = service.Settings(
            samples=self._within("samples", samples, self.limits.samples) if _stochastic(inpainter) else 1,
            steps=self._within("steps", steps, self.limits.steps) if _stochastic(inpainter) else None,
            seed=self._within("the seed", 0 if seed is None else seed, 2**31 - 1, least=0),
            refine=bool(refine) and _refinable(inpainter),
            report=lambda sentence: progress(None, desc=sentence),
        )
        self.store.tidy()
        read = service.read_photo(photo, self.limits)
        hole = service.painted_hole((editor or {}).get("layers") or [], read)
        if mask is not None:
            hole |= service.read_hole(mask, read, self.limits, invert)
        filled = service.fill(inpainter, read, hole, settings, self.store.new_folder())
        return shown(filled, model)

    @spoken
    def difference(self, photo: str | None, filled: service.Filled | None, model: str) -> str | None:
        """The latent difference of the last fill."""
        if photo is None or filled is None:
            return None
        read = service.read_photo(photo, self.limits)
        hole = service.read_hole(filled.mask, read, self.limits)
        return service.draw_difference(self._model(model), read, hole, self.store.new_folder())

    @spoken
    def select(self, filled: service.Filled | None, event: gr.SelectData) -> list[Any]:
        """Put the sample that was clicked into the slider and behind the download."""
        if filled is None or not isinstance(event.index, int) or event.index >= len(filled.results):
            raise InputError("there is no such sample: fill the photo again")
        number = event.index
        label = f"Download sample {number + 1}"
        return [(filled.before, filled.afters[number]), gr.update(value=filled.results[number], label=label)]

    def _model(self, name: str) -> Inpainter:
        if name not in self.models:
            raise InputError(f"there is no model {name} here: choose one of {', '.join(self.models)}")
        return self.models[name]

    @staticmethod
    def _within(name: str, value: float, most: int, least: int = 1) -> int:
        if not (isinstance(value, int | float) and least <= value <= most and value == int(value)):
            raise InputError(f"{name}: a whole number from {least} to {most}, not {value}")
        return int(value)


def option_values(inpainter: Inpainter, limits: service.Limits) -> list[dict[str, Any]]:
    """For samples, steps and refinement: what their components are to be for a model."""
    if _stochastic(inpainter):
        own = min(int(getattr(inpainter.pipeline.refiner, "steps", 1)), limits.steps)
        samples = {"interactive": True, "label": f"Samples (1–{limits.samples})"}
        steps = {"interactive": True, "value": own, "label": f"Steps (1–{limits.steps})"}
    else:
        samples = {"interactive": False, "value": 1, "label": "One sample"}
        steps = {"interactive": False, "value": 1, "label": "One step"}
    if _refinable(inpainter):
        return [samples, steps, {"interactive": True}]
    return [samples, steps, {"interactive": False, "value": False}]


def nothing(said: str) -> list[Any]:
    """A sentence and empty results, as `page.Results.all` has them."""
    tab = gr.update(visible=False)
    result = gr.update(value=None, interactive=False, label="Download the picture")
    return [said, None, None, None, None, tab, tab, result, gr.update(value=None, interactive=False), None]


def shown(filled: service.Filled, model: str) -> list[Any]:
    """A fill, as `page.Results.all` has it; the latent difference follows by itself."""
    many = len(filled.results) > 1
    captions = [(path, f"sample {number}") for number, path in enumerate(filled.afters, start=1)]
    notes = (f" {sentence_case(note)}." for note in filled.notes)
    label = "Download sample 1" if many else "Download the picture"
    return [
        html.escape(f"{filled.sentence} {model}.{''.join(notes)}"),
        (filled.before, filled.afters[0]),
        captions,
        filled.uncertainty,
        None,
        gr.update(visible=many),
        gr.update(visible=many),
        gr.update(value=filled.results[0], interactive=True, label=label),
        gr.update(value=filled.mask, interactive=True),
        filled,
    ]


def _stochastic(inpainter: Inpainter) -> bool:
    return inpainter.pipeline.refiner.stochastic


def _refinable(inpainter: Inpainter) -> bool:
    return bool(inpainter.pipeline.autoencoder.stage_channels)

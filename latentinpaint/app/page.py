"""The page itself: what is where, and which of `handlers.py` answers to what."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from latentinpaint.app import service
from latentinpaint.app.examples import Example, write_examples
from latentinpaint.app.handlers import Handlers, option_values
from latentinpaint.app.store import Store
from latentinpaint.inpainter import Inpainter

INTRODUCTION = """# latentinpaint
Choose a photo, paint over what should go, and fill. Every pixel you do not paint keeps its value exactly."""
BRUSH = ("rgb(230, 30, 60)", 0.65)
CSS = """
.gradio-container { width: 100%; max-width: 1360px !important; margin: 0 auto; }
#introduction h1 { margin-bottom: 2px; font-size: 1.5rem; }
#introduction p { margin: 0; }
#said p { margin: 2px 0; }
#editor button[aria-label="Color"] { display: none; }
"""
# For `launch`: fonts of the visitor's own machine, so that none is asked for elsewhere.
LOOK: dict[str, Any] = {
    "theme": gr.themes.Default(
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ),
    "css": CSS,
}


@dataclass(frozen=True)
class Source:
    """The photo and its hole."""

    photo: gr.File
    editor: gr.ImageEditor
    mask: gr.File
    invert: gr.Checkbox
    examples: gr.Dataset


@dataclass(frozen=True)
class Chosen:
    """How to fill, and the button that does it."""

    model: gr.Dropdown
    samples: gr.Number
    steps: gr.Number
    seed: gr.Number
    refine: gr.Checkbox
    fill: gr.Button

    @property
    def settings(self) -> list[gr.components.Component]:
        """In the order in which `Handlers.fill` takes them."""
        return [self.model, self.samples, self.steps, self.seed, self.refine]


@dataclass(frozen=True)
class Results:
    """What is shown and offered, two of them in tabs that only several samples need.

    `filled` is the session's last `service.Filled`.
    """

    said: gr.Markdown
    slider: gr.ImageSlider
    gallery: gr.Gallery
    uncertainty: gr.Image
    difference: gr.Image
    samples_tab: gr.Tab
    uncertainty_tab: gr.Tab
    result: gr.DownloadButton
    mask: gr.DownloadButton
    filled: gr.State

    @property
    def all(self) -> list[Any]:
        """In the order of `handlers.nothing` and `handlers.shown`."""
        return [getattr(self, part.name) for part in fields(self)]


def build_page(models: dict[str, Inpainter], store: Store, limits: service.Limits) -> gr.Blocks:
    """The page for models by their names; its files go to `store`."""
    examples = write_examples(store.new_folder(kept=True))
    with gr.Blocks(title="latentinpaint", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION, elem_id="introduction")
        with gr.Row():
            with gr.Column(min_width=320):
                source = _lay_out_source(limits, examples)
            with gr.Column(min_width=320):
                chosen = _lay_out_settings(models, limits)
                shown = _lay_out_results()
        _connect(source, chosen, shown, Handlers(models, store, limits, examples))
    return page.queue(max_size=16, default_concurrency_limit=1, api_open=False)


def _lay_out_source(limits: service.Limits, examples: list[Example]) -> Source:
    photo = gr.File(label=f"Photo (at most {limits.upload:g} MB)", file_types=["image"], height=130, elem_id="photo")
    editor = gr.ImageEditor(
        label="Paint here",
        elem_id="editor",
        type="pil",
        image_mode="RGBA",
        sources=(),
        transforms=(),
        layers=False,
        brush=gr.Brush(colors=[BRUSH], default_color=BRUSH, color_mode="fixed"),
        height=460,
        buttons=["fullscreen"],
        visible=False,
    )
    with gr.Accordion("Mask from a file", open=False, elem_id="mask_part"):
        mask = gr.File(
            label="Mask of the photo's size, white is filled", file_types=["image"], height=130, elem_id="mask"
        )
        invert = gr.Checkbox(label="Black is filled", container=False, elem_id="invert")
    chosen = gr.Dataset(
        label="Examples",
        components=[gr.Image(visible=False)],
        samples=[[str(example.thumbnail)] for example in examples],
        type="index",
        elem_id="examples",
    )
    return Source(photo, editor, mask, invert, chosen)


def _lay_out_settings(models: dict[str, Inpainter], limits: service.Limits) -> Chosen:
    first = next(iter(models))
    samples, steps, refine = option_values(models[first], limits)
    whole = {"precision": 0, "minimum": 1, "min_width": 100}
    with gr.Row(elem_id="settings"):
        model = gr.Dropdown(list(models), value=first, label="Model", min_width=160, elem_id="model")
        samples = gr.Number(**{"value": 1} | samples, **whole, maximum=limits.samples, elem_id="samples")
        steps = gr.Number(**steps, **whole, maximum=limits.steps, elem_id="steps")
        seed = gr.Number(0, label="Seed", **whole | {"minimum": 0}, elem_id="seed")
    refine = gr.Checkbox(
        label="Refine from coarse to fine: for photos above 256 pixels, many times slower",
        container=False,
        elem_id="refine",
        **refine,
    )
    button = gr.Button("Fill", variant="primary", elem_id="fill")
    return Chosen(model, samples, steps, seed, refine, button)


def _lay_out_results() -> Results:
    said = gr.Markdown("", elem_id="said")
    look = {"show_label": False, "height": 370, "buttons": ["fullscreen"]}
    with gr.Tabs(elem_id="results"):
        with gr.Tab("Before and after", id="slider"):
            # A picture may be no higher than its frame: the two halves would not lie on each other.
            slider = gr.ImageSlider(interactive=False, max_height=look["height"] - 2, elem_id="slider", **look)
        with gr.Tab("Samples", visible=False) as samples:
            gallery = gr.Gallery(columns=2, rows=2, object_fit="contain", elem_id="gallery", **look)
        with gr.Tab("Uncertainty", visible=False) as spread:
            uncertainty = gr.Image(interactive=False, elem_id="uncertainty", **look)
        with gr.Tab("Latent difference"):
            difference = gr.Image(interactive=False, elem_id="difference", **look)
    with gr.Row():
        result = gr.DownloadButton(
            "Download the picture", interactive=False, size="md", min_width=140, elem_id="download_result"
        )
        mask = gr.DownloadButton(
            "Download the mask", interactive=False, size="md", min_width=140, elem_id="download_mask"
        )
    return Results(said, slider, gallery, uncertainty, difference, samples, spread, result, mask, gr.State(None))


def _connect(source: Source, chosen: Chosen, results: Results, handlers: Handlers) -> None:
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    files = [source.photo, source.mask, source.invert]
    shown = [source.editor, *results.all]

    def load_on(event: Callable) -> None:
        look = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": source.editor}
        event(handlers.load, files, shown, **look).failure(handlers.recover, source.photo, [*files, *shown], **quiet)

    # A new photo's hole is not the old one's.
    load_on(source.photo.upload(lambda: (None, False), outputs=files[1:], **quiet).then)
    load_on(source.examples.click(handlers.example, source.examples, files, **quiet).then)
    for event in (source.photo.clear, source.mask.upload, source.mask.clear, source.invert.input):
        load_on(event)
    chosen.model.change(handlers.options, chosen.model, [chosen.samples, chosen.steps, chosen.refine], **quiet)
    filling = chosen.fill.click(
        handlers.fill,
        [*files, source.editor, *chosen.settings],
        results.all,
        api_visibility="private",
        show_progress_on=results.slider,
        concurrency_id="model",
    )
    filling.success(
        handlers.difference,
        [source.photo, results.filled, chosen.model],
        results.difference,
        concurrency_id="model",
        api_visibility="private",
    )
    results.gallery.select(handlers.select, results.filled, [results.slider, results.result], **quiet)

"""The page: the layout of its components, and the handler of each event."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import gradio as gr
from gradio.components import Component

from latentinpaint.app.examples import Example, write_examples
from latentinpaint.app.handlers import Handlers, option_states
from latentinpaint.app.preview import BRUSH_OPACITY, TINT
from latentinpaint.app.store import Store
from latentinpaint.app.uploads import Limits
from latentinpaint.inpainter import Inpainter

INTRODUCTION = """# latentinpaint
Choose a photo, paint over what should go, and fill. Every pixel you do not paint keeps its value exactly."""
BRUSH = (f"rgb{TINT}", BRUSH_OPACITY)
CSS = """
.gradio-container { width: 100%; max-width: 1360px !important; margin: 0 auto; }
#introduction h1 { margin-bottom: 2px; font-size: 1.5rem; }
#introduction p { margin: 0; }
#status p { margin: 2px 0; }
#editor button[aria-label="Color"] { display: none; }
"""
# For `launch`: fonts of the visitor's own machine, so that none is requested from another server.
STYLE: dict[str, Any] = {
    "theme": gr.themes.Default(
        font=["ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ),
    "css": CSS,
}
_VIEW_HEIGHT = 370


@dataclass(frozen=True)
class InputComponents:
    """The photo and its hole."""

    photo: gr.File
    editor: gr.ImageEditor
    mask: gr.File
    invert: gr.Checkbox
    examples: gr.Dataset


@dataclass(frozen=True)
class OptionComponents:
    """The options of a fill, and the button that starts it."""

    model: gr.Dropdown
    samples: gr.Number
    steps: gr.Number
    seed: gr.Number
    refine: gr.Checkbox
    fill: gr.Button


@dataclass(frozen=True)
class ResultComponents:
    """The views of the results and their downloads; `filled` holds the session's last `service.FillResult`."""

    status: gr.Markdown
    slider: gr.ImageSlider
    gallery: gr.Gallery
    uncertainty: gr.Image
    difference: gr.Image
    samples_tab: gr.Tab
    uncertainty_tab: gr.Tab
    download: gr.DownloadButton
    download_mask: gr.DownloadButton
    filled: gr.State


def build_page(models: dict[str, Inpainter], store: Store, limits: Limits) -> gr.Blocks:
    """The page for models by their names; its files go to `store`."""
    examples = write_examples(store.new_folder(permanent=True))
    with gr.Blocks(title="latentinpaint", analytics_enabled=False) as page:
        gr.Markdown(INTRODUCTION, elem_id="introduction")
        with gr.Row():
            with gr.Column(min_width=320):
                inputs = _lay_out_inputs(limits, examples)
            with gr.Column(min_width=320):
                options = _lay_out_options(models, limits)
                results = _lay_out_results()
        _connect(inputs, options, results, Handlers(models, store, limits, examples))
    return page.queue(max_size=16, default_concurrency_limit=1, api_open=False)


def _lay_out_inputs(limits: Limits, examples: list[Example]) -> InputComponents:
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
    gallery = gr.Dataset(
        label="Examples",
        components=[gr.Image(visible=False)],
        samples=[[str(example.thumbnail)] for example in examples],
        type="index",
        elem_id="examples",
    )
    return InputComponents(photo, editor, mask, invert, gallery)


def _lay_out_options(models: dict[str, Inpainter], limits: Limits) -> OptionComponents:
    first = next(iter(models))
    samples_state, steps_state, refine_state = option_states(models[first], limits)
    with gr.Row(elem_id="settings"):
        model = gr.Dropdown(list(models), value=first, label="Model", min_width=160, elem_id="model")
        samples = _number("samples", 1, limits.samples, {"value": 1} | samples_state)
        steps = _number("steps", 1, limits.steps, steps_state)
        seed = _number("seed", 0, None, {"value": 0, "label": "Seed"})
    refine = gr.Checkbox(
        label="Refine from coarse to fine: for photos above 256 pixels, many times slower",
        container=False,
        elem_id="refine",
        **refine_state,
    )
    fill = gr.Button("Fill", variant="primary", elem_id="fill")
    return OptionComponents(model, samples, steps, seed, refine, fill)


def _number(elem_id: str, minimum: int, maximum: int | None, state: dict[str, Any]) -> gr.Number:
    """A field for a whole number; `state` has its value, its label and whether it is interactive."""
    return gr.Number(precision=0, minimum=minimum, maximum=maximum, min_width=100, elem_id=elem_id, **state)


def _lay_out_results() -> ResultComponents:
    status = gr.Markdown("", elem_id="status")
    view: dict[str, Any] = {"show_label": False, "height": _VIEW_HEIGHT, "buttons": ["fullscreen"]}
    with gr.Tabs(elem_id="results"):
        with gr.Tab("Before and after", id="slider"):
            # An image higher than its frame would be cut, and the two halves would not coincide.
            slider = gr.ImageSlider(interactive=False, max_height=_VIEW_HEIGHT - 2, elem_id="slider", **view)
        with gr.Tab("Samples", visible=False) as samples_tab:
            gallery = gr.Gallery(columns=2, rows=2, object_fit="contain", elem_id="gallery", **view)
        with gr.Tab("Uncertainty", visible=False) as uncertainty_tab:
            uncertainty = gr.Image(interactive=False, elem_id="uncertainty", **view)
        with gr.Tab("Latent difference"):
            difference = gr.Image(interactive=False, elem_id="difference", **view)
    with gr.Row():
        download = _download_button("Download the picture", "download_result")
        download_mask = _download_button("Download the mask", "download_mask")
    return ResultComponents(
        status=status,
        slider=slider,
        gallery=gallery,
        uncertainty=uncertainty,
        difference=difference,
        samples_tab=samples_tab,
        uncertainty_tab=uncertainty_tab,
        download=download,
        download_mask=download_mask,
        filled=gr.State(None),
    )


def _download_button(label: str, elem_id: str) -> gr.DownloadButton:
    return gr.DownloadButton(label, interactive=False, size="md", min_width=140, elem_id=elem_id)


def by_component(handler: Callable, *groups: InputComponents | OptionComponents | ResultComponents) -> Callable:
    """A handler whose `PageUpdate` is keyed by component, as gradio takes it, in place of by name.

    Args:
        handler: returns a `PageUpdate`.
        groups: the dataclasses that have the components.
    """
    components: dict[str, Any] = {}
    for group in groups:
        for field in fields(group):
            components[field.name] = getattr(group, field.name)

    @functools.wraps(handler)
    def wrapper(*arguments: Any, **options: Any) -> dict[Any, Any]:
        update = handler(*arguments, **options)
        return {components[name]: value for name, value in update.items()}

    return wrapper


def _connect(
    inputs: InputComponents, options: OptionComponents, results: ResultComponents, handlers: Handlers
) -> None:
    groups = (inputs, options, results)
    listen = functools.partial(_listen, groups)
    files: list[Component] = [inputs.photo, inputs.mask, inputs.invert]
    views = [getattr(results, field.name) for field in fields(results)]

    def load_on(event: Callable) -> None:
        loading = listen(event, handlers.load, files, [inputs.editor, *views], inputs.editor, "minimal")
        listen(loading.failure, handlers.recover, [inputs.photo], [*files, inputs.editor, *views])

    # The hole of a new photo is not that of the old one.
    load_on(listen(inputs.photo.upload, handlers.clear_mask, [], files[1:]).then)
    load_on(listen(inputs.examples.click, handlers.example, [inputs.examples], files).then)
    for event in (inputs.photo.clear, inputs.mask.upload, inputs.mask.clear, inputs.invert.input):
        load_on(event)
    listen(options.model.change, handlers.options, [options.model], [options.samples, options.steps, options.refine])
    filling = options.fill.click(
        by_component(handlers.fill, *groups),
        [*files, inputs.editor, options.model, options.samples, options.steps, options.seed, options.refine],
        views,
        api_visibility="private",
        show_progress_on=results.slider,
        concurrency_id="model",
    )
    filling.success(
        by_component(handlers.difference, *groups),
        [inputs.photo, results.filled, options.model],
        results.difference,
        concurrency_id="model",
        api_visibility="private",
    )
    listen(results.gallery.select, handlers.select, [results.filled], [results.slider, results.download])


def _listen(
    groups: tuple[InputComponents, OptionComponents, ResultComponents],
    event: Callable,
    handler: Callable,
    inputs: list[Component],
    outputs: list[Component],
    progress_on: Component | None = None,
    show_progress: Literal["minimal", "hidden"] = "hidden",
) -> Any:
    """Run a handler at an event; returns gradio's dependency, to which further events can be attached."""
    return event(
        by_component(handler, *groups),
        inputs,
        outputs,
        api_visibility="private",
        show_progress=show_progress,
        show_progress_on=progress_on,
    )

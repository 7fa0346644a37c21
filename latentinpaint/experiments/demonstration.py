"""The whole job, small, on the photographs inside scikit-image, with nothing to download.

A model that was trained for hours, the default one, fills some of them first. Then both refiners are trained in the
latent space of its frozen autoencoder, the held-back photographs are filled, and everything a full run leaves is
left: models, a grid, the latent difference and a table.

Training takes a fixed number of steps, whatever the time: a busy machine takes longer and ends with the same models.
The refiners' models have the default model's kind of texture: a dozen photographs teach them which colours belong
into a hole, but not what surfaces look like.
"""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytorch_lightning as pl
from PIL import Image
from torch import Tensor

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.datamodule import SAMPLES, InpaintingDataModule
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.errors import count_of
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.chosen_metrics import build_evaluator_of_pictures
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import evaluate_all
from latentinpaint.evaluation.methods import BaselineMethod, Method, ModelMethod
from latentinpaint.evaluation.report.serialise import as_json
from latentinpaint.evaluation.runner import one_thread
from latentinpaint.evaluation.summary import Summary, summarise
from latentinpaint.experiments.default_fills import draw_fills
from latentinpaint.files import write_text
from latentinpaint.images.image_files import write_image
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.inpainter import Inpainter
from latentinpaint.pipeline import composite
from latentinpaint.refiners import FFCRefiner, FlowRefiner, Refiner
from latentinpaint.training.callbacks import RunProgress, WeightEMA
from latentinpaint.training.precision import Precision, fastest_precision
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.visualization import draw_latent_difference, latent_difference, picture_grid, to_pil

DEFAULT_SHEET = "default.png"
TRAINING_SIZE = 128
FILL_SIZE = 192
NUM_SAMPLES = 4  # of the flow, in the table
BASELINE_NAMES = ("mean", "telea", "ns")
GRID_LABELS = (
    *("truth", "hole", "mean colour", "OpenCV Telea", "ffc + texture"),
    *("flow + texture, sample 1", "flow + texture, sample 2"),
)

# Small, and starting from a continuation of the known cells, which carries the colours across a hole: neither refiner
# would learn that from so little. Two steps of the solver, because every further one paints more of what the flow has
# not learnt to tell from noise.
SMALL_REFINERS: dict[str, Callable[[int], Refiner]] = {
    "ffc": lambda channels: FFCRefiner(channels, blocks=4, width=96, delta=True, hole_weight=10.0, continued=True),
    "flow": lambda channels: FlowRefiner(channels, width=64, multipliers=(1, 2), steps=2, continued=True),
}


def run(folder: Path, steps: int, seed: int, model: str = "default") -> Summary:
    """Fill with a trained model, train both refiners, fill the held-back photographs and evaluate the fills.

    Args:
        folder: for the models, the pictures and the figures; files of an earlier run are replaced.
        steps: of each refiner's training, 1 or more.
        seed: of the training, the holes and the samples.
        model: the trained model, whose autoencoder is taken; see `weights.load_model`.

    Raises:
        InputError: if the folder cannot be written to, or there is no such model.
    """
    # Written first: whether the folder can be written to is found out at once.
    write_text(folder / "settings.json", json.dumps({"steps": steps, "seed": seed}))
    try:
        with one_thread():  # on a busy machine several wait for each other at every operation
            fill_with(model, folder, seed)
            return evaluate_models(folder, train_models(folder, steps, seed, model), seed)
    except KeyboardInterrupt:
        print(f"\nwhat was finished is in {folder}", flush=True)
        raise


def fill_with(model: str, folder: Path, seed: int) -> None:
    """Let a trained model fill sample photographs, and write the sheet."""
    path = folder / DEFAULT_SHEET
    write_image(draw_fills(Inpainter.from_pretrained(model), seed), path)
    print(f"photographs that the {model} model has filled: {path}", flush=True)


def train_models(folder: Path, steps: int, seed: int, model: str = "default") -> dict[str, Inpainter]:
    """Train both refiners on a trained model's autoencoder into a folder; returns them by name."""
    pl.seed_everything(seed, verbose=False)
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    data = InpaintingDataModule(
        SAMPLES,
        size=TRAINING_SIZE,
        zoom=4.0,
        augmentation="recolour",
        masks="thick",
        batch_size=8,
        epoch_length=100_000,
        num_workers=1,
        seed=seed,
    )
    precision = fastest_precision()
    trained_on = _photo_names("train")
    held_back = ", ".join(_photo_names("val"))
    print(f"training on {count_of(len(trained_on), 'photograph')}, {precision}; held back: {held_back}", flush=True)
    trained = {}
    for name, refiner in SMALL_REFINERS.items():
        task = LatentTask(model, refiner, learning_rate=2e-3, warmup_steps=50)
        trained[name] = _train(name, task, data, steps, precision)
        print(f"{name}: {trained[name].save_pretrained(folder / name)}", flush=True)
    return trained


def evaluate_models(folder: Path, trained: dict[str, Inpainter], seed: int) -> Summary:
    """Fill the held-back photographs; write the grid, the latent difference, an example to try and the figures."""
    print("filling and evaluating the held-back photographs", flush=True)
    items = _items(seed)
    evaluator, notes = build_evaluator_of_pictures()
    for note in notes:
        print(f"note: {note}")
    records = evaluate_all(items, _methods(trained), evaluator)
    summary = summarise(*records, evaluator.metrics, evaluator.networks, reference="ffc")
    for name, picture in _pictures(items, trained).items():
        write_image(picture, folder / name)
    write_text(folder / "metrics.json", json.dumps(as_json(summary), indent=1, allow_nan=False))
    return summary


def _train(
    name: str,
    task: LatentTask,
    data: InpaintingDataModule,
    steps: int,
    precision: Precision,
) -> Inpainter:
    """The trained model, with texture.

    Raises:
        KeyboardInterrupt: if the training was stopped.
    """
    trainer = pl.Trainer(
        max_steps=steps,
        max_epochs=-1,
        limit_val_batches=0,
        precision=precision,
        callbacks=[WeightEMA(0.995), RunProgress(name)],
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    try:
        trainer.fit(task, datamodule=data)
    except SystemExit as error:
        # Lightning makes this of Ctrl-C after its callbacks have run.
        raise KeyboardInterrupt from error
    return Inpainter(task.pipeline, task.device, texture=PatchTexture(), recipe=task.recipe())


def _methods(trained: dict[str, Inpainter]) -> list[Method]:
    """What is compared: baselines, and every model with its texture and without."""
    methods: list[Method] = [BaselineMethod(BASELINES[name]) for name in BASELINE_NAMES]
    options = FillOptions(num_samples=NUM_SAMPLES, crop=None)
    for name, inpainter in trained.items():
        alone = f"{name}, networks alone"
        methods.append(ModelMethod(name, f"{name} + texture", inpainter.fused, options, inpainter.texture))
        methods.append(ModelMethod(alone, alone, inpainter.fused, options))
    return methods


def _items(seed: int) -> list[DatasetItem]:
    """Two holes in each of the held-back photographs."""
    photos = SamplePhotos("val")
    crops = Crops(photos, centre_crop(FILL_SIZE), mask_preset("medium", FILL_SIZE), seed, shuffle=False)
    items = []
    for number in range(2 * len(photos)):
        photo = photos.names[number % len(photos)]
        hole = number // len(photos) + 1
        crop = crops[number]
        items.append(DatasetItem(f"{photo} {hole}", crop["image"][None], crop["mask"][None], photo))
    return items


def _pictures(items: Sequence[DatasetItem], trained: dict[str, Inpainter]) -> dict[str, Image.Image]:
    """What a person looks at, by file name."""
    flow = trained["flow"].pipeline
    first = items[0]
    return {
        "grid.png": picture_grid([_grid_row(item, trained) for item in items], GRID_LABELS),
        "latent_difference.png": draw_latent_difference(
            latent_difference(flow.autoencoder, first.image, first.mask, flow.control)
        ),
        "photo.png": to_pil(first.image[0]),
        "photo_mask001.png": to_pil(first.mask[0].expand(3, -1, -1)),
    }


def _grid_row(item: DatasetItem, trained: dict[str, Inpainter]) -> Sequence[Tensor]:
    """The pictures of one row of the grid, in the order of `GRID_LABELS`."""
    white = composite(item.image, item.image.new_ones(()).expand_as(item.image), item.mask)
    mean = BASELINES["mean"](item.image, item.mask)
    telea = BASELINES["telea"](item.image, item.mask)
    ffc = trained["ffc"](item.image[0], item.mask[0])
    flow = trained["flow"].samples(item.image[0], item.mask[0], 2)
    return [item.image[0], white[0], mean[0], telea[0], ffc, *flow]


def _photo_names(split: str) -> list[str]:
    return [Path(name).stem for name in SamplePhotos(split).names]

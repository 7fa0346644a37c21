"""The whole job, small, on the photographs inside scikit-image, with nothing to download.

An autoencoder, then both refiners are trained for some minutes, the held-back photographs are filled, and everything
a full run leaves is left: models, a grid, the latent difference and a table.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from PIL import Image
from torch import Tensor

from latentinpaint.data.augmentation import centre_crop
from latentinpaint.data.datamodule import SAMPLES, InpaintingDataModule
from latentinpaint.data.masks import mask_preset
from latentinpaint.data.photos import Crops, SamplePhotos
from latentinpaint.errors import InputError
from latentinpaint.evaluation.baselines import BASELINES
from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator, evaluate_all
from latentinpaint.evaluation.methods import BaselineMethod, Method, ModelMethod
from latentinpaint.evaluation.report.serialise import as_json
from latentinpaint.evaluation.summary import Summary, summarise
from latentinpaint.files import write_text
from latentinpaint.images.image_files import write_image
from latentinpaint.inference.options import FillOptions
from latentinpaint.metrics.perceptual import load_lpips
from latentinpaint.metrics.pixels import METRICS, Metric
from latentinpaint.models import LamaAutoencoder
from latentinpaint.pipeline import InpaintPipeline, composite
from latentinpaint.refiners import FFCRefiner, FlowRefiner, Refiner
from latentinpaint.training.callbacks import RunProgress, WeightEMA
from latentinpaint.training.precision import fastest_precision
from latentinpaint.training.tasks.autoencoder_task import PretrainTask
from latentinpaint.training.tasks.base import TrainingTask
from latentinpaint.training.tasks.latent_task import LatentTask
from latentinpaint.visualization import draw_latent_difference, latent_difference, picture_grid, to_pil
from latentinpaint.weights import load_pipeline

# Shares of the time; what remains is for starting up, filling, evaluating and drawing.
TIME_SHARES = {"autoencoder": 0.34, "ffc": 0.22, "flow": 0.28}
TRAINING_SIZE = 128
FILL_SIZE = 192
GRID_LABELS = ("truth", "hole", "mean colour", "OpenCV Telea", "ffc", "flow, sample 1", "flow, sample 2")


def run(folder: Path, minutes: float, seed: int) -> Summary:
    """Train an autoencoder and both refiners, fill the held-back photographs and evaluate the fills.

    Args:
        folder: for the models, the pictures and the figures; files of an earlier run are replaced.
        minutes: time for everything, on a machine with two cores; above 0.
        seed: of the training, the holes and the samples.

    Raises:
        InputError: if the folder cannot be written to.
    """
    # Written first: whether the folder can be written to is found out at once.
    write_text(folder / "settings.json", json.dumps({"minutes": minutes, "seed": seed}))
    pipelines = train_models(folder, minutes, seed)
    return evaluate_models(folder, pipelines, seed)


def train_models(folder: Path, minutes: float, seed: int) -> dict[str, InpaintPipeline]:
    """Train the autoencoder and both refiners into a folder; returns the refiners' pipelines by name."""
    pl.seed_everything(seed, verbose=False)
    for name in ("pytorch_lightning.utilities.rank_zero", "pytorch_lightning.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    data = InpaintingDataModule(
        SAMPLES,
        size=TRAINING_SIZE,
        zoom=2.5,
        augmentation="recolour",
        batch_size=16,
        epoch_length=100_000,
        num_workers=1,
        seed=seed,
    )
    precision = fastest_precision()
    trained_on = _photo_names("train")
    held_back = ", ".join(_photo_names("val"))
    print(f"training on {len(trained_on)} photographs, {precision}; held back: {held_back}")

    def fit(name: str, task: TrainingTask, target: Path) -> None:
        trainer = _trainer(name, TIME_SHARES[name] * minutes, precision)
        trainer.fit(task, datamodule=data)
        print(f"{name}: {trainer.global_step} steps, {task.save_model(target, data)}")

    fit("autoencoder", PretrainTask(LamaAutoencoder(final_relu=False), learning_rate=4e-3, warmup_steps=30), folder)
    refiners: dict[str, Callable[[int], Refiner]] = {
        "ffc": lambda channels: FFCRefiner(channels, blocks=4, width=96, delta=True, hole_weight=10.0),
        "flow": lambda channels: FlowRefiner(channels, width=48, multipliers=(1, 2)),
    }
    for name, refiner in refiners.items():
        fit(name, LatentTask(str(folder), refiner, learning_rate=2e-3, warmup_steps=30), folder / name)
    pipelines = {}
    for name in refiners:
        pipelines[name] = load_pipeline(folder / name)
    return pipelines


def evaluate_models(folder: Path, pipelines: dict[str, InpaintPipeline], seed: int) -> Summary:
    """Fill the held-back photographs; write the grid, the latent difference, an example to try and the figures."""
    items = _items(seed)
    methods: list[Method] = [BaselineMethod(BASELINES[name]) for name in ("mean", "telea", "ns")]
    options = FillOptions(num_samples=8, crop=None)
    for name, pipeline in pipelines.items():
        methods.append(ModelMethod(name, name, pipeline, options))
    metrics: list[Metric] = list(METRICS.values())
    try:
        metrics.append(load_lpips())
    except InputError as error:
        print(f"note: LPIPS is left out: {error}")
    summary = summarise(*evaluate_all(items, methods, Evaluator(metrics)), metrics, networks=(), reference="ffc")
    for name, picture in _pictures(items, pipelines).items():
        write_image(picture, folder / name)
    write_text(folder / "metrics.json", json.dumps(as_json(summary), indent=1, allow_nan=False))
    return summary


def _trainer(name: str, minutes: float, precision: Any) -> pl.Trainer:  # noqa: ANN401  Lightning lists its names
    return pl.Trainer(
        max_time=timedelta(minutes=minutes),
        max_steps=-1,
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


def _items(seed: int) -> list[DatasetItem]:
    """Two holes in each of the held-back photographs."""
    photos = SamplePhotos("val")
    crops = Crops(photos, centre_crop(FILL_SIZE), mask_preset("thick", FILL_SIZE), seed, shuffle=False)
    items = []
    for number in range(2 * len(photos)):
        photo = photos.names[number % len(photos)]
        hole = number // len(photos) + 1
        crop = crops[number]
        items.append(DatasetItem(f"{photo} {hole}", crop["image"][None], crop["mask"][None], photo))
    return items


def _pictures(items: Sequence[DatasetItem], pipelines: dict[str, InpaintPipeline]) -> dict[str, Image.Image]:
    """What a person looks at, by file name."""
    flow = pipelines["flow"]
    first = items[0]
    return {
        "grid.png": picture_grid([_grid_row(item, pipelines) for item in items], GRID_LABELS),
        "latent_difference.png": draw_latent_difference(
            latent_difference(flow.autoencoder, first.image, first.mask, flow.control)
        ),
        "photo.png": to_pil(first.image[0]),
        "photo_mask001.png": to_pil(first.mask[0].expand(3, -1, -1)),
    }


def _grid_row(item: DatasetItem, pipelines: dict[str, InpaintPipeline]) -> Sequence[Tensor]:
    """The pictures of one row of the grid, in the order of `GRID_LABELS`."""
    white = composite(item.image, item.image.new_ones(()).expand_as(item.image), item.mask)
    mean = BASELINES["mean"](item.image, item.mask)
    telea = BASELINES["telea"](item.image, item.mask)
    ffc = pipelines["ffc"].sample(item.image, item.mask)[0]
    flow = pipelines["flow"].sample(item.image, item.mask, num_samples=2)[0]
    return [item.image[0], white[0], mean[0], telea[0], *ffc, *flow]


def _photo_names(split: str) -> list[str]:
    return [Path(name).stem for name in SamplePhotos(split).names]

"""`quickstart`: the whole job, small, on the photographs inside scikit-image, with nothing to download.

An autoencoder, then both refiners are trained for some minutes, the held-back photographs are filled, and everything
a full run leaves is left: models, a grid, the latent difference and a table.
"""

import json
import logging
import shlex
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.cli.terminal import scores_table
from latentinpaint.errors import InputError
from latentinpaint.files import write_beside

if TYPE_CHECKING:
    from torch import Tensor

    from latentinpaint.data.datamodule import InpaintingDataModule
    from latentinpaint.evaluation.dataset import DatasetItem
    from latentinpaint.pipeline import InpaintPipeline
    from latentinpaint.training.tasks.base import TrainingTask

# Shares of the time that is given; what remains is for starting up, filling, judging and drawing.
SHARES = {"autoencoder": 0.34, "ffc": 0.22, "flow": 0.28}
TRAINING_SIZE, FILL_SIZE = 128, 192


def command(output: str = "quickstart", minutes: float = 8.0, seed: int = 0) -> None:
    """Train an autoencoder and both refiners on the embedded photographs and fill the held-back ones.

    Minutes of training on a dozen photographs make a demonstration, not a model to use: it ends with what to run for
    one.

    Args:
        output: folder for the models, the pictures and the table; files of an earlier quickstart are replaced.
        minutes: time for everything, on a machine with two cores.
        seed: of the training, the holes and the samples.
    """
    if minutes <= 0:
        raise InputError(f"--minutes is a time above 0, not {minutes}")
    started = time.monotonic()
    folder = Path(output)
    with write_beside(folder / "settings.json") as temporary:  # also finds out at once whether one can write there
        temporary.write_text(json.dumps({"minutes": minutes, "seed": seed}))
    pipelines = _train(folder, minutes, seed)
    _show(folder, pipelines, seed)

    def quote(path: Path) -> str:
        return shlex.quote(str(path))

    elapsed = (time.monotonic() - started) / 60
    print(
        f"\ndone in {elapsed:.1f} minutes; look at {folder / 'grid.png'} and {folder / 'latent_difference.png'}\n"
        "This was a demonstration: some minutes on a dozen photographs teach a model how, not what.\n"
        "For a real model, with your own folder of photographs and an hour or more for each step:\n"
        "  python tools/pretrain_ae.py --config configs/pretrain_ae.yaml --data.root DIR\n"
        "  python tools/train_latent.py --config configs/latent_ffc.yaml --data.root DIR "
        "--autoencoder runs/pretrain_ae\n"
        f"Try one of the models just trained:\n"
        f"  latentinpaint inpaint --model {quote(folder / 'flow')} --image {quote(folder / 'photo.png')} "
        f"--mask {quote(folder / 'photo_mask001.png')} --output filled.png"
    )


def _train(folder: Path, minutes: float, seed: int) -> dict[str, "InpaintPipeline"]:
    import pytorch_lightning as pl

    from latentinpaint.data.datamodule import SAMPLES, InpaintingDataModule
    from latentinpaint.refiners import FFCRefiner, FlowRefiner
    from latentinpaint.training.precision import fastest_precision
    from latentinpaint.training.tasks.autoencoder_task import PretrainTask
    from latentinpaint.training.tasks.latent_task import LatentTask
    from latentinpaint.weights import load_pipeline

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
    print(f"training on {len(_names('train'))} photographs, {precision}; held back: {', '.join(_names('val'))}")

    def fit(name: str, task: "TrainingTask", target: Path) -> None:
        _fit(name, task, data, SHARES[name] * minutes, precision)
        print(f"{name}: {task.trainer.global_step} steps, {task.save_model(target, data)}")

    from latentinpaint.models import LamaAutoencoder

    fit("autoencoder", PretrainTask(LamaAutoencoder(final_relu=False), learning_rate=4e-3, warmup_steps=30), folder)
    refiners = {
        "ffc": lambda channels: FFCRefiner(channels, blocks=4, width=96, delta=True, hole_weight=10.0),
        "flow": lambda channels: FlowRefiner(channels, width=48, multipliers=(1, 2)),
    }
    for name, refiner in refiners.items():
        task = LatentTask(str(folder), refiner, learning_rate=2e-3, warmup_steps=30)
        fit(name, task, folder / name)
    return {name: load_pipeline(folder / name) for name in refiners}


def _fit(name: str, task: "TrainingTask", data: "InpaintingDataModule", minutes: float, precision: str) -> None:
    import pytorch_lightning as pl

    from latentinpaint.training.callbacks import RunProgress, WeightEMA

    trainer = pl.Trainer(
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
    trainer.fit(task, datamodule=data)


def _show(folder: Path, pipelines: dict[str, "InpaintPipeline"], seed: int) -> None:
    """Fill the held-back photographs; write the grid, the latent difference, an example to try and the figures."""
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.evaluation.evaluator import Evaluator, evaluate_all
    from latentinpaint.evaluation.methods import BaselineMethod, ModelMethod
    from latentinpaint.evaluation.report.serialise import as_json
    from latentinpaint.evaluation.summary import summarise
    from latentinpaint.metrics.perceptual import load_lpips
    from latentinpaint.metrics.pixels import METRICS
    from latentinpaint.visualization import draw_latent_difference, latent_difference, picture_grid, to_pil

    cases = _cases(seed)
    methods = [BaselineMethod(BASELINES[name]) for name in ("mean", "telea", "ns")]
    methods += [ModelMethod(name, name, pipeline, num_samples=8) for name, pipeline in pipelines.items()]
    metrics = list(METRICS.values())
    try:
        metrics.append(load_lpips())
    except InputError as error:
        print(f"note: LPIPS is left out: {error}")
    summary = summarise(*evaluate_all(cases, methods, Evaluator(metrics)), metrics, networks=(), reference="ffc")
    labels = ("truth", "hole", "mean colour", "OpenCV Telea", "ffc", "flow, sample 1", "flow, sample 2")
    grid = picture_grid([_grid_row(case, pipelines) for case in cases], labels)
    flow = pipelines["flow"]
    first = cases[0]
    sheet = draw_latent_difference(latent_difference(flow.autoencoder, first.image, first.mask, flow.control))
    pictures = {
        "grid.png": grid,
        "latent_difference.png": sheet,
        "photo.png": to_pil(first.image[0]),
        "photo_mask001.png": to_pil(first.mask[0].expand(3, -1, -1)),
    }
    for name, picture in pictures.items():
        with write_beside(folder / name) as temporary:
            picture.save(temporary)
    with write_beside(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps(as_json(summary), indent=1, allow_nan=False))
    scores_table(summary)


def _cases(seed: int) -> list["DatasetItem"]:
    """Two holes in each of the held-back photographs."""
    from latentinpaint.data.augmentation import centre_crop
    from latentinpaint.data.masks import mask_preset
    from latentinpaint.data.photos import Crops, SamplePhotos
    from latentinpaint.evaluation.dataset import DatasetItem

    photos = SamplePhotos("val")
    crops = Crops(photos, centre_crop(FILL_SIZE), mask_preset("thick", FILL_SIZE), seed, shuffle=False)
    numbers = range(2 * len(photos))
    return [
        DatasetItem(
            f"{photos.names[n % len(photos)]} {n // len(photos) + 1}",
            crop["image"][None],
            crop["mask"][None],
            photos.names[n % len(photos)],
        )
        for n, crop in ((n, crops[n]) for n in numbers)
    ]


def _grid_row(case: "DatasetItem", pipelines: dict[str, "InpaintPipeline"]) -> Sequence["Tensor"]:
    from latentinpaint.evaluation.baselines import BASELINES
    from latentinpaint.pipeline import composite

    white = composite(case.image, case.image.new_ones(()).expand_as(case.image), case.mask)
    fills = [BASELINES[name](case.image, case.mask)[0] for name in ("mean", "telea")]
    ffc = pipelines["ffc"].sample(case.image, case.mask)[0]
    flow = pipelines["flow"].sample(case.image, case.mask, num_samples=2)[0]
    return [case.image[0], white[0], *fills, *ffc, *flow]


def _names(split: str) -> list[str]:
    from latentinpaint.data.photos import SamplePhotos

    return [Path(name).stem for name in SamplePhotos(split).names]

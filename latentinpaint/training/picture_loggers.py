"""Pictures among a training's figures: TensorBoard, Weights & Biases and MLflow take them, each in its own way."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.loggers import MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.loggers.logger import Logger

_NOT_IN_NAMES = re.compile(r"[^\w./ -]", re.ASCII)  # of files on some systems, nor of pictures for MLflow


def log_picture(trainer: pl.Trainer, name: str, picture: np.ndarray) -> None:
    """Give a picture to those of a trainer's loggers that take any, at its present step; others go without.

    Args:
        trainer: in any of its processes, of which the first alone logs.
        name: what is seen.
        picture: (H, W, 3) uint8.
    """
    if not trainer.is_global_zero:
        return
    for logger in trainer.loggers:
        for kind, write in _WRITERS.items():
            if isinstance(logger, kind):
                write(logger, name, picture, trainer.global_step)


def _to_tensorboard(logger: Any, name: str, picture: np.ndarray, step: int) -> None:
    logger.experiment.add_image(name, picture, step, dataformats="HWC")


def _to_wandb(logger: Any, name: str, picture: np.ndarray, step: int) -> None:
    logger.log_image(_plain(name), [picture], step)


def _to_mlflow(logger: Any, name: str, picture: np.ndarray, step: int) -> None:
    logger.experiment.log_image(logger.run_id, picture, key=_plain(name), step=step)


def _plain(name: str) -> str:
    """A name for a picture that is kept as a file."""
    return _NOT_IN_NAMES.sub("-", name)


_WRITERS: Mapping[type[Logger], Callable[[Any, str, np.ndarray, int], None]] = {
    TensorBoardLogger: _to_tensorboard,
    WandbLogger: _to_wandb,
    MLFlowLogger: _to_mlflow,
}

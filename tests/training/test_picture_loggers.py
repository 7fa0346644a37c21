"""Pictures for loggers: TensorBoard's are read back; the calls of those that need a package are looked at."""

import re
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pytorch_lightning.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from latentinpaint.training.picture_loggers import log_picture

NAME = "input | hole | fill | truth"


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)


def trainer(*loggers, is_global_zero=True):
    return SimpleNamespace(loggers=loggers, global_step=12, is_global_zero=is_global_zero)


def called(into):
    return lambda *arguments, **named: into.append((arguments, named))


class Wandb(WandbLogger):
    """Without the package, which the real one needs from the beginning."""

    def __init__(self):
        self.calls = []
        self.log_image = called(self.calls)


class MLflow(MLFlowLogger):
    """Likewise."""

    experiment = None
    run_id = "a run"

    def __init__(self):
        self.calls = []
        self.experiment = SimpleNamespace(log_image=called(self.calls))


def test_tensorboard(picture, tmp_path):
    logger = TensorBoardLogger(tmp_path)
    log_picture(trainer(logger), NAME, picture)
    logger.experiment.close()
    events = EventAccumulator(logger.log_dir).Reload()
    (seen,) = events.Images(NAME)

    assert seen.step == 12 and np.array_equal(np.asarray(Image.open(BytesIO(seen.encoded_image_string))), picture)


def test_every_logger_that_takes_pictures_gets_them(picture, tmp_path):
    wandb, mlflow = Wandb(), MLflow()
    log_picture(trainer(wandb, CSVLogger(tmp_path), mlflow), NAME, picture)
    (((name, pictures, step), _),) = wandb.calls
    assert (name, step) == ("input - hole - fill - truth", 12) and pictures[0] is picture
    (((run, seen), named),) = mlflow.calls
    assert run == "a run" and seen is picture and named["step"] == 12
    assert re.fullmatch(r"[a-zA-Z0-9_\-./ ]+", named["key"])  # MLflow takes no other names
    assert named["key"] == name


def test_the_first_process_alone_logs(picture):
    wandb = Wandb()
    log_picture(trainer(wandb, is_global_zero=False), NAME, picture)
    assert wandb.calls == []

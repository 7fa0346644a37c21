"""Averaged weights by hand, lines of a log, and the pictures of a validation."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from latentinpaint.training import callbacks
from latentinpaint.training.callbacks import PictureGrid, RunProgress, WeightEMA
from latentinpaint.training.tasks.latent_task import LatentTask


class Line(pl.LightningModule):
    """A weight, a frozen weight and a buffer of awkward values."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.3, -1.7]))
        self.frozen = nn.Parameter(torch.tensor([1 / 3, 1e-30, 7e20, -0.0, 3e38]), requires_grad=False)
        self.register_buffer("count", torch.tensor(10**9 + 1))

    def training_step(self, batch, batch_idx):
        return (self.weight * batch[0].sum()).square().sum()

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], lr=0.01)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999])
def test_average_by_hand(decay):
    seen = []

    class Record(Callback):
        def on_train_batch_end(self, trainer, module, *rest):
            seen.append(module.weight.detach().double().numpy().copy())

    model, frozen = Line(), Line().frozen.detach().clone()
    trainer = pl.Trainer(
        **dict(max_epochs=1, callbacks=[Record(), WeightEMA(decay)], logger=False, accelerator="cpu"),
        **dict(enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False),
    )
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(7, 1)), batch_size=1)
    trainer.fit(model, batches)
    assert len(seen) == 7
    average = seen[0]
    for updates, weight in enumerate(seen[1:], start=1):
        keep = min(decay, (1 + updates) / (10 + updates))
        average = keep * average + (1 - keep) * weight
    np.testing.assert_allclose(model.weight.detach().numpy(), average, rtol=1e-5)
    if decay:
        assert np.abs(average - seen[-1]).max() > 1e-4
    assert model.frozen.numpy().tobytes() == frozen.numpy().tobytes()
    assert int(model.count) == 10**9 + 1


def test_lines_of_a_log_say_how_many_steps_and_how_much_time_are_left(capsys, monkeypatch):
    """Four steps of ten seconds each; after the first there is no speed yet that could be relied on."""
    clock = itertools.count(100, 10)
    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    trainer = pl.Trainer(
        **dict(max_steps=4, callbacks=[RunProgress("lines", seconds=0)], logger=False, accelerator="cpu"),
        **dict(enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False),
    )
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(9, 1)), batch_size=1)
    capsys.readouterr()
    trainer.fit(Line(), batches)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("lines")]
    assert lines == [
        "lines: 25%, step 1 of 4",
        "lines: 50%, 0:00:20 left, step 2 of 4",
        "lines: 75%, 0:00:10 left, step 3 of 4",
        "lines: 100%, 0:00:00 left, step 4 of 4",
    ]


@pytest.mark.parametrize("pictures", [2, 6])
def test_pictures_of_a_validation_are_those_that_its_figure_is_of(pictures, latent, monkeypatch):
    """Every batch is sampled once, and the sheet shows what was sampled."""
    fills, sheets = [], []
    fill = LatentTask._fill
    monkeypatch.setattr(LatentTask, "_fill", lambda task, batch: fills.append(fill(task, batch)) or fills[-1])
    monkeypatch.setattr(SummaryWriter, "add_image", lambda writer, *seen, dataformats: sheets.append(seen))
    monkeypatch.setattr(PictureGrid.__init__, "__defaults__", (pictures,))
    latent("--trainer.limit_val_batches", 1, "--trainer.val_check_interval", 2)
    assert len(fills) == 1
    ((name, sheet, step),) = sheets
    assert name == "input | hole | fill | truth" and step == 2
    shown = fills[0][:pictures].clamp(0, 1)
    side = shown.shape[-1]
    expected = (torch.cat(list(shown), dim=1) * 255).round().byte().permute(1, 2, 0)
    assert np.array_equal(sheet[:, 2 * side : 3 * side], expected)

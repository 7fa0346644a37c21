"""Checkpoints: what they hold whenever a run is interrupted, and which validation was the best."""

import pytest
import pytorch_lightning as pl
import torch
from checkpoints import checkpoint, compare
from torch import nn

from latentinpaint.training.checkpoint_callbacks import BestCheckpoint
from latentinpaint.training.tasks.latent_task import LatentTask

EPOCH_OF_2 = ("--data.epoch_length", 8)  # two steps of four crops


def test_last_is_the_last_even_when_a_lengthened_run_is_interrupted(latent, interrupt_at, monkeypatch):
    folder = latent(*EPOCH_OF_2)
    interrupt_at(3)
    with pytest.raises(SystemExit):
        latent(*EPOCH_OF_2, "--ckpt_path", "last", steps=6)
    monkeypatch.undo()
    assert checkpoint(folder)["global_step"] == 3
    assert not list((folder / "checkpoints").glob("last-v*"))
    latent(*EPOCH_OF_2, "--ckpt_path", "last", steps=6)
    assert checkpoint(folder)["global_step"] == 6


def test_interrupted_during_validation_keeps_both_kinds_of_weights(latent, monkeypatch):
    """While validating, averaged weights stand in for the trained ones: the checkpoint must not mix them up."""
    options = (*EPOCH_OF_2, "--trainer.limit_val_batches", 1)
    straight = latent(*options, "--trainer.val_check_interval", 2, name="straight", steps=2)

    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(LatentTask, "validation_step", press)
        latent(*options, "--trainer.val_check_interval", 2, name="stopped", steps=2)
    compare(straight, straight.with_name("stopped"))


def test_checkpoints_need_no_pickle(latent, interrupt_at, tmp_path):
    interrupt_at(1)
    with pytest.raises(SystemExit):
        latent()
    files = list(tmp_path.rglob("*.ckpt"))
    assert [path.name for path in files] == ["last.ckpt"]  # no checkpoint twice
    for path in files:
        assert torch.load(path, weights_only=True)["global_step"] == 1


class Judged(pl.LightningModule):
    """A weight that grows by 1 a step; the figure of the nth validation is given."""

    def __init__(self, figures):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.figures = iter(figures)

    def training_step(self, batch, batch_idx):
        return -self.weight

    def validation_step(self, batch, batch_idx):
        self.log("val/figure", next(self.figures))

    def configure_optimizers(self):
        return torch.optim.SGD([self.weight], lr=1.0)


@pytest.mark.parametrize(
    ("mode", "figures", "best"),
    [("max", [1.0, 3.0, float("nan"), 2.0], 2), ("min", [1.0, 3.0, 0.5, 2.0], 3), ("max", [1.0, 2.0, 3.0, 4.0], 4)],
)
def test_the_best_validation_is_kept(mode, figures, best, tmp_path):
    kept = BestCheckpoint(tmp_path, "val/figure", mode)
    trainer = pl.Trainer(
        **dict(max_steps=4, val_check_interval=1, num_sanity_val_steps=0, callbacks=[kept], logger=False),
        **dict(accelerator="cpu", enable_progress_bar=False, enable_model_summary=False),
    )
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(4, 1)), batch_size=1)
    one = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.rand(1, 1)), batch_size=1)
    trainer.fit(Judged(figures), batches, one)
    assert kept.best_step == best
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]
    state = torch.load(tmp_path / "best.ckpt", weights_only=True)
    assert state["state_dict"]["weight"] == state["global_step"] == best
    (of_callback,) = [each for name, each in state["callbacks"].items() if "BestCheckpoint" in name]
    assert of_callback["best_step"] == best


def test_a_run_goes_on_with_another_interval_and_no_callback_is_missed(latent, recwarn):
    latent(*EPOCH_OF_2)
    latent(*EPOCH_OF_2, "--ckpt_path", "last", "--save_minutes", 1, steps=4)
    assert not [each for each in recwarn if "add the following callbacks" in str(each.message)]

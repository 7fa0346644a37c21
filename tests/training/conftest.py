"""Interrupting a training run."""

import pytest

from latentinpaint.training.callbacks import RunProgress


@pytest.fixture
def interrupt_at(monkeypatch):
    """Call it with a step after which Ctrl-C is pressed once."""

    def call(step):
        def press(callback, trainer, *rest):
            if trainer.global_step == step:
                raise KeyboardInterrupt

        monkeypatch.setattr(RunProgress, "on_train_batch_start", press)

    yield call
    monkeypatch.undo()

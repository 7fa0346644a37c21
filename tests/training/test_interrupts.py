"""Interrupts of several processes; that they stop at one step, `test_two_processes` shows."""

import os
import signal
from types import SimpleNamespace

import pytest

from latentinpaint.training.interrupts import SIGNALS, StopTogether


@pytest.fixture(autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def trainer(world_size, others_are_interrupted=False):
    decide = lambda own, all: own or others_are_interrupted  # noqa: E731
    return SimpleNamespace(world_size=world_size, strategy=SimpleNamespace(reduce_boolean_decision=decide))


def test_a_single_process_is_left_to_lightning():
    before = signal.getsignal(signal.SIGINT)
    callback = StopTogether()
    callback.on_train_start(trainer(1), None)
    assert signal.getsignal(signal.SIGINT) is before
    callback.is_interrupted = True
    callback.on_train_batch_start(trainer(1), None, None, 0)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_for_the_next_batch(number):
    callback = StopTogether()
    callback.on_train_start(trainer(2), None)
    callback.on_train_batch_start(trainer(2), None, None, 0)
    os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt):
        callback.on_train_batch_start(trainer(2), None, None, 1)
    os.kill(os.getpid(), number)  # as a launcher hands it on
    assert signal.getsignal(number) == signal.SIG_DFL  # so that the third one ends a process that waits in vain


@pytest.mark.parametrize("hook", ["on_train_batch_start", "on_validation_batch_start"])
def test_the_interrupt_of_another_counts(hook):
    with pytest.raises(KeyboardInterrupt):
        getattr(StopTogether(), hook)(trainer(2, others_are_interrupted=True), None, None, 0)

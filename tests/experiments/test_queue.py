"""The queue of trainings: which commands it starts, how many at a time, and what becomes of failures."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from latentinpaint.errors import InputError
from latentinpaint.experiments import queue
from latentinpaint.experiments.queue import SharedSettings, TrainingQueue, TrainingRun
from latentinpaint.weights import Model, load_pipeline, save_model


class Bar:
    """In place of a progress bar: remembers its calls."""

    def __init__(self):
        self.totals, self.names = [], []

    @contextmanager
    def __call__(self, title, total):
        self.totals.append((title, total))
        yield self.names.append


@pytest.fixture
def bar():
    return Bar()


@pytest.fixture
def make(tmp_path, bar):
    settings = SharedSettings(root="train", val_root="val", size=32, precision="32-true", num_workers=0)
    return lambda jobs=2: TrainingQueue(tmp_path, settings, jobs, bar)


def training_run(tmp_path, name, steps=5):
    return TrainingRun(name, tmp_path / f"{name}.yaml", 3, tmp_path / name, steps)


@pytest.fixture
def started(monkeypatch):
    """Commands that would have been started; each ends after some polls, with status 1 if its folder says "bad"."""
    commands, alive, most = [], [], []

    class Process:
        def __init__(self, program, stdout, stderr, env):
            commands.append(program)
            alive.append(self)
            most.append(len(alive))
            self.polls, self.returncode = 2, None
            self.bad = any("bad" in str(word) for word in program)

        def poll(self):
            self.polls -= 1
            if self.polls < 0 and self.returncode is None:
                alive.remove(self)
                self.returncode = int(self.bad)
            return self.returncode

        terminate = wait = lambda self: None

    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(queue, "POLL_SECONDS", 0)
    return commands, most


def test_a_run_is_a_command(make, started, tmp_path):
    commands, _ = started
    make().train([training_run(tmp_path, "plain")], "autoencoder.safetensors")
    words = commands[0]
    assert words[0] == sys.executable and words[3] == "train_latent"
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {
        "--config": str(tmp_path / "plain.yaml"),
        "--output": str(tmp_path / "plain"),
        "--data.root": "train",
        "--data.val_root": "val",
        "--data.size": "32",
        "--data.seed": "3",
        "--seed_everything": "3",
        "--data.num_workers": "0",
        "--trainer.precision": "32-true",
        "--trainer.max_steps": "5",
        "--autoencoder": "autoencoder.safetensors",
    }


def test_without_an_autoencoder_one_is_trained(make, started, tmp_path):
    commands, _ = started
    make().train([training_run(tmp_path, "autoencoder")])
    assert commands[0][3] == "pretrain_ae" and "--autoencoder" not in commands[0]


def test_an_interrupted_run_is_resumed(make, started, tmp_path):
    commands, _ = started
    checkpoint = tmp_path / "plain" / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    make().train([training_run(tmp_path, "plain")])
    assert commands[0][-2:] == ["--ckpt_path", "last"]


def test_some_at_a_time_and_a_failure_does_not_stop_the_others(make, started, bar, tmp_path, capsys):
    commands, most = started
    runs = [training_run(tmp_path, name) for name in ("a", "bad", "b", "c")]
    with pytest.raises(InputError, match=r"bad, seed 3 \(.*bad_seed3.log\) failed"):
        make(jobs=2).train(runs)
    assert len(commands) == 4 and max(most) == 2
    assert bar.totals == [("training", 4)]
    assert sorted(bar.names) == ["a, seed 3", "b, seed 3", "bad, seed 3", "c, seed 3"]
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == ["a, seed 3: trained", "b, seed 3: trained", "bad, seed 3: failed", "c, seed 3: trained"]


def test_what_is_done_is_not_done_again(make, started, bar, model_files, tmp_path):
    commands, _ = started
    run = training_run(tmp_path, "done")
    pipeline = load_pipeline(model_files["ffc"])
    for steps, done in ((4, False), (5, True)):
        save_model(Model(pipeline, recipe={"steps": steps}), run.folder / "model.safetensors")
        assert run.is_done() == done
    make().train([run])
    assert not commands and bar.totals == [("training", 0)]
    save_model(Model(pipeline, recipe={"steps": 6}), run.folder / "model.safetensors")
    with pytest.raises(InputError, match="was trained with 6 steps, more than 5"):
        make().train([run])


def test_leaving_ends_what_is_running(make, monkeypatch, tmp_path):
    monkeypatch.setattr(queue, "PROGRAM", ("-c", "import time; time.sleep(60)"))
    processes = []
    popen = subprocess.Popen

    def start(*arguments, **options):
        processes.append(popen(*arguments, **options))
        return processes[-1]

    def stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(queue.time, "sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        make().train([training_run(tmp_path, "a"), training_run(tmp_path, "b")])
    assert len(processes) == 2
    assert all(process.returncode not in (None, 0) for process in processes)

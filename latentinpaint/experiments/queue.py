"""Several trainings, each a process of its own, some at a time; a run that is finished is not trained again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.weights import read_header

# What shows the progress: takes a title and a total, and gives a function to call with every finished item's name.
ProgressBar = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
PROGRAM = ("-m", "latentinpaint")
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class TrainingRun:
    """One training: its configuration, seed, folder and steps."""

    name: str
    config: Path
    seed: int
    folder: Path
    steps: int

    @property
    def title(self) -> str:
        return f"{self.name}, seed {self.seed}"

    def is_done(self) -> bool:
        """Whether its model is there, trained with all its steps.

        Raises:
            InputError: if it was trained with more.
        """
        if not any(self.folder.glob("*.safetensors")):
            return False
        done = int(read_header(self.folder)["recipe"].get("steps", 0))
        if done > self.steps:
            raise InputError(
                f"{self.folder} was trained with {done} steps, more than {self.steps}: choose another output folder"
            )
        return done == self.steps


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """What all runs of a queue are trained with; see the options of the training commands."""

    root: str
    val_root: str
    size: int
    precision: str
    num_workers: int


@dataclass(frozen=True)
class TrainingQueue:
    """Trains runs as processes, some at a time, each with a log of its own.

    Attributes:
        output: folder of the logs.
        settings: of all runs.
        jobs: how many run at a time.
        progress_bar: shows how many runs have ended.
    """

    output: Path
    settings: SharedSettings
    jobs: int
    progress_bar: ProgressBar

    def train(self, runs: Sequence[TrainingRun], autoencoder: str | None = None) -> None:
        """Train what is not there yet; a process that fails does not stop the others.

        Args:
            runs: in the order in which they begin.
            autoencoder: what refiners are trained on; None trains autoencoders.

        Raises:
            InputError: if a run is there with more steps, or one failed.
        """
        waiting = [run for run in runs if not run.is_done()]
        running: dict[subprocess.Popen, TrainingRun] = {}
        failed: list[str] = []
        try:
            with self.progress_bar("training", len(waiting)) as advance:
                while waiting or running:
                    while waiting and len(running) < self.jobs:
                        run = waiting.pop(0)
                        running[self._start(run, autoencoder)] = run
                    time.sleep(POLL_SECONDS)
                    self._collect(running, failed, advance)
        finally:
            # A run that is told to end leaves a checkpoint to resume from.
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
        if failed:
            raise InputError(f"the training of {'; '.join(failed)} failed: its log says why")

    def _collect(
        self, running: dict[subprocess.Popen, TrainingRun], failed: list[str], advance: Callable[[str], None]
    ) -> None:
        """Take the processes that have ended out of `running`, and note those that failed."""
        ended = [process for process in running if process.poll() is not None]
        for process in ended:
            run = running.pop(process)
            outcome = "trained"
            if process.returncode:
                outcome = "failed"
                failed.append(f"{run.title} ({self._log(run)})")
            print(f"{run.title}: {outcome}", flush=True)
            advance(run.title)

    def _start(self, run: TrainingRun, autoencoder: str | None) -> subprocess.Popen:
        task = "train_latent" if autoencoder else "pretrain_ae"
        log = self._log(run)
        log.parent.mkdir(parents=True, exist_ok=True)
        cores = os.cpu_count() or 1
        threads = {"OMP_NUM_THREADS": str(max(1, cores // self.jobs))}
        program = [sys.executable, *PROGRAM, task, *self._arguments(run, autoencoder)]
        with log.open("a") as written:
            return subprocess.Popen(program, stdout=written, stderr=subprocess.STDOUT, env=threads | os.environ)

    def _arguments(self, run: TrainingRun, autoencoder: str | None) -> list[str]:
        """The command line of a run."""
        settings = self.settings
        options: dict[str, object] = {
            "config": run.config,
            "output": run.folder,
            "data.root": settings.root,
            "data.val_root": settings.val_root,
            "data.size": settings.size,
            "data.seed": run.seed,
            "seed_everything": run.seed,
            "data.num_workers": settings.num_workers,
            "trainer.precision": settings.precision,
            "trainer.max_steps": run.steps,
        }
        if autoencoder:
            options["autoencoder"] = autoencoder
        if (run.folder / "checkpoints" / "last.ckpt").is_file():
            options["ckpt_path"] = "last"
        arguments = []
        for name, value in options.items():
            arguments += [f"--{name}", str(value)]
        return arguments

    def _log(self, run: TrainingRun) -> Path:
        return self.output / "logs" / f"{run.name}_seed{run.seed}.log"

"""Several trainings, each a process of its own, some at a time; what is there is not trained again."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.cli.terminal import progress_bar
from latentinpaint.errors import InputError


@dataclass(frozen=True)
class Run:
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
        from latentinpaint.weights import read_header

        if not any(self.folder.glob("*.safetensors")):
            return False
        done = int(read_header(self.folder)["recipe"].get("steps", 0))
        if done > self.steps:
            raise InputError(
                f"{self.folder} was trained with {done} steps, more than {self.steps}: choose another --output"
            )
        return done == self.steps


@dataclass(frozen=True)
class TrainingQueue:
    """Trains runs as processes, some at a time, each with a log of its own.

    output: folder of the logs. root, val_root, size, precision, num_workers: what all runs are trained with.
    jobs: how many at a time.
    """

    output: Path
    root: str
    val_root: str
    size: int
    precision: str
    num_workers: int
    jobs: int

    def train(self, runs: Sequence[Run], autoencoder: str | None = None) -> None:
        """Train what is not there yet; a process that fails does not stop the others.

        Args:
            runs: in the order in which they begin.
            autoencoder: what refiners are trained on; None trains autoencoders.

        Raises:
            InputError: if a run is there with more steps, or one failed.
        """
        waiting = [run for run in runs if not run.is_done()]
        running: dict[subprocess.Popen, Run] = {}
        failed = []
        try:
            with progress_bar("training", len(waiting)) as step:
                while waiting or running:
                    while waiting and len(running) < self.jobs:
                        run = waiting.pop(0)
                        running[self._start(run, autoencoder)] = run
                    time.sleep(0.5)
                    for process in [p for p in running if p.poll() is not None]:
                        run = running.pop(process)
                        if process.returncode:
                            failed.append(f"{run.title} ({self._log(run)})")
                        print(f"{run.title}: {'failed' if process.returncode else 'trained'}", flush=True)
                        step(run.title)
        finally:
            # A run that is told to end leaves a checkpoint to go on from.
            for process in running:
                process.terminate()
            for process in running:
                process.wait()
        if failed:
            raise InputError(f"the training of {'; '.join(failed)} failed: its log says why")

    def _start(self, run: Run, autoencoder: str | None) -> subprocess.Popen:
        task = "train_latent" if autoencoder else "pretrain_ae"
        arguments = [
            *("--config", str(run.config), "--output", str(run.folder)),
            *("--data.root", self.root, "--data.val_root", self.val_root, "--data.size", str(self.size)),
            *("--data.seed", str(run.seed), "--seed_everything", str(run.seed)),
            *("--data.num_workers", str(self.num_workers), "--trainer.precision", self.precision),
            *("--trainer.max_steps", str(run.steps)),
        ]
        if autoencoder:
            arguments += ["--autoencoder", autoencoder]
        if (run.folder / "checkpoints" / "last.ckpt").is_file():
            arguments += ["--ckpt_path", "last"]
        log = self._log(run)
        log.parent.mkdir(parents=True, exist_ok=True)
        cores = os.cpu_count() or 1
        threads = {"OMP_NUM_THREADS": str(max(1, cores // self.jobs))}
        program = [sys.executable, "-c", "from latentinpaint.cli import main; main()", task, *arguments]
        with log.open("a") as written:
            return subprocess.Popen(program, stdout=written, stderr=subprocess.STDOUT, env=threads | os.environ)

    def _log(self, run: Run) -> Path:
        return self.output / "logs" / f"{run.name}_seed{run.seed}.log"

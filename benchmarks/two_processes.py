"""How much faster two processes train than one, each with one thread, at the same batch for each.

    python benchmarks/two_processes.py [--kind flow ffc autoencoder] [--size 64] [--batch 8] [--steps 30] [--rounds 3]

One process of batch b and two of batch b each (DDP over gloo, BatchNorm shared) train the same model in turns, on an
otherwise idle machine of two cores or more; the samples a second are those of all processes together, without the
first steps. Medians of the rounds, and their ratio: 2 would be perfect, 1.7 is asked of it.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WARM_UP = 5  # steps that are not timed
SMALL = {
    "autoencoder": ("--config", "smoke_pretrain_ae", "--model.autoencoder.base_channels", "8"),
    "ffc": ("--config", "smoke", "--refiner", "ffc", "--model.refiner.blocks", "4"),
    "flow": ("--config", "smoke", "--refiner", "flow", "--model.refiner.width", "64"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", choices=SMALL, default=list(SMALL), help="what is trained")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures, pixels")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step, for each process")
    parser.add_argument("--steps", type=int, default=30, help="steps that are timed")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)  # a process of a run: its kind and its folder
    options = parser.parse_args()
    if options.part:
        print(samples_a_second(*options.part, options))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_autoencoder(Path(folder))
        for kind in options.kind:
            compare(kind, Path(folder), options)


def compare(kind: str, folder: Path, options: argparse.Namespace) -> None:
    """Print the samples a second of one process and of two, and their ratio."""
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(options.rounds):
        for count, rates in found.items():
            rates.append(run(kind, folder, count, options))
    one = statistics.median(found[1])
    two = statistics.median(found[2])
    print(f"{kind:12} {one:8.1f} samples/s by one, {two:8.1f} by two: {two / one:.2f} times", flush=True)


def run(kind: str, folder: Path, count: int, options: argparse.Namespace) -> float:
    """Start so many processes as torchrun does, and return the samples a second of all."""
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "GROUP_RANK": 0, "MASTER_PORT": free_port()}
    shared |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "benchmark", "OMP_NUM_THREADS": 1}
    settings = []
    for name in ("size", "batch", "steps"):
        settings += [f"--{name}", str(getattr(options, name))]
    processes = []
    for rank in range(count):
        environment = {name: str(value) for name, value in {**shared, "RANK": rank, "LOCAL_RANK": rank}.items()}
        command = [sys.executable, __file__, "--part", kind, str(folder), *settings]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=os.environ | environment, **pipes))
    rates = []
    for process in processes:
        output, errors = process.communicate()
        if process.returncode:
            sys.exit(errors)
        rates.append(float(output.splitlines()[-1]))
    return sum(rates)


def samples_a_second(kind: str, folder: str, options: argparse.Namespace) -> float:
    """Train in this process; its own samples a second."""
    import pytorch_lightning as pl
    import torch

    from latentinpaint.cli.dispatch import quieten
    from latentinpaint.runtime.processes import leave_group
    from latentinpaint.training.cli import TrainingCLI
    from latentinpaint.training.tasks.autoencoder_task import PretrainTask
    from latentinpaint.training.tasks.latent_task import LatentTask

    class Clock(pl.Callback):
        started = 0.0
        ended = 0.0

        def on_train_batch_start(self, trainer, task, batch, batch_idx) -> None:  # noqa: ANN001
            if trainer.global_step == WARM_UP:
                self.started = time.perf_counter()

        def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx) -> None:  # noqa: ANN001
            self.ended = time.perf_counter()

    quieten()
    torch.set_num_threads(1)
    numbers = {
        "data.size": options.size,
        "data.batch_size": options.batch,
        "data.epoch_length": 100_000,
        "trainer.max_steps": WARM_UP + options.steps,
        "trainer.limit_val_batches": 0,
    }
    words = [*SMALL[kind], "--trainer.accelerator", "cpu", "--output", f"{folder}/run"]
    for name, value in numbers.items():
        words += [f"--{name}", str(value)]
    task = PretrainTask
    if kind != "autoencoder":
        task = LatentTask
        words += ["--autoencoder", folder]
    cli = TrainingCLI.build(task, words, "unused")
    clock = Clock()
    cli.trainer.callbacks.append(clock)
    cli.trainer.fit(cli.model, datamodule=cli.datamodule)
    leave_group()
    return options.batch * options.steps / (clock.ended - clock.started)


def write_autoencoder(folder: Path) -> None:
    """One of random weights, for which a step takes as long."""
    from latentinpaint.models import LamaAutoencoder
    from latentinpaint.pretrained.model_paths import AUTOENCODER_FILE
    from latentinpaint.weights import save_autoencoder

    save_autoencoder(LamaAutoencoder(base_channels=8), folder / AUTOENCODER_FILE, {})


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()

"""How much faster two processes train than one, each with one thread, at the same batch for each.

    python benchmarks/two_processes.py [--kind flow ffc autoencoder] [--size 64] [--batch 8] [--steps 30] [--rounds 3]

One process of batch b, two of batch b each (DDP over gloo, BatchNorm shared), and two that know nothing of each
other train the same model in turns, on an otherwise idle machine of two cores or more; the samples a second are
those of all processes together, without the first steps. Medians of the rounds, and their ratios to one: 2 would be
perfect, 1.7 is asked. And how long gloo takes for one sum over two processes, which every BatchNorm waits for twice
a step.
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
SUMS = 500  # that are timed
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
        print(*samples_a_second(*options.part, options))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_autoencoder(Path(folder))
        for kind in options.kind:
            compare(kind, Path(folder), options)


def compare(kind: str, folder: Path, options: argparse.Namespace) -> None:
    """Print the samples a second of one process and of two, and their ratio."""
    groups = {"one": [1], "two": [2], "apart": [1, 1]}
    found: dict[str, list[float]] = {name: [] for name in groups}
    sums: list[float] = []
    for _ in range(options.rounds):
        for name, sizes in groups.items():
            rates, milliseconds = run(kind, folder, sizes, options)
            found[name].append(sum(rates))
            sums += filter(None, milliseconds)
    one, two, apart = map(statistics.median, found.values())
    print(
        f"{kind:12} {one:8.1f} samples/s by one, {two:8.1f} by two: {two / one:.2f} times; by two apart "
        f"{apart / one:.2f} times; a sum takes {statistics.median(sums):.2f} ms",
        flush=True,
    )


def run(kind: str, folder: Path, groups: list[int], options: argparse.Namespace) -> tuple[list[float], list[float]]:
    """Start groups of so many processes as torchrun does; the samples a second of each, and a sum's milliseconds."""
    settings = []
    for name in ("size", "batch", "steps"):
        settings += [f"--{name}", str(getattr(options, name))]
    processes = []
    members: list[tuple[int, int, int]] = []
    for size in groups:
        port = free_port()
        members += [(size, rank, port) for rank in range(size)]
    for size, rank, port in members:
        values = {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "GROUP_RANK": 0, "MASTER_PORT": port}
        values |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "benchmark", "OMP_NUM_THREADS": 1}
        values |= {"RANK": rank, "LOCAL_RANK": rank}
        environment = {name: str(value) for name, value in values.items()}
        command = [sys.executable, __file__, "--part", kind, str(folder), *settings]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=os.environ | environment, **pipes))
    rates = []
    milliseconds = []
    for process in processes:
        output, errors = process.communicate()
        if process.returncode:
            sys.exit(errors)
        rate, of_sum = map(float, output.splitlines()[-1].split())
        rates.append(rate)
        milliseconds.append(of_sum)
    return rates, milliseconds


def samples_a_second(kind: str, folder: str, options: argparse.Namespace) -> tuple[float, float]:
    """Train in this process; its own samples a second, and the milliseconds of a sum, 0 without other processes."""
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
    milliseconds = milliseconds_of_a_sum()
    leave_group()
    return options.batch * options.steps / (clock.ended - clock.started), milliseconds


def milliseconds_of_a_sum() -> float:
    """How long a sum of 512 numbers over all processes takes; 0 if there is one alone."""
    import torch

    from latentinpaint.runtime.processes import process_count, total

    if process_count() == 1:
        return 0.0
    values = torch.zeros(512)
    for _ in range(SUMS // 10):
        total(values)
    start = time.perf_counter()
    for _ in range(SUMS):
        total(values)
    return 1000 * (time.perf_counter() - start) / SUMS


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

"""A folder on a Ray cluster of two machines, one of which is killed on the way, beside the same folder here.

    python benchmarks/ray_fill.py --pictures 500

Both machines of the cluster are processes of this one. Printed is what became of the pictures by the table of
outcomes, whether each has one row and one file, and whether every file is that of the local engine, byte for byte.
"""

import argparse
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentinpaint.batch.folder_plan import FillTask, FolderOptions
from latentinpaint.batch.outcomes import OUTCOMES_FILE, PictureOutcome, read_outcomes
from latentinpaint.batch.ray_run import run_tasks_on_ray
from latentinpaint.batch.run import FolderSummary, run_tasks
from latentinpaint.batch.task import TaskOptions, TaskResult
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter
from latentinpaint.runtime.ray_cluster import connected

OPTIONS = TaskOptions(FillOptions(texture=False))


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Pictures of waves and noise with a square hole each; every fiftieth picture is cut short."""
    folder.mkdir(parents=True)
    rows, columns = np.mgrid[:side, :side]
    hole = np.zeros((side, side), np.uint8)
    hole[side // 4 : side // 2, side // 3 : side // 2] = 255
    for number in range(count):
        rng = np.random.default_rng(number)
        phases = rng.uniform(0, 6, 3)
        waves = [np.sin(rows / 9 + phase) + np.cos(columns / 7 - phase) for phase in phases]
        pixels = 127 + 50 * np.stack(waves, axis=-1) + rng.normal(0, 8, (side, side, 3))
        path = folder / f"p{number}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        Image.fromarray(hole).save(folder / f"p{number}_mask.png")
        if number % 50 == 7:
            path.write_bytes(path.read_bytes()[:-200])


def fill_here(folder: Path, outdir: Path, model: str) -> float:
    """Fill the folder in this process, and return the seconds."""
    torch.set_num_threads(1)
    inpainter = Inpainter.from_pretrained(model, "cpu")
    started = time.perf_counter()
    run_tasks(lambda: inpainter, FolderOptions(folder, outdir).plan().tasks, OPTIONS, FolderSummary())
    return time.perf_counter() - started


def fill_there(folder: Path, outdir: Path, model: str, kill_after: int) -> float:
    """Fill the folder on a cluster that loses a machine after so many pictures, and return the seconds."""
    from ray.cluster_utils import Cluster

    store = {"num_cpus": 1, "object_store_memory": 200 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**store, "include_dashboard": False})
    second = cluster.add_node(**store)
    done = Counter[str]()

    def end(task: FillTask, result: TaskResult) -> None:
        done["pictures"] += 1
        if done["pictures"] == kill_after:
            cluster.remove_node(second, allow_graceful=False)
            print(f"a machine was killed after {kill_after} pictures", flush=True)

    plan = FolderOptions(folder, outdir).plan()
    load = partial(Inpainter.from_pretrained, model, "cpu")
    started = time.perf_counter()
    try:
        with connected(cluster.address, device="cpu") as workers:
            run_tasks_on_ray(workers, load, plan, plan.tasks, OPTIONS, FolderSummary(), outdir, end)
        return time.perf_counter() - started
    finally:
        cluster.shutdown()


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def report(rows: list[PictureOutcome], local: dict[str, bytes], cluster: dict[str, bytes]) -> None:
    """Print what became of the pictures."""
    print(f"{len(rows)} rows in the table, {len({row.image for row in rows})} pictures in them")
    for outcome, count in Counter(row.outcome for row in rows).items():
        print(f"  {outcome}: {count}")
    for (node, attempt), count in sorted(Counter((row.node or "none", row.attempt) for row in rows).items()):
        print(f"  by machine {node[:6]}, attempt {attempt}: {count}")
    cluster.pop(OUTCOMES_FILE)
    equal = sum(cluster.get(name) == content for name, content in local.items())
    print(f"{len(local)} files by the local engine, {len(cluster)} by the cluster, {equal} of them equal")
    for step in ("fetch", "work", "store"):
        seconds = [getattr(row, f"{step}_seconds") for row in rows if row.outcome == "filled"]
        print(f"  {step}: {np.median(seconds):.4f} s a picture (median)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--kill-after", type=int, default=150, help="pictures")
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "in", options.pictures, options.side)
        seconds = fill_here(folder / "in", folder / "local", options.model)
        print(f"local engine, one process with one thread: {seconds:.1f} s", flush=True)
        seconds = fill_there(folder / "in", folder / "cluster", options.model, options.kill_after)
        print(f"cluster of two machines with a processor each: {seconds:.1f} s")
        rows = read_outcomes(folder / "cluster" / OUTCOMES_FILE)
        report(rows, contents(folder / "local"), contents(folder / "cluster"))


if __name__ == "__main__":
    main()

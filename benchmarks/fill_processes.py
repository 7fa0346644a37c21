"""How many times as many pictures a second two processes of one thread fill as one does.

    python benchmarks/fill_processes.py --images photos [--count 60] [--rounds 3]

`latentinpaint inpaint --jobs` with the default model fills a part of the folder, each picture with a hole of a
quarter of its sides in the middle, with one process and with two in turns, on an otherwise idle machine of two cores
or more. Pictures a second are those between the fifth that is filled and the last: the start of Python and the
first fill of every process do not count. Medians of the rounds, and their ratio: 2 would be perfect, 1.8 is asked.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from latentinpaint.images.folders import list_pictures

FIRST = 5  # pictures that are not timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=60, help="photographs to fill")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(options.images, options.count, Path(folder))
        found: dict[int, list[float]] = {1: [], 2: []}
        for number in range(options.rounds):
            for jobs, rates in found.items():
                rates.append(rate(Path(folder), jobs, Path(folder) / f"filled_{number}_{jobs}"))
    one = statistics.median(found[1])
    two = statistics.median(found[2])
    print(f"{one:.2f} pictures a second by one process, {two:.2f} by two: {two / one:.2f} times")


def write_inputs(images: str, count: int, folder: Path) -> None:
    """The folders photos and masks, in `folder`."""
    for name in ("photos", "masks"):
        (folder / name).mkdir()
    for path in list_pictures(images)[:count]:
        image = Image.open(path).convert("RGB")
        image.save(folder / "photos" / f"{path.stem}.png")
        hole = np.zeros((image.height, image.width), np.uint8)
        hole[image.height * 3 // 8 : image.height * 5 // 8, image.width * 3 // 8 : image.width * 5 // 8] = 255
        Image.fromarray(hole).save(folder / "masks" / f"{path.stem}.png")


def rate(folder: Path, jobs: int, output: Path) -> float:
    """Fill the pictures by so many processes of one thread; pictures a second."""
    command = [sys.executable, "-m", "latentinpaint", "inpaint", "--jobs", str(jobs), "--device", "cpu"]
    command += ["--indir", str(folder / "photos"), "--maskdir", str(folder / "masks"), "--outdir", str(output)]
    times = []
    with subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": str(jobs)}, stdout=subprocess.PIPE, text=True, cwd=folder
    ) as process:
        assert process.stdout is not None
        for _ in process.stdout:
            times.append(time.perf_counter())
    if process.returncode:
        sys.exit("the pictures were not filled")
    times.pop()  # of the summary
    return (len(times) - FIRST) / (times[-1] - times[FIRST - 1])


if __name__ == "__main__":
    main()

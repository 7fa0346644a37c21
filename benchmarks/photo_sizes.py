"""How long the default model takes for a photograph, and how much memory, each case in a process of its own.

    python benchmarks/photo_sizes.py

Seconds are those of loading the model and filling, without Python's imports and files; memory is the peak of the
whole process. The photographs are scikit-image's, enlarged to what a camera takes.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

Case = tuple[int, int, Callable[[np.ndarray, np.ndarray], np.ndarray]]


def _disc(radius: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda y, x: (y - y.max() / 2) ** 2 + (x - x.max() / 2.2) ** 2 < radius**2


CASES: dict[str, Case] = {
    "512 x 512, hole of 180": (512, 512, _disc(90)),
    "512 x 512, thick preset": (512, 512, _disc(0)),
    "12 megapixels, hole of 300": (3000, 4000, _disc(150)),
    "24 megapixels, hole of 300": (4000, 6000, _disc(150)),
    "24 megapixels, four holes of 300": (
        4000,
        6000,
        lambda y, x: ((y % 2000 - 1000) ** 2 + (x % 3000 - 1500) ** 2) < 150**2,
    ),
    "12 megapixels, hole of 1600 x 1200": (3000, 4000, lambda y, x: (abs(y - 1500) < 600) & (abs(x - 2000) < 800)),
}


def measure(name: str, model: str) -> None:
    """Fill one case in this process, and print seconds and megabytes."""
    import torch
    from PIL import Image
    from skimage import data

    from latentinpaint import Inpainter
    from latentinpaint.data.masks import mask_preset

    height, width, hole = CASES[name]
    image = Image.fromarray(data.astronaut()).resize((width, height), Image.Resampling.LANCZOS)
    mask = hole(*np.mgrid[:height, :width])
    if "preset" in name:
        mask = (
            mask_preset("thick", height)(height, width, generator=torch.Generator().manual_seed(4))[0].numpy() > 0.5
        )
    start = time.perf_counter()
    Inpainter.from_pretrained(model)(image, mask)
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, mask.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    parser.add_argument("--rounds", type=int, default=3, help="processes a case")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        measure(options.case, options.model)
        return
    print("| photograph | hole | seconds, median | MB |\n|---|---|---|---|")
    for name in CASES:
        command = [sys.executable, "-W", "ignore", __file__, "--model", options.model, "--case", name]
        runs = [
            [float(number) for number in subprocess.check_output(command, text=True).split()]
            for _ in range(options.rounds)
        ]
        seconds, megabytes, share = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {name} | {100 * share:.1f} % | {seconds:.2f} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()

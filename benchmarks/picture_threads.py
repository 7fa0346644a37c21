"""Whether a list of pictures is filled sooner if every picture has a thread of its own.

    python benchmarks/picture_threads.py [--pictures 2] [--side 512] [--repeats 5]

The same pictures with the same holes are filled one after the other, where the loops of the texture share each
picture out, and by as many threads as pictures. Printed are seconds (the least of the repeats, and their median), how
many cores were busy, and whether the pictures are equal.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from skimage import data, transform

from latentinpaint import Inpainter

SOURCES = (data.astronaut, data.coffee, data.chelsea, data.rocket)


def pictures_and_masks(count: int, side: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """`count` photographs (side, side, 3) uint8, each with a round hole of a fifth of it elsewhere."""
    rows, columns = np.mgrid[:side, :side] / side
    pictures = []
    masks = []
    for number in range(count):
        photo = transform.resize(SOURCES[number % len(SOURCES)](), (side, side), anti_aliasing=True)
        pictures.append((photo * 255).round().astype(np.uint8))
        masks.append((rows - 0.5) ** 2 + (columns - 0.35 - 0.3 * number / count) ** 2 < 0.2 / np.pi)
    return pictures, masks


def timed(work: Callable[[], list[np.ndarray]]) -> tuple[float, float, list[np.ndarray]]:
    """Seconds, processor's seconds, and what was made."""
    start, busy = time.perf_counter(), time.process_time()
    made = work()
    return time.perf_counter() - start, time.process_time() - busy, made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=2)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    pictures, masks = pictures_and_masks(arguments.pictures, arguments.side)
    inpainter = Inpainter.from_pretrained("default", "cpu")

    def one_by_one() -> list[np.ndarray]:
        return [inpainter(picture, mask) for picture, mask in zip(pictures, masks, strict=True)]

    def as_a_list() -> list[np.ndarray]:
        return inpainter(pictures, masks)

    def in_threads() -> list[np.ndarray]:
        with ThreadPoolExecutor(len(pictures)) as pool:
            return list(pool.map(inpainter, pictures, masks))

    ways = {"one by one": one_by_one, "a list": as_a_list, "threads": in_threads}
    expected = one_by_one()  # and the compiled loops are loaded
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cores: dict[str, list[float]] = {name: [] for name in ways}
    equal = dict.fromkeys(ways, True)
    for _ in range(arguments.repeats):
        for name, way in ways.items():  # in turn, so that what else the machine does meets all alike
            wall, busy, made = timed(way)
            seconds[name].append(wall)
            cores[name].append(busy / wall)
            equal[name] &= all(map(np.array_equal, made, expected))
    print(f"{arguments.pictures} pictures of {arguments.side}², {torch.get_num_threads()} threads")
    for name, taken in seconds.items():
        print(
            f"{name:11}{min(taken):7.2f} s at least{statistics.median(taken):7.2f} s in the middle"
            f"{statistics.median(cores[name]):6.2f} cores, {'equal' if equal[name] else 'not equal'}"
        )


if __name__ == "__main__":
    main()

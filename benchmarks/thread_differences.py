"""How far fills computed with different numbers of threads lie apart.

    python benchmarks/thread_differences.py --images DIR --threads 1 2

Every picture is filled with each number of threads: by the networks alone, and with texture. A number of threads is
compared with the first one, in values of the hole.
"""

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.evaluation.dataset import dataset_from_preset
from latentinpaint.evaluation.methods import to_eight_bits
from latentinpaint.inpainter import Inpainter

WAYS = {"networks": False, "with texture": True}


@dataclass
class Differences:
    """Between pairs of fills, counted up by `add`.

    Attributes:
        pictures: that differ at all.
        values: of holes, that differ by a level of 255 or more.
        of: all values of the holes.
        largest: difference, in [0, 1].
        largest_level: difference of the fills as files of 8 bits, of 255.
    """

    pictures: int = 0
    values: int = 0
    of: int = 0
    largest: float = 0.0
    largest_level: int = 0

    def add(self, fill: Tensor, other: Tensor, mask: Tensor) -> None:
        """The fills (1, 3, H, W) of one picture, and its hole (1, 1, H, W)."""
        levels = (255 * (to_eight_bits(fill) - to_eight_bits(other))).abs().round()
        self.pictures += not torch.equal(fill, other)
        self.values += int((levels > 0).sum())
        self.of += 3 * int(mask.sum())
        self.largest = max(self.largest, (fill - other).abs().max().item())
        self.largest_level = max(self.largest_level, int(levels.max()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="name, run folder or model file")
    parser.add_argument("--images", required=True, help="folder of pictures")
    parser.add_argument("--limit", type=int, help="only so many pictures, the first by name")
    parser.add_argument("--size", type=int, help="of the pictures' middle squares; by default they are taken whole")
    parser.add_argument("--mask-preset", default="thick", help="thin, medium, thick or training")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2], help="each is compared with the first")
    options = parser.parse_args()
    inpainter = Inpainter.from_pretrained(options.model, "cpu")
    found = {(way, threads): Differences() for way in WAYS for threads in options.threads[1:]}
    cases = dataset_from_preset(options.images, options.mask_preset, limit=options.limit, size=options.size)
    for case in cases:
        for way, texture in WAYS.items():
            fills = {}
            for threads in options.threads:
                torch.set_num_threads(threads)
                fills[threads] = inpainter(case.image, case.mask, texture=texture)
            for threads in options.threads[1:]:
                found[way, threads].add(fills[threads], fills[options.threads[0]], case.mask)
    print(f"{len(cases)} pictures, compared with {options.threads[0]} thread(s)\n")
    print("| fills | threads | pictures that differ | values that differ | by up to | in levels of 255 |")
    print("|---|---|---|---|---|---|")
    for (way, threads), seen in found.items():
        counts = f"{seen.pictures} | {seen.values} of {seen.of}"
        print(f"| {way} | {threads} | {counts} | {seen.largest:.1e} | {seen.largest_level} |")


if __name__ == "__main__":
    main()

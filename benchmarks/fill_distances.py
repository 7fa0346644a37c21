"""Fréchet and kernel distances of a report's fills by feature networks that the package does not know.

    latentinpaint benchmark --images DIR --output report …
    python benchmarks/fill_distances.py --images DIR --report report mobilenet=mobilenet.pt2 places=places.pt2

A judge should share nothing with what a model was trained by, nor with the other judges. Each network is a program
that `torch.export.save` wrote, from a picture (1, 3, S, S) in [0, 1] to features (1, dimension);
pictures are resized to S x S (`--size`) first, with antialiasing. FD(name) is Fréchet's distance of the fills of the
whole pictures from the pictures, KD(name) the kernel's, times 1000, with its standard deviation over subsets.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.images.folders import list_pictures
from latentinpaint.images.image_files import read_picture
from latentinpaint.metrics.distances import frechet_distance, kernel_distance

MASK_SUFFIX = "_mask"  # what a fill's name has after its picture's

Network = Callable[[Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", help="NAME=FILE, exported programs")
    parser.add_argument("--images", required=True, help="folder of the undamaged pictures")
    parser.add_argument("--report", required=True, help="folder that `benchmark` wrote, with its fills")
    parser.add_argument("--size", type=int, default=224, help="side of what the networks see")
    options = parser.parse_args()
    try:
        print_distances(options)
    except InputError as error:
        parser.error(str(error))


@torch.no_grad()
def print_distances(options: argparse.Namespace) -> None:
    """A table of all methods for every network."""
    truths = {path.stem: path for path in list_pictures(options.images)}
    methods = sorted(path for path in Path(options.report, "fills").iterdir() if path.is_dir())
    for name, network in load_networks(options.networks).items():
        print(f"| method | FD({name}) | 1000 KD({name}) |\n|---|---|---|")
        genuine: dict[str, Tensor] = {}  # features (1, dimension) of a picture, which all methods have filled
        for folder in methods:
            fills = list_pictures(folder)
            stems = [path.stem.rsplit(MASK_SUFFIX, 1)[0] for path in fills]
            for stem in stems:
                if stem not in genuine:
                    genuine[stem] = network(resized(truths[stem], options.size))
            filled = torch.cat([network(resized(path, options.size)) for path in fills])
            true = torch.cat([genuine[stem] for stem in stems])
            distance = frechet_distance(filled, true)
            kernel = kernel_distance(filled, true)
            kernel_figures = f"{1000 * kernel.mean:.2f} ± {1000 * kernel.standard_deviation:.2f}"
            print(f"| {folder.name} ({len(fills)}) | {distance:.3f} | {kernel_figures} |", flush=True)


def load_networks(texts: list[str]) -> dict[str, Network]:
    """The networks of NAME=FILE, by name."""
    networks = {}
    for text in texts:
        name, separator, file = text.partition("=")
        if not separator or not Path(file).is_file():
            raise InputError(f"a network is NAME=FILE with a file that is there, not {text}")
        networks[name] = torch.export.load(file).module()
    return networks


def resized(path: Path, size: int) -> Tensor:
    """A picture file as (1, 3, size, size) in [0, 1]."""
    picture = torch.from_numpy(read_picture(path).visible_rgb()).permute(2, 0, 1)[None]
    return F.interpolate(picture, (size, size), mode="bilinear", antialias=True).clamp(0, 1)


if __name__ == "__main__":
    main()

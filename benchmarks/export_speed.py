"""How long a filled picture takes in onnxruntime and as a program of torch.export, beside the package's fused copy.

    OMP_NUM_THREADS=2 python benchmarks/export_speed.py --model runs/latent_ffc

Every way has its turn in every round; the table has medians of the rounds, ratios to the fused copy of the same run,
and the largest difference from the model as it was trained.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from latentinpaint.export import Onnx, Pt2, export
from latentinpaint.models.fast.fuse import fuse
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.weights import load_pipeline

Way = Callable[[Tensor, Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="file or folder of a model whose refiner is ffc")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    pipeline = load_pipeline(options.model)
    with tempfile.TemporaryDirectory() as folder:
        ways = ways_of(pipeline, Path(folder))
    print("| | size, pixels | ms | ratio | largest difference |\n|---|---|---|---|---|")
    for size in options.sizes:
        image, mask = picture(size)
        expected = pipeline(image, mask)
        seconds = median_seconds(ways, image, mask, options.rounds)
        for name, way in ways.items():
            ratio = seconds[name] / seconds["fused, torch"]
            difference = (way(image, mask) - expected).abs().max()
            print(f"| {name} | {size} | {1000 * seconds[name]:.1f} | {ratio:.2f} | {difference:.1e} |")


def ways_of(pipeline: InpaintPipeline, folder: Path) -> dict[str, Way]:
    """The fused copy, and what the files of both formats compute."""
    for form in (Onnx(), Pt2()):
        export(pipeline, folder / f"model{form.suffix}", form)
    return {
        "fused, torch": fuse(pipeline),
        "onnxruntime": onnx_way(folder / "model.onnx"),
        "torch.export": torch.export.load(folder / "model.pt2").module(),
    }


def onnx_way(path: Path) -> Way:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    # Threads that wait by counting would take their cores from whoever has the next turn.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return lambda image, mask: torch.from_numpy(session.run(None, {"image": image.numpy(), "mask": mask.numpy()})[0])


def picture(size: int) -> tuple[Tensor, Tensor]:
    """A random picture with a hole of a quarter of it."""
    image, mask = (
        torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 1, size, size),
    )
    mask[..., size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1
    return image, mask


@torch.inference_mode()
def median_seconds(ways: dict[str, Way], image: Tensor, mask: Tensor, rounds: int) -> dict[str, float]:
    """Of so many rounds after two that warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 2):
        for name, way in ways.items():
            start = time.perf_counter()
            way(image, mask)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[2:]) for name, values in seconds.items()}


if __name__ == "__main__":
    main()

"""What few steps of a flow refiner are worth: ways to take them, by their evaluations of the network.

    python benchmarks/flow_steps.py --images DIR --model several --limit 64

A row is a way and a number of evaluations:

    plain        Euler's steps, equally long
    placed       the same on the power grid
    trained      the same on the quantiles of the training times
    churn        the same on the power grid, with noise added in the hole on the way
    midpoint     the midpoint rule on the power grid, two evaluations a step
    heun         Heun's rule there, two evaluations a step and one in the last
    exponential  the exponential midpoint rule there, two evaluations a step
    even         the midpoint rule on equally long steps, for noise that was measured
    shortcuts    what the model has learnt to do in one evaluation a step, if it has

One Euler step is the same on every grid, so some ways begin with two. LPIPS(squeeze) and PSNR of one sample in the
hole, and their paired differences from the reference, with 95 % intervals over pictures; of several samples the
spread over the error of their mean, where 1 is calibrated, and how often the truth lies in their range; the median
seconds of a sample. The networks alone are measured, without texture.
"""

import argparse
import copy
from collections.abc import Iterator
from functools import partial

from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.benchmark_config import BenchmarkConfig
from latentinpaint.evaluation.chosen_metrics import build_evaluator
from latentinpaint.evaluation.dataset import load_dataset
from latentinpaint.evaluation.evaluator import evaluate_all
from latentinpaint.evaluation.methods import ModelMethod
from latentinpaint.evaluation.report.markdown import table, with_interval
from latentinpaint.evaluation.statistics import median
from latentinpaint.evaluation.summary import Summary, summarise
from latentinpaint.inference.options import FillOptions
from latentinpaint.pipeline import InpaintPipeline
from latentinpaint.refiners import Condition, FlowRefiner
from latentinpaint.refiners.shortcuts import shortcut_counts
from latentinpaint.runtime.randomness import Generators
from latentinpaint.weights import load_pipeline

# Way -> solver, grid, churn, and evaluations in each step but Heun's last.
WAYS = {
    "plain": ("euler", "uniform", 0.0, 1),
    "placed": ("euler", "power", 0.0, 1),
    "trained": ("euler", "trained", 0.0, 1),
    "churn": ("euler", "power", 1.0, 1),
    "midpoint": ("midpoint", "power", 0.0, 2),
    "heun": ("heun", "power", 0.0, 2),
    "exponential": ("exponential", "power", 0.0, 2),
    "even": ("midpoint", "uniform", 0.0, 2),
    "shortcuts": (None, "uniform", 0.0, 1),
}
SAME_IN_ONE_STEP = ("placed", "trained", "churn", "heun")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of undamaged pictures")
    parser.add_argument("--model", required=True, help="name, run folder or model file of a flow")
    parser.add_argument("--masks", default="thick", help="preset of the holes")
    parser.add_argument(
        "--size", type=int, help="evaluate the middle square of every picture, scaled to so many pixels"
    )
    parser.add_argument("--limit", type=int, help="pictures, the first by name")
    parser.add_argument("--samples", type=int, default=8, help="of each hole, for spread and range")
    parser.add_argument("--evaluations", type=int, nargs="+", default=[1, 2, 4, 8, 50])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--reference", help="row that the others are compared with, by default the last plain one")
    parser.add_argument("--lpips-weights", help="torchvision's SqueezeNet file, by default the one in torch's cache")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        compare(options)
    except InputError as error:
        parser.error(str(error))


def compare(options: argparse.Namespace) -> None:
    """Print the table."""
    pipeline = load_pipeline(options.model)
    if not isinstance(pipeline.refiner, FlowRefiner):
        raise InputError(f"{options.model} holds a {type(pipeline.refiner).__name__}, and only a flow takes steps")
    config = BenchmarkConfig(
        images=options.images,
        output="",
        features="",
        mask_preset=options.masks,
        size=options.size,
        limit=options.limit,
        seed=options.seed,
        lpips_weights=options.lpips_weights,
    )
    evaluator, notes = build_evaluator(config)
    methods = []
    for way in options.ways:
        for evaluations in options.evaluations:
            methods += method_of(pipeline, way, evaluations, options)
    reference = options.reference or [method.name for method in methods if method.name.startswith("plain")][-1]
    items = list(load_dataset(config))
    records = evaluate_all(items, methods, evaluator)
    summary = summarise(*records, evaluator.metrics, evaluator.networks, reference)
    print("\n".join(rows_of(summary, methods, reference)))
    for note in [*notes, *summary.notes]:
        print(f"note: {note}")


def method_of(
    pipeline: InpaintPipeline, way: str, evaluations: int, options: argparse.Namespace
) -> Iterator[ModelMethod]:
    """The flow of a pipeline sampled in one way, if that takes so many evaluations."""
    solver, grid, churn, each = WAYS[way]
    steps = evaluations // each
    refiner = copy.copy(pipeline.refiner)  # its own settings, and the same network
    assert isinstance(refiner, FlowRefiner)
    if steps == 0 or (steps == 1 and way in SAME_IN_ONE_STEP):
        return
    if solver is None and steps not in shortcut_counts(refiner.shortcuts):
        return
    if churn > 0 and refiner.residual_noise is not None:
        return
    refiner.grid = grid
    refiner.churn = churn
    refiner.steps = steps
    if solver is not None:
        refiner.refine_with_error = partial(_refine, refiner, solver)
    sampled = InpaintPipeline(pipeline.autoencoder, refiner, pipeline.control).eval()
    how = FillOptions(options.samples, options.seed, texture=False, crop=None)
    name = f"{way} {evaluations}"
    yield ModelMethod(name, name, sampled, how)


def _refine(
    refiner: FlowRefiner,
    solver: str,
    condition: Condition,
    generator: Generators = None,
    steps: int | None = None,
) -> tuple[Tensor, None]:
    """`FlowRefiner.refine_with_error` by a solver, whatever shortcuts the flow has learnt."""
    return refiner.sample(condition, generator, steps, solver).x, None


def rows_of(summary: Summary, methods: list[ModelMethod], reference: str) -> list[str]:
    """The table in Markdown, with a line of what it was measured on."""
    head = ["way", "evaluations", "LPIPS", "difference", "PSNR", "difference", "spread / error", "covered", "seconds"]
    lines = [head]
    wanted = ""
    for method in methods:
        row = summary.rows[method.name]
        found = summary.calibration[method.name]
        wanted = f"{found['covered_if_calibrated']:.2f}"
        line = [method.name.split()[0], f"{median(row.evaluations):g}"]
        for key, digits in (("lpips_squeeze_hole", 3), ("psnr_hole", 2)):
            difference = "–"
            if method.name != reference:
                difference = with_interval(summary.differences[method.name][key].mean, digits, "+")
            mean = "–"
            if key in row.means:
                mean = f"{row.means[key].value:.{digits}f}"
            line += [mean, difference]
        line += [f"{found['spread_to_error']:.2f}", f"{found['covered']:.2f}", f"{median(row.seconds):.2f}"]
        lines.append(line)
    about = f"{len(summary.items)} holes, {methods[0].num_samples} samples; {wanted} would be covered if calibrated;"
    return [table(lines), f"{about} differences from {reference}"]


if __name__ == "__main__":
    main()

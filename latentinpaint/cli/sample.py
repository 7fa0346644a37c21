"""`sample`: draw from a trained flow, fill holes with it, or carry data over."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentinpaint.cli.terminal import fraction_bar
from latentinpaint.errors import InputError, check_counts, check_suffix, count_of, printable
from latentinpaint.files import write_text

if TYPE_CHECKING:
    from latentinpaint.flows.session import Session

PICTURES = (".png", ".webp", ".tif", ".tiff")


@dataclass(kw_only=True)
class Options:
    """Sample a flow that train_flow made: new samples, filled holes, carried-over pictures.

    What a flow can do depends on its class: generate and transport (a scheduled flow); inpaint (a mask-conditioned
    flow); generate, inpaint, sequential, adaptive, denoise, posterior and reward (a Hadamard flow); restore (a
    multichannel flow). Given data, it reports the error inside the holes, or of the whole picture where there are
    none. Equal seeds give equal samples, whatever the batch size.

    Args:
        model: flow file, or folder of a training run.
        output: a sheet of tiles (PNG, WebP or TIFF), a plot for points (PNG), or the samples as they are (.npy).
        task: generate, transport, inpaint, sequential, adaptive (block after block, the least certain next), denoise,
            posterior, reward or restore; by default the flow's first (transport where it starts from data).
        data: what is filled, carried over or observed: a folder, a sheet, a collection's name, as in training,
            or fields (.npy).
        change: none, invert, rotate or mirror, made to the data.
        downloads: folder in which torchvision looks for a data set, and to which it downloads.
        mask: one picture of the flow's size, white where the hole is, for all samples.
        mask_preset: holes drawn by number and seed: patches, thin, medium, thick or training; by default what the
            flow was trained with. Without data, sequential and adaptive make whole pictures.
        num_samples: how many; by default 64, or all of the data.
        noise: standard deviation of the noise that is added to what is observed, pictures being in [-1, 1]
            (denoise, posterior).
        channel: what damages the data and how much, such as blur=.8, from 0 to 1; as often as there are channels
            (restore).
        quadratic: A of the reward A x^2 / 2 + b x of every entry x, 0 or below (reward).
        linear: b of that reward; for configurations of a lattice field theory, an external field (reward).
        order: of the blocks, raster or morton (sequential).
        steps: solver steps, for sequential and adaptive those of one block; by default the flow's own.
        solver: euler, midpoint, rk4 or dopri5, for Hadamard flows euler, midpoint or heun; by default the flow's own.
        tolerance: of dopri5; by default the flow's own.
        shared_steps: solve the samples of a batch together with dopri5: as exact and faster, but a sample depends,
            within the tolerance, on its batch.
        epsilon: rate of the noise that is added on the way, 0 or more (Hadamard and multichannel flows).
        seed: of the samples, the holes and the noise.
        batch_size: samples at once.
        compare: file for a grid of the first 16 samples beside what they were made from.
        report: file for the figures, JSON.
        device: cpu, cuda, cuda:1 or mps; by default a GPU if there is one.
    """

    model: str
    output: str
    task: str | None = None
    data: str | None = None
    change: str = "none"
    downloads: str = "downloads"
    mask: str | None = None
    mask_preset: str | None = None
    num_samples: int | None = None
    noise: float = 0.2
    channel: list[str] | None = None
    quadratic: float | None = None
    linear: float | None = None
    order: str = "raster"
    steps: int | None = None
    solver: str | None = None
    tolerance: float | None = None
    shared_steps: bool = False
    epsilon: float | None = None
    seed: int = 0
    batch_size: int = 64
    compare: str | None = None
    report: str | None = None
    device: str | None = None


def run(options: Options) -> None:
    """Sample as the options say."""
    _check(options)
    from latentinpaint.visualization.flows import write_comparison, write_samples

    session = _session(options)
    with fraction_bar(session.task) as progress:
        result = session.run(progress)
    write_samples(options.output, result.samples)
    cost = f"{count_of(result.nfe, 'network evaluation')} each, {result.seconds:.1f} s"
    print(printable(f"{session.task}: {count_of(len(result.samples), 'sample')}, {cost}: {options.output}"))
    if result.errors:
        print(session.describe_errors(result))
    if options.compare is not None:
        write_comparison(options.compare, result)
        print(printable(f"side by side: {options.compare}"))
    if options.report is not None:
        write_text(options.report, json.dumps(session.report(result), indent=1))


def _check(options: Options) -> None:
    counts = {"--num-samples": options.num_samples, "--batch-size": options.batch_size, "--steps": options.steps}
    check_counts(counts)
    if options.noise <= 0:
        raise InputError("--noise is above 0")
    if options.mask is not None and options.mask_preset is not None:
        raise InputError("give --mask or --mask-preset, not both")
    check_suffix("--output", options.output, *PICTURES, ".npy")
    if options.compare is not None:
        check_suffix("--compare", options.compare, *PICTURES)


def _session(options: Options) -> "Session":
    """The flow with all that the options say."""
    from latentinpaint.data.distributions import holds_fields
    from latentinpaint.flows import session_inputs as inputs
    from latentinpaint.flows.session import Session
    from latentinpaint.runtime.device import choose_device
    from latentinpaint.weights import load_flow, read_header

    flow = load_flow(options.model).to(choose_device(options.device))
    from_noise = read_header(options.model)["recipe"].get("from_noise", True)
    alike = ("task", "data", "mask", "solver", "steps", "tolerance", "epsilon", "quadratic", "linear")
    names = inputs.SessionNames(
        **{name: f"--{name}" for name in alike},
        preset="--mask-preset",
        channels="--channel",
        shared_steps="--shared-steps",
    )
    task = inputs.find_task(flow, options.task, from_noise, names)
    settings = (options.solver, options.steps, options.tolerance, options.epsilon, options.shared_steps)
    config = inputs.sampler_config(flow, *settings, names)
    data = options.data
    samples = inputs.load_samples(
        flow, task, data, options.num_samples, options.change, options.downloads, options.seed, names
    )
    holes = inputs.load_holes(
        flow, task, len(samples), data is not None, options.mask, options.mask_preset, options.seed, names
    )
    return Session(
        flow,
        task,
        config,
        samples,
        holes,
        has_data=data is not None,
        has_pictures=data is None or not holds_fields(data),
        noise_std=options.noise,
        channels=inputs.load_channels(task, options.channel, names),
        reward=inputs.load_reward(task, options.quadratic, options.linear, names),
        order=options.order,
        seed=options.seed,
        batch_size=options.batch_size,
    )

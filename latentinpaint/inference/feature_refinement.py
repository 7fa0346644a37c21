r"""Refinement: filling a picture larger than those a model was trained on, from coarse to fine.

The picture and its hole are scaled down to a pyramid. The smallest scale is filled as usual: there the model sees
what it was trained on. At every larger scale the model starts from its own answer, and Adam moves a latent `z` so
that

.. math:: \frac{1}{|E|}\sum_{E} |{\downarrow} x(z) - y| + \frac{1}{|K|}\sum_{K} |x(z) - \mathrm{picture}|

falls, with `x(z)` the decoded picture, `y` the fill of the scale below, the arrow blurring and scaling down to it,
`E` the hole of the scale below without its border, and `K` the known pixels of this scale. No weight of the model
changes. The structure comes from the small scale, the detail from the large one.

Source: Kulshreshtha, Pugh, Jiddi, "Feature Refinement to Improve High Resolution Image Inpainting", 2022, arXiv
2206.13644, whose figures are Adam with 15 iterations a scale and a learning rate of 0.002 on LaMa's raw features.
Latents here have deviation 1, so the rate is in their deviations.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.device import GIB, free_memory, saved_for_backward
from latentinpaint.errors import InputError
from latentinpaint.inference.pyramid import Scale, eroded, scale_sizes, scaled_down
from latentinpaint.pipeline import InpaintPipeline, composite, hide, pad_to_cells
from latentinpaint.randomness import numbered_generator
from latentinpaint.refiners import Condition

SHARE = 0.5  # of the memory that is free
BASE = 2**28  # bytes that the first gradient takes on a processor whatever the size: buffers of libraries
PROBE = 128  # side of the picture that the need of memory is measured on


@dataclass(frozen=True)
class Refinement:
    """How to refine.

    Attributes:
        iterations: steps of Adam at every scale but the smallest, from 1.
        learning_rate: length of a step in deviations of the latent, above 0; None takes that of `latent`'s entry in
            `LATENTS`.
        smallest_side: shorter side of the smallest scale in pixels, near the size that the model was trained on.
            Pictures that are no larger are filled as without refinement.
        latent: a key of `LATENTS`, which latent is moved; None is "conditioned" where the refiner answers in one
            pass, and "refined" where it draws samples.
        erosion: pixels of the scale below that its hole loses at its border before it is compared.
        memory: GiB that refining may take, beyond what the program holds already; None is half of what the device
            has free. Scales that need more are not refined: the largest one that fits is scaled up.
        progress: called with a sentence at every scale.
        warn: called with a sentence that says what is not done as asked.

    Raises:
        InputError: if a value is out of range.
    """

    iterations: int = 15
    learning_rate: float | None = None
    smallest_side: int = 256
    latent: str | None = None
    erosion: int = 2
    memory: float | None = None
    progress: Callable[[str], None] | None = field(default=None, compare=False, repr=False)
    warn: Callable[[str], None] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        counts = (self.iterations, self.smallest_side, self.erosion)
        if not all(isinstance(count, int) for count in counts) or min(counts[0], counts[1] - 15, counts[2] + 1) < 1:
            raise InputError(
                "a refinement's iterations are whole numbers from 1, its smallest side from 16 and its erosion from 0"
            )
        if not (self.learning_rate is None or 0 < self.learning_rate < math.inf):
            raise InputError(f"a learning rate is above 0, not {self.learning_rate}")
        if self.latent is not None and self.latent not in LATENTS:
            raise InputError(f"there is no latent '{self.latent}' to refine: choose one of {', '.join(LATENTS)}")
        if self.memory is not None and not self.memory > 0:
            raise InputError(f"the memory for refining is above 0 GiB, not {self.memory}")

    def chosen(self, pipeline: InpaintPipeline) -> "Refinement":
        """The same with no value left open that a model decides.

        Raises:
            InputError: if this model cannot be refined, or not in this way.
        """
        if not pipeline.autoencoder.stage_channels:
            raise InputError("this model works on pixels, without an encoder and a decoder: it cannot be refined")
        samples = pipeline.refiner.stochastic
        latent = self.latent or ("refined" if samples else "conditioned")
        if samples and not LATENTS[latent].for_samples:
            raise InputError(f"a flow draws its answers: refine the latent 'refined', not '{latent}'")
        return replace(self, latent=latent, learning_rate=self.learning_rate or LATENTS[latent].learning_rate)

    def report(self, text: str) -> None:
        """Pass a sentence to `progress`, if there is one."""
        if self.progress is not None:
            self.progress(text)


@dataclass(frozen=True)
class Moved:
    """A latent that can be moved: where it starts, and the picture (1, 3, h, w) that it stands for."""

    start: Tensor
    decode: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Kind:
    """Which latent is moved.

    Attributes:
        of: from a pipeline, the condition of one picture, its generator and the solver's steps.
        learning_rate: what serves it best, in deviations of the latent, see docs/large_pictures.md.
        overhead: what optimising takes at its peak over what autograd keeps.
        for_samples: whether it can be moved where answers are drawn.
    """

    of: Callable[[InpaintPipeline, Condition, torch.Generator, int | None], Moved]
    learning_rate: float
    overhead: float
    for_samples: bool


def _refined(pipeline: InpaintPipeline, condition: Condition, generator: torch.Generator, steps: int | None) -> Moved:
    """The refiner's answer: the gradient passes the decoder alone."""
    with torch.no_grad():
        start = pipeline.refiner.refine(condition, [generator], steps)
    return Moved(start, pipeline.autoencoder.decode)


def _conditioned(
    pipeline: InpaintPipeline, condition: Condition, generator: torch.Generator, steps: int | None
) -> Moved:
    """What the refiner reads: the gradient passes the refiner as well, which spreads it over the picture."""

    def decode(latent: Tensor) -> Tensor:
        return pipeline.autoencoder.decode(pipeline.refiner.refine(replace(condition, latent=latent), None, steps))

    return Moved(condition.latent, decode)


LATENTS: dict[str, Kind] = {
    "refined": Kind(_refined, learning_rate=0.01, overhead=3.0, for_samples=True),
    "conditioned": Kind(_conditioned, learning_rate=0.002, overhead=1.5, for_samples=False),
}


def sample_refined(
    pipeline: InpaintPipeline,
    image: Tensor,
    mask: Tensor,
    num_samples: int = 1,
    seeds: int | Sequence[int] = 0,
    steps: int | None = None,
    refinement: Refinement | None = None,
) -> Tensor:
    """As `InpaintPipeline.sample`, with refinement: sample k of a picture is drawn at every scale from equal seeds.

    Args:
        image: (B, 3, H, W) in [0, 1], any size.
        mask: (B, 1, H, W), 1 = hole.
        num_samples, seeds, steps: see `InpaintPipeline.sample`.
        refinement: how; None is `Refinement()`.

    Returns:
        (B, num_samples, 3, H, W) in [0, 1], equal to the picture outside the hole bit for bit.

    Raises:
        InputError: if the model works on pixels, or on samples and another latent than theirs is to be moved.
    """
    refinement = (refinement or Refinement()).chosen(pipeline)
    distinct = num_samples if pipeline.refiner.stochastic else 1
    seeds = list(seeds) if isinstance(seeds, Sequence) else [int(seeds)] * len(image)
    answers = [
        _from_coarse_to_fine(pipeline, image[row, None], mask[row, None], (seeds[row], k), steps, refinement)
        for row in range(len(image))
        for k in range(distinct)
    ]
    answers = torch.cat(answers).unflatten(0, (len(image), distinct))
    return answers if distinct == num_samples else answers.expand(-1, num_samples, -1, -1, -1)


def bytes_needed(pipeline: InpaintPipeline, latent: str, height: int, width: int) -> int:
    """What refining a picture of (height, width) pixels takes at its peak, estimated from a small one."""
    device = pipeline.autoencoder.latent_mean.device
    blank = torch.zeros(1, 3, PROBE, PROBE, device=device)
    with _still(pipeline):
        with torch.no_grad():
            condition = pipeline.condition(blank, torch.ones_like(blank[:, :1]))
        moved = LATENTS[latent].of(pipeline, condition, numbered_generator(0, 0), 1)
        start = moved.start.clone().requires_grad_()
        kept = saved_for_backward(lambda: moved.decode(start))
    return BASE + math.ceil(LATENTS[latent].overhead * kept * height * width / PROBE**2)


def _from_coarse_to_fine(
    pipeline: InpaintPipeline,
    image: Tensor,
    mask: Tensor,
    draw: tuple[int, int],
    steps: int | None,
    refinement: Refinement,
) -> Tensor:
    """The filled picture (1, 3, H, W); `draw` are the seed and the number of the sample."""
    hole, hidden = (mask > 0.5).to(image), hide(image, mask)
    sizes = scale_sizes(*image.shape[-2:], refinement.smallest_side)
    fitting = _fitting(pipeline, sizes, refinement)
    below = fill = None
    for number, size in enumerate(fitting, start=1):
        scale = Scale.of(hidden, hole, size)
        if below is not None:
            refinement.report(
                f"refining at {size[1]}x{size[0]} pixels, scale {number} of {len(fitting)}, "
                f"{refinement.iterations} iterations"
            )
        moved = _moved(pipeline, scale, draw, steps, refinement)
        fill = composite(scale.image, _optimised(pipeline, moved, scale, below, fill, refinement), scale.hole)
        below = scale
    if fitting[-1] != sizes[-1]:
        fill = F.interpolate(fill, size=sizes[-1], mode="bicubic", align_corners=False).clamp(0, 1)
    return composite(image, fill, mask)


def _fitting(
    pipeline: InpaintPipeline, sizes: list[tuple[int, int]], refinement: Refinement
) -> list[tuple[int, int]]:
    """The scales that the memory suffices for; the smallest is not optimised, and always among them."""
    if len(sizes) == 1:
        return sizes
    device = pipeline.autoencoder.latent_mean.device
    free = free_memory(device) if refinement.memory is None else None
    budget = SHARE * free if free is not None else (refinement.memory or math.inf) * GIB
    needs = [0, *(bytes_needed(pipeline, refinement.latent, *size) for size in sizes[1:])]
    fitting = [size for size, need in zip(sizes, needs, strict=True) if need <= budget]
    if len(fitting) < len(sizes) and refinement.warn is not None:
        full, largest = (f"{width}x{height}" for height, width in (sizes[-1], fitting[-1]))
        refinement.warn(
            f"refining at {full} pixels needs about {needs[-1] / GIB:.1f} GiB, {budget / GIB:.1f} GiB are allowed: "
            f"filled at {largest} and scaled up in the hole"
        )
    return fitting


def _moved(
    pipeline: InpaintPipeline, scale: Scale, draw: tuple[int, int], steps: int | None, refinement: Refinement
) -> Moved:
    stride = pipeline.autoencoder.stride
    with torch.no_grad():
        condition = pipeline.condition(pad_to_cells(scale.image, stride), pad_to_cells(scale.hole, stride))
    return LATENTS[refinement.latent].of(pipeline, condition, numbered_generator(*draw), steps)


def _optimised(
    pipeline: InpaintPipeline,
    moved: Moved,
    scale: Scale,
    below: Scale | None,
    fill: Tensor | None,
    refinement: Refinement,
) -> Tensor:
    """The picture (1, 3, h, w) of the moved latent; of the latent as it starts at the smallest scale."""
    height, width = scale.image.shape[-2:]
    latent = moved.start.detach().clone()
    if below is not None:
        compared, known = eroded(below.hole, refinement.erosion), 1 - scale.hole
        optimiser = torch.optim.Adam([latent], lr=refinement.learning_rate)
        with _still(pipeline):
            for _ in range(refinement.iterations):
                latent.requires_grad_()
                picture = moved.decode(latent)[..., :height, :width]
                structure = _mean_over(scaled_down(picture, fill.shape[-2:]) - fill, compared)
                loss = structure + _mean_over(picture - scale.image, known)
                (latent.grad,) = torch.autograd.grad(loss, latent)
                optimiser.step()
    with torch.no_grad():
        return moved.decode(latent.detach())[..., :height, :width]


def _mean_over(difference: Tensor, region: Tensor) -> Tensor:
    """Mean absolute difference (1, 3, h, w) over a region (1, 1, h, w) of 0 and 1; 0 where that is empty."""
    return (difference.abs() * region).sum() / (difference.shape[1] * region.sum()).clamp(min=1)


@contextmanager
def _still(pipeline: InpaintPipeline) -> Iterator[None]:
    """Gradients are taken inside, of latents alone: autograd keeps nothing for the weights."""
    learning = [parameter for parameter in pipeline.parameters() if parameter.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)

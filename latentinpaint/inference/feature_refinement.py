r"""Feature refinement: filling a picture larger than those a model was trained on, from coarse to fine.

The picture and its hole are scaled down to a pyramid. The smallest scale is filled as usual: there the model sees
what it was trained on. At every larger scale the model starts from its own fill, and Adam moves a latent `z` so that

.. math:: \frac{1}{|E|}\sum_{E} |{\downarrow} x(z) - y| + \frac{1}{|K|}\sum_{K} |x(z) - \mathrm{picture}|

falls, with `x(z)` the decoded picture, `y` the fill of the scale below, the arrow blurring and scaling down to it,
`E` the hole of the scale below without its border, and `K` the known pixels of this scale. No weight of the model
changes. The structure comes from the small scale, the detail from the large one.

Source: Kulshreshtha, Pugh, Jiddi, "Feature Refinement to Improve High Resolution Image Inpainting", 2022, arXiv
2206.13644, whose figures are Adam with 15 iterations a scale and a learning rate of 0.002 on LaMa's raw features.
Latents here have standard deviation 1, so the rate is in their standard deviations.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError, choose, whole_number
from latentinpaint.hole import is_hole
from latentinpaint.inference.optimised_latent import LATENTS, OptimisedLatent
from latentinpaint.inference.pyramid import PyramidLevel, erode, pyramid_sizes, scale_down
from latentinpaint.pipeline import InpaintPipeline, by_picture, composite, mask_out, seed_for_each
from latentinpaint.runtime.device import GIB, free_memory, saved_for_backward
from latentinpaint.runtime.progress import part, parts
from latentinpaint.runtime.randomness import numbered_generator

SHARE = 0.5  # of the memory that is free
BASE = 2**28  # bytes that the first gradient takes on a processor whatever the size: buffers of libraries
PROBE = 128  # side of the picture that the need of memory is measured on
MIN_SIDE = 16  # the least that `Refinement.smallest_side` may be


@dataclass(frozen=True)
class Refinement:
    """How to refine.

    Attributes:
        iterations: steps of Adam at every scale but the smallest, from 1.
        learning_rate: length of a step in standard deviations of the latent, above 0; None takes that of `latent`'s
            entry in `LATENTS`.
        smallest_side: shorter side of the smallest scale in pixels, near the size that the model was trained on.
            Pictures that are no larger are filled as without refinement.
        latent: a key of `LATENTS`, which latent is optimised; None is "conditioned" where the refiner is
            deterministic, and "refined" where it draws samples.
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
        whole_number("the number of iterations", self.iterations, 1)
        whole_number("the smallest side", self.smallest_side, MIN_SIDE)
        whole_number("the erosion", self.erosion, 0)
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise InputError(f"a learning rate is above 0, not {self.learning_rate}")
        if self.latent is not None:
            choose(LATENTS, self.latent, "latent")
        if self.memory is not None and not self.memory > 0:
            raise InputError(f"the memory for refining is above 0 GiB, not {self.memory}")

    def log(self, text: str) -> None:
        """Pass a sentence to `progress`, if there is one."""
        if self.progress is not None:
            self.progress(text)


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
        InputError: if the model works on pixels, or draws samples and another latent than theirs is to be optimised.
    """
    coarse_to_fine = _resolved(pipeline, refinement or Refinement(), steps)
    seeds = seed_for_each(seeds, len(image))
    distinct = pipeline.distinct_samples(num_samples)
    filled = []
    for number, of_sample in enumerate(parts([1] * (len(image) * distinct))):
        item, k = divmod(number, distinct)
        with of_sample:
            filled.append(coarse_to_fine.fill(image[item, None], mask[item, None], (seeds[item], k)))
    return by_picture(filled, distinct, num_samples)


def bytes_needed(pipeline: InpaintPipeline, latent: str, height: int, width: int) -> int:
    """What refining a picture of (height, width) pixels takes at its peak, estimated from a small one."""
    device = pipeline.autoencoder.latent_mean.device
    choice = LATENTS[latent]
    blank = torch.zeros(1, 3, PROBE, PROBE, device=device)
    with _frozen(pipeline):
        with torch.no_grad():
            condition = pipeline.condition(blank, torch.ones_like(blank[:, :1]))
        latent_of_blank = choice.make(pipeline, condition, numbered_generator(0, 0), 1)
        start = latent_of_blank.start.clone().requires_grad_()
        kept = saved_for_backward(lambda: latent_of_blank.decode(start))
    return BASE + math.ceil(choice.overhead * kept * height * width / PROBE**2)


def _resolved(pipeline: InpaintPipeline, refinement: Refinement, steps: int | None) -> "_CoarseToFine":
    """The refinement of this model, with what it leaves open decided.

    Raises:
        InputError: if this model cannot be refined, or not in this way.
    """
    if not pipeline.autoencoder.stage_channels:
        raise InputError("this model works on pixels, without an encoder and a decoder: it cannot be refined")
    draws = pipeline.refiner.stochastic
    latent = refinement.latent
    if latent is None:
        latent = "refined" if draws else "conditioned"
    choice = LATENTS[latent]
    if draws and not choice.for_samples:
        raise InputError(f"this model draws samples: refine the latent 'refined', not '{latent}'")
    learning_rate = refinement.learning_rate or choice.learning_rate
    return _CoarseToFine(pipeline, refinement, latent, learning_rate, steps)


@dataclass(frozen=True)
class _CoarseToFine:
    """One model's fills, from the smallest scale to the full one.

    Attributes:
        latent: a key of `LATENTS`.
        learning_rate: in standard deviations of this latent.
        steps: the solver's, see `InpaintPipeline.sample`.
    """

    pipeline: InpaintPipeline
    refinement: Refinement
    latent: str
    learning_rate: float
    steps: int | None

    def fill(self, image: Tensor, mask: Tensor, draw: tuple[int, int]) -> Tensor:
        """The filled picture (1, 3, H, W); `draw` are the seed and the number of the sample."""
        height, width = image.shape[-2:]
        hole = is_hole(mask).to(image)
        hidden = mask_out(image, mask)
        sizes = pyramid_sizes(height, width, self.refinement.smallest_side)
        with part(0.0, 0.0):  # a trial
            fitting = self._fitting(sizes)
        smallest, *larger = parts(height * width for height, width in fitting)
        below = PyramidLevel.of(hidden, hole, fitting[0])
        with smallest:
            latent = self._initial(below, draw)
            fill = _decoded(latent, latent.start.detach(), below)
        for number, (size, of_scale) in enumerate(zip(fitting[1:], larger, strict=True), start=2):
            self.refinement.log(
                f"refining at {size[1]}x{size[0]} pixels, scale {number} of {len(fitting)}, "
                f"{self.refinement.iterations} iterations"
            )
            scale = PyramidLevel.of(hidden, hole, size)
            with of_scale:
                fill = self._refined(scale, draw, below.mask, fill)
            below = scale
        if fitting[-1] != sizes[-1]:
            fill = F.interpolate(fill, size=sizes[-1], mode="bicubic", align_corners=False).clamp(0, 1)
        return composite(image, fill, mask)

    def _fitting(self, sizes: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The scales that the memory suffices for; the smallest is not optimised, and always among them."""
        if len(sizes) == 1:
            return sizes
        budget = self._budget()
        fitting = sizes[:1]
        for size in sizes[1:]:
            needed = bytes_needed(self.pipeline, self.latent, *size)
            if needed <= budget:
                fitting.append(size)
        if len(fitting) < len(sizes) and self.refinement.warn is not None:
            height, width = fitting[-1]
            full_height, full_width = sizes[-1]
            self.refinement.warn(
                f"refining at {full_width}x{full_height} pixels needs about {needed / GIB:.1f} GiB, "
                f"{budget / GIB:.1f} GiB are allowed: filled at {width}x{height} and scaled up in the hole"
            )
        return fitting

    def _budget(self) -> float:
        """Bytes that refining may take."""
        if self.refinement.memory is not None:
            return self.refinement.memory * GIB
        free = free_memory(self.pipeline.autoencoder.latent_mean.device)
        return math.inf if free is None else SHARE * free

    def _refined(self, scale: PyramidLevel, draw: tuple[int, int], hole_below: Tensor, fill_below: Tensor) -> Tensor:
        """The filled picture of a scale, for the filled one below it."""
        starting, optimising = parts((1, self.refinement.iterations))
        with starting:
            latent = self._initial(scale, draw)
        with optimising:
            return _decoded(latent, self._optimised(latent, scale, hole_below, fill_below), scale)

    def _initial(self, scale: PyramidLevel, draw: tuple[int, int]) -> OptimisedLatent:
        with torch.no_grad():
            condition = self.pipeline.condition(scale.image.contiguous(), scale.mask.contiguous())
        return LATENTS[self.latent].make(self.pipeline, condition, numbered_generator(*draw), self.steps)

    def _optimised(
        self, latent: OptimisedLatent, scale: PyramidLevel, hole_below: Tensor, fill_below: Tensor
    ) -> Tensor:
        """The latent after `iterations` steps of Adam, for a scale and the filled one below it."""
        height, width = scale.image.shape[-2:]
        below_height, below_width = fill_below.shape[-2:]
        compared = erode(hole_below, self.refinement.erosion)
        known = 1 - scale.mask
        z = latent.start.detach().clone()
        optimiser = torch.optim.Adam([z], lr=self.learning_rate)
        with _frozen(self.pipeline):
            for of_iteration in parts([1] * self.refinement.iterations):
                with of_iteration:
                    z.requires_grad_()
                    picture = latent.decode(z)[..., :height, :width]
                    structure = scale_down(picture, (below_height, below_width)) - fill_below
                    loss = _mean_over(structure, compared) + _mean_over(picture - scale.image, known)
                    (z.grad,) = torch.autograd.grad(loss, z)
                    optimiser.step()
        return z.detach()


def _decoded(latent: OptimisedLatent, z: Tensor, scale: PyramidLevel) -> Tensor:
    """The picture (1, 3, h, w) of a value of the latent, with the known pixels put back."""
    height, width = scale.image.shape[-2:]
    with torch.no_grad():
        picture = latent.decode(z)[..., :height, :width]
    return composite(scale.image, picture, scale.mask)


def _mean_over(difference: Tensor, region: Tensor) -> Tensor:
    """Mean absolute difference (1, 3, h, w) over a region (1, 1, h, w) of 0 and 1; 0 where that is empty."""
    return (difference.abs() * region).sum() / (difference.shape[1] * region.sum()).clamp(min=1)


@contextmanager
def _frozen(pipeline: InpaintPipeline) -> Iterator[None]:
    """Gradients are taken inside, of latents alone: autograd keeps nothing for the weights."""
    trainable = [parameter for parameter in pipeline.parameters() if parameter.requires_grad]
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)

r"""How different several samples of one hole are, and whether that says how wrong they are.

With samples :math:`x_1 \dots x_K` of one hole, their mean :math:`\bar x` and the truth :math:`y`, over the hole's
pixels and channels:

    standard deviation  between the samples (K - 1 in the denominator), a map and its mean
    diversity   mean LPIPS, inside the hole, of each sample and the next (the last and the first)
    spread      root of (the mean variance times (K + 1) / K): what the error of the mean would be if the truth were
                one more sample; `error` is what it is. A ratio below 1 means samples that are too sure.
    rank        how many samples lie below the truth, 0 … K; were the truth one more sample, every rank would be as
                likely as another (a histogram with high ends: too sure; a hump: too unsure). Equal values are ranked
                at random.
    covered     how often the truth lies within the samples' range, beside (K - 1) / (K + 1), what it would then be

Spread, error and ranks: Fortin et al., "Why should ensemble spread match the RMSE of the ensemble mean?", 2014,
https://doi.org/10.1175/JHM-D-14-0008.1; Hamill, "Interpretation of rank histograms for verifying ensemble forecasts",
2001. Neighbouring pixels are not independent, so the histogram has no simple test; the bars of a picture move
together.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from latentinpaint.errors import InputError, check_has_hole
from latentinpaint.hole import check_unit_mask, is_hole
from latentinpaint.metrics.picture_checks import check_mask, check_pictures
from latentinpaint.metrics.pixels import Metric


@dataclass(frozen=True)
class SampleStatistics:
    """Statistics of the samples of one hole, see the module.

    ranks: (K + 1,) counts, which sum to the hole's pixels times channels. map: the standard deviation (1, 1, H, W), 0
    outside the hole.
    """

    samples: int
    standard_deviation: float
    diversity: float
    spread_squared: float
    error_squared: float
    ranks: list[int]
    map: Tensor


@torch.no_grad()
def standard_deviation_map(samples: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation between samples (K, C, H, W), mean over channels: (1, 1, H, W), 0 outside the hole.

    Args:
        samples: at least 2; K - 1 is in the denominator.
        mask: (1, 1, H, W), 1 = hole.
    """
    check_unit_mask(mask)
    return torch.where(is_hole(mask), samples.std(dim=0).mean(dim=0)[None, None], 0)


@torch.no_grad()
def sample_statistics(
    samples: Tensor, truth: Tensor, mask: Tensor, perceptual: Metric | None, generator: torch.Generator
) -> SampleStatistics:
    """Statistics of K samples (K, 3, H, W) for a truth (1, 3, H, W) and its hole (1, 1, H, W).

    Args:
        samples: in [0, 1], at least 2.
        truth: in [0, 1].
        mask: 1 = hole; some pixel is.
        perceptual: measures the diversity, nan without.
        generator: ranks equal values.

    Raises:
        InputError: for a single sample, or a mask without a hole.
    """
    count = len(samples)
    if count < 2:
        raise InputError(f"how samples differ is seen in 2 or more of them, not in {count}")
    check_mask(truth, mask)
    mask = is_hole(mask)  # of a bool mask no values have to be checked again
    check_has_hole(mask)
    hole = mask[0].expand_as(samples[0])
    values = samples[:, hole].double()  # (K, n)
    target = truth[0][hole].double()  # (n,)
    variance = values.var(dim=0)
    below = (values < target).sum(dim=0)
    equal = (values == target).sum(dim=0)
    drawn = torch.rand(equal.shape, generator=generator, dtype=torch.float64).to(equal.device)
    ranks = below + (drawn * (equal + 1)).floor().long()
    diversity = float("nan")
    if perceptual is not None and min(truth.shape[-2:]) >= perceptual.smallest_side:
        check_pictures(samples, "the samples")
        pairs = zip(samples, samples.roll(-1, dims=0), strict=True)
        between = [perceptual.compare(one[None], other[None]).over(mask).item() for one, other in pairs]
        diversity = sum(between) / count
    return SampleStatistics(
        samples=count,
        standard_deviation=variance.sqrt().mean().item(),
        diversity=diversity,
        spread_squared=variance.mean().item() * (count + 1) / count,
        error_squared=(values.mean(dim=0) - target).square().mean().item(),
        ranks=torch.bincount(ranks, minlength=count + 1).tolist(),
        map=standard_deviation_map(samples, mask).float(),
    )

"""Methods and feature networks whose figures are known by hand, and items for them."""

import torch

from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator, evaluate_all
from latentinpaint.evaluation.methods import Method, MethodError
from latentinpaint.evaluation.summary import summarise
from latentinpaint.metrics.features import FeatureNetwork
from latentinpaint.metrics.pixels import METRICS

PLAIN = Evaluator([METRICS["l1"], METRICS["psnr"]])


class Constant(Method):
    """Fills with constants: sample k with `value + k * step`; fills with what `wrong` says instead for some items."""

    def __init__(self, value, name="constant", step=0.0, num_samples=1, wrong=None):
        self.value, self.name, self.label, self.step = value, name, f"a {name}", step
        self.num_samples, self.wrong = num_samples, wrong or {}

    def fill(self, item, num_samples=1):
        if isinstance(self.wrong.get(item.name), str):
            raise MethodError(self.wrong[item.name])
        value = self.wrong.get(item.name, self.value)
        fills = [torch.full_like(item.image, value + k * self.step) for k in range(num_samples)]
        return torch.where(item.mask > 0.5, torch.cat(fills), item.image)

    def identity(self, item):
        return f"{self.value} {self.step}"


class Colours(FeatureNetwork):
    """The mean of every channel, and of its square."""

    name, distance, kernel, dimension, smallest_side = "colours", "FD(colours)", "KD(colours)", 6, 8

    def forward(self, images):
        return torch.cat([images.mean(dim=(2, 3)), images.square().mean(dim=(2, 3))], dim=1)


def even(value, fraction=0.25, name=None, side=16, picture=None):
    mask = torch.zeros(1, 1, side, side)
    mask[..., : int(side * fraction)] = 1
    return DatasetItem(name or f"even {value}", torch.full((1, 3, side, side), value), mask, picture or "")


def summary_of(items, methods, evaluator=PLAIN, **options):
    return summarise(*evaluate_all(items, methods, evaluator), evaluator.metrics, evaluator.networks, **options)

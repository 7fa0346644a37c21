"""Metrics of pictures as they are: outside [0, 1] they differ from those of 8-bit files, which others keep to."""

import math

import pytest
import torch

from latentinpaint.evaluation.dataset import DatasetItem
from latentinpaint.evaluation.evaluator import Evaluator
from latentinpaint.evaluation.methods import Method
from latentinpaint.metrics.pixels import PSNR, SSIM
from latentinpaint.restoration.unclamped_metrics import UnclampedPSNR, UnclampedSSIM


class Brighter(Method):
    """The white picture, 0.1 too bright."""

    name = label = "brighter"

    def fill(self, item, num_samples=1):
        return item.image + 0.1

    def identity(self, item):
        return ""


def test_psnr_is_of_the_picture_as_it_is():
    item = DatasetItem("a", torch.ones(1, 3, 16, 16), torch.ones(1, 1, 16, 16))
    evaluator = Evaluator([PSNR(), UnclampedPSNR(), UnclampedSSIM()])
    figures = evaluator.evaluate(Brighter(), item).record["rows"][0]["figures"]
    assert figures["psnr"] == PSNR.cap
    assert figures["psnr_unclamped"] == pytest.approx(20, abs=1e-4)
    assert figures["psnr_unclamped_hole"] == pytest.approx(20, abs=1e-4)
    exact = (2 * 1.1 + 1e-4) / (1.1**2 + 1 + 1e-4)  # of constant pictures, whose variances are rounding
    assert figures["ssim_unclamped"] == pytest.approx(exact, abs=2e-3)


def test_their_names_are_their_own():
    names = [metric.name for metric in (PSNR(), SSIM(), UnclampedPSNR(), UnclampedSSIM())]
    assert len(set(names)) == 4
    assert not UnclampedPSNR.clamped and PSNR.clamped


def test_noise_of_a_twentieth_has_the_psnr_of_the_protocol():
    """.05 on the scale of [-1, 1] is .025 on that of [0, 1]: 32.04 dB."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.025 * torch.randn(1, 3, 256, 256, generator=generator)
    truth = torch.full_like(noise, 0.5)
    assert UnclampedPSNR()(truth + noise, truth).over_picture().item() == pytest.approx(
        -20 * math.log10(0.025), abs=0.03
    )

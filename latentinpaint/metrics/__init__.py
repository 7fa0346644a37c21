"""What is measured: a picture against another (`pixels`, `perceptual`), a set against another (`distances`)."""

from latentinpaint.metrics.accumulators import FeatureDistance, PictureMetric
from latentinpaint.metrics.perceptual import LPIPS, load_lpips
from latentinpaint.metrics.pixels import L1, METRICS, MSSSIM, PSNR, SSIM, Metric, evaluate_pair

__all__ = [
    "L1",
    "LPIPS",
    "METRICS",
    "MSSSIM",
    "PSNR",
    "SSIM",
    "FeatureDistance",
    "Metric",
    "PictureMetric",
    "evaluate_pair",
    "load_lpips",
]

"""PSNR and SSIM of restored pictures as they are, neither clamped to [0, 1] nor rounded: the protocol of PnP-Flow.

Martin et al., arXiv 2410.02423, whose published figures are of such pictures. The metrics without "unclamped" in
their name are of the 8-bit pictures that a person would get.
"""

from latentinpaint.metrics.pixels import PSNR, SSIM


class UnclampedPSNR(PSNR):
    """PSNR, data range 1, of pictures that may lie outside [0, 1]."""

    name = "psnr_unclamped"
    label = "PSNR unclamped"
    clamped = False


class UnclampedSSIM(SSIM):
    """SSIM, data range 1, of pictures that may lie outside [0, 1]."""

    name = "ssim_unclamped"
    label = "SSIM unclamped"
    clamped = False

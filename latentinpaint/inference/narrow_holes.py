"""The guide in narrow holes: interpolated from both sides, where a network's blur is farther off than that.

Scratches, wires and letters leave known pixels on either side within a few pixels. There the colours that flow in
from the border, by Bertalmio, Bertozzi, Sapiro, "Navier-Stokes, fluid dynamics, and image and video inpainting",
2001, https://doi.org/10.1109/CVPR.2001.990497, as OpenCV has it, are nearer to the truth than what passed an
autoencoder.
"""

import cv2
import numpy as np

NARROW = 10  # half the width in pixels up to which a hole is interpolated
WIDE = 16  # half the width from which on it is not
REACH = 3  # pixels around one that OpenCV looks at


def interpolate_narrow(guide: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The guide (H, W, 3) float32 in [0, 1] with the narrow parts of its hole (H, W) bool interpolated, a new array.

    Where the hole is of a width in between, both are mixed; its wide parts are as known as the rest.
    """
    share = _narrow_share(hole)
    if not share.any():
        return guide.copy()
    levels = np.rint(np.clip(guide, 0, 1) * 255).astype(np.uint8)
    interpolated = cv2.inpaint(levels, (share > 0).view(np.uint8), REACH, cv2.INPAINT_NS)
    change = interpolated.astype(np.float32) / 255 - guide
    return guide + share[..., None] * change


def _narrow_share(hole: np.ndarray) -> np.ndarray:
    """(H, W) float32: 1 in the narrow parts of the hole, 0 in the wide ones and outside, smoothly in between."""
    # Beyond the picture nothing is known: what lies at its edge is as wide as if it went on there.
    depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    square = np.ones((2 * WIDE + 1, 2 * WIDE + 1), np.uint8)
    half_width = cv2.dilate(depth, square)
    share = np.clip((WIDE - half_width) / (WIDE - NARROW), 0, 1)
    return (share * share * (3 - 2 * share) * hole).astype(np.float32)

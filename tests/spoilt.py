"""Pictures and spoilt copies of them, for tests of metrics."""

import torch


def pictures(batch=3, height=40, width=52, seed=0):
    """Smooth truth and a noisy copy of it, both (batch,3,height,width) in [0,1]."""
    g = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 6, 6, generator=g)
    target = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    noise = torch.rand(target.shape, generator=g) - 0.5
    return (target + 0.3 * noise).clamp(0, 1), target


def left_hole(images, columns=26):
    mask = torch.zeros(images.shape[0], 1, *images.shape[2:])
    mask[..., :columns] = 1
    return mask

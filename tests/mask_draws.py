"""Masks drawn by the dozen, and their figures."""

import math

import numpy as np
import torch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draws(masks, count, height, width, seed=0):
    generator = seeded(seed)
    return [masks(height, width, generator=generator)[0].numpy() for _ in range(count)]


def hole_fractions(masks, count, size, seed=0):
    return np.array([mask.mean() for mask in draws(masks, count, size, size, seed)])


def bounding_box(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def standard_error(values):
    return np.std(values, ddof=1) / math.sqrt(len(values))

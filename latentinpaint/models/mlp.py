"""A perceptron that knows the time: the velocity network of the two-dimensional examples."""

import torch
from torch import Tensor, nn


class TimeMLP(nn.Module):
    """Three hidden layers with ReLU; the last layer has none, for a velocity can be negative.

    Args:
        features: numbers a row, d.
        width: of the hidden layers, n. The network has 2 n^2 + (2 d + 4) n + d parameters.

    Shapes: x (B, d) and time (B,) in [0, 1] to (B, d).
    """

    def __init__(self, features: int = 2, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(features + 1, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, features),
        )

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        return self.layers(torch.cat([x, time[:, None].to(x.dtype)], dim=1))

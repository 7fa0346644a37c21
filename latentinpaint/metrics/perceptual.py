r"""LPIPS: how far apart two pictures are for a network that has learnt to recognise things.

.. math:: \mathrm{mean}_R \sum_l w_l \cdot |f_l(x) - f_l(y)|^2

with `f_l` the unit-length features of layer `l` of a frozen network and `w_l` its learnt weights, which come with the
`lpips` package (version 0.1). Pictures go in at their own size, in [0,1], and reach the network in [-1,1]. Zhang,
Isola, Efros, Shechtman, Wang, "The unreasonable effectiveness of deep features as a perceptual metric", 2018,
https://arxiv.org/abs/1801.03924. Numbers of different backbones are not comparable: the name says which.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import torch
import torch.nn.functional as F
from torch import Tensor

from latentinpaint.errors import InputError, choose
from latentinpaint.metrics.pixels import Metric, PixelMap
from latentinpaint.metrics.weight_files import ALEXNET, SQUEEZENET, VGG, WeightFile, read_state


@dataclass(frozen=True)
class Backbone:
    """A network LPIPS can look through: torchvision's weights for it, and the smallest picture it takes."""

    weights: WeightFile
    smallest_side: int


LPIPS_BACKBONES: dict[str, Backbone] = {
    "squeeze": Backbone(SQUEEZENET, smallest_side=17),
    "alex": Backbone(ALEXNET, smallest_side=31),
    "vgg": Backbone(VGG, smallest_side=16),
}


class LPIPS(Metric):
    """Learned perceptual distance, 0 for equal pictures; build it with `load_lpips`.

    network: an `lpips.LPIPS` with its weights in place. `backbone`: its key in `LPIPS_BACKBONES`.
    """

    higher_is_better = False

    def __init__(self, network: lpips.LPIPS, backbone: str) -> None:
        self.network = network.eval().requires_grad_(False)
        self.name = f"lpips_{backbone}"
        self.label = f"LPIPS({backbone})"
        self.smallest_side = LPIPS_BACKBONES[backbone].smallest_side
        self._last: tuple[Tensor, int, list[Tensor]] | None = None

    def to(self, device: torch.device | str) -> LPIPS:
        self.network.to(device)
        self._last = None
        return self

    def _features(self, images: Tensor) -> list[Tensor]:
        """Unit-length features of every layer, for images in [0,1]; the network wants [-1,1]."""
        scaled = self.network.scaling_layer(2 * images.float() - 1)
        return [lpips.normalize_tensor(layer) for layer in self.network.net(scaled)]

    def _features_of_truth(self, target: Tensor) -> list[Tensor]:
        """As `_features`, kept for the next fill of the same truth: the same tensor, not written to since."""
        if target.is_inference():  # nobody counts what is written to it
            return self._features(target)
        if self._last is None or self._last[0] is not target or self._last[1] != target._version:
            self._last = (target, target._version, self._features(target))
        return self._last[2]

    @torch.no_grad()
    def pixel_map(self, prediction: Tensor, target: Tensor) -> PixelMap:
        # The network's own forward gives either the number or the map; from the layers' distances, one pass
        # gives both.
        layers = []
        pairs = zip(self.network.lins, self._features(prediction), self._features_of_truth(target), strict=True)
        for head, predicted, true in pairs:
            layers.append(head((predicted - true).square()))  # (B,1,h,w)
        # One layer after the other: a map is as large as the picture.
        values = torch.zeros_like(target[:, :1])
        for layer in layers:
            values += F.interpolate(layer, size=target.shape[2:], mode="bilinear", align_corners=False)
        picture_mean = torch.stack([layer.mean(dim=(1, 2, 3)) for layer in layers]).sum(dim=0)
        return PixelMap(values, picture_mean)


def load_lpips(network: str = "squeeze", weights: Path | str | None = None) -> LPIPS:
    """Build LPIPS over a backbone, from files that are on this machine; nothing is ever downloaded.

    Args:
        network: a key of `LPIPS_BACKBONES`: "squeeze", "alex" or "vgg".
        weights: torchvision's state dict of that network; without it the file is looked for under torchvision's
            name in torch's hub cache, `torch.hub.get_dir()/checkpoints`. The linear heads come with `lpips`.

    Raises:
        InputError: if the file is missing or is not such a state dict; a caller can report the sentence and go on
            without LPIPS.
    """
    file = choose(LPIPS_BACKBONES, network, "LPIPS network").weights
    path = file.find(f"LPIPS({network})", weights)
    state = read_state(path, f"LPIPS({network})")
    # The constructor draws random weights, all replaced below: it must not disturb the caller's generator,
    # nor show torchvision's warning about the way lpips calls it.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        model = lpips.LPIPS(net=network, pnet_rand=True, verbose=False)
    _copy_backbone(model.net, state, path, network)
    return LPIPS(model, network)


def _copy_backbone(net: torch.nn.Module, state: dict[str, Any], path: Path, network: str) -> None:
    """Copy torchvision's `features.3.weight` into `slice2.3.weight`: lpips keeps the layers' numbers."""
    for name, parameter in net.named_parameters():
        source = state.get("features." + name.split(".", 1)[1])
        if not isinstance(source, Tensor) or source.shape != parameter.shape:
            raise InputError(
                f"{path} does not fit LPIPS({network}): it is not torchvision's state dict of that network "
                f"({LPIPS_BACKBONES[network].weights.file_name})."
            )
        parameter.data.copy_(source)  # float16 in the file becomes the network's float32

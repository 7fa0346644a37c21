"""The five lines that put the parts together: mask, condition, refine, decode, composite.

Training, evaluation, the command line and `Inpainter` all call this; nobody repeats it. Nothing a hole contains
reaches a network: its pixels are replaced by zeros first, whatever they hold.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.models import Autoencoder, MaskControl
from latentinpaint.randomness import Generators, numbered_generator
from latentinpaint.refiners import Condition, Refiner

# Full-resolution features of one row of a 16-channel autoencoder take 64 bytes a pixel and layer.
PIXELS_AT_ONCE = 2**21


def composite(image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """The picture outside the hole, bit for bit, and the fill inside.

    Args:
        image, fill: (B, 3, H, W).
        mask: (B, 1, H, W), 1 = hole.
    """
    return torch.where(mask > 0.5, fill, image)


def hide(image: Tensor, mask: Tensor) -> Tensor:
    """The picture with zeros in the hole, whatever was there (NaN included)."""
    return torch.where(mask > 0.5, torch.zeros_like(image), image)


class InpaintPipeline(nn.Module):
    """A frozen autoencoder, a refiner and, if there is one, a mask control.

    Args:
        autoencoder: frozen here; `thaw` it afterwards to train a part of it.
        refiner: works on latents with as many channels as the autoencoder's.
        control: None trains and runs without mask control.

    Raises:
        ValueError: if the refiner was made for another number of channels.
    """

    def __init__(self, autoencoder: Autoencoder, refiner: Refiner, control: MaskControl | None = None) -> None:
        super().__init__()
        if refiner.channels != autoencoder.latent_channels:
            raise ValueError(
                f"the refiner works on {refiner.channels} channels, "
                f"the autoencoder's latent has {autoencoder.latent_channels}"
            )
        self.autoencoder = autoencoder.freeze()
        self.refiner = refiner
        self.control = control

    def condition(self, image: Tensor, mask: Tensor) -> Condition:
        """What is known, on the latent grid.

        Args:
            image: (B, 3, H, W) in [0, 1], H and W multiples of the autoencoder's stride.
            mask: (B, 1, H, W), 1 = hole.
        """
        stride = self.autoencoder.stride
        hole = (mask > 0.5).to(image.dtype)
        control = None if self.control is None else self.control(hole)
        latent = self.autoencoder.encode(hide(image, mask), control, hole)
        return Condition(latent, F.max_pool2d(hole, stride), F.avg_pool2d(hole, stride))

    def loss(
        self, image: Tensor, mask: Tensor, generator: Generators = None, truth: Autoencoder | None = None
    ) -> dict[str, Tensor]:
        """The refiner's loss for undamaged pictures (B, 3, H, W) and holes (B, 1, H, W).

        `truth` encodes what is to be reached, by default the pipeline's own autoencoder; one that is being trained
        could otherwise make the task easy by making its latents dull.
        """
        with torch.no_grad():
            clean = (truth or self.autoencoder).encode(image)
        return self.refiner.loss(clean, self.condition(image, mask), generator)

    @torch.no_grad()
    def forward(self, image: Tensor, mask: Tensor, generator: Generators = None, steps: int | None = None) -> Tensor:
        """One filled picture a row, (B, 3, H, W), of any size; see `sample` for many."""
        return self._answer(self._padded_condition(image, mask), image, mask, generator, steps)

    @torch.no_grad()
    def sample(
        self,
        image: Tensor,
        mask: Tensor,
        num_samples: int = 1,
        seeds: int | Sequence[int] = 0,
        steps: int | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Several answers a picture.

        Args:
            image: (B, 3, H, W) in [0, 1], any size.
            mask: (B, 1, H, W), 1 = hole.
            num_samples: answers a picture; a refiner that is not stochastic computes one and repeats it.
            seeds: one for all pictures, or one for each. Sample k of a picture depends on its seed, its content
                and k alone, whatever `batch_size` and the other pictures.
            steps: solver steps, None for the refiner's default.
            batch_size: rows that pass the networks at once; None takes 8, fewer of large pictures.

        Returns:
            (B, num_samples, 3, H, W) in [0, 1].
        """
        if num_samples < 1:
            raise ValueError(f"num_samples starts at 1, not {num_samples}")
        seeds = list(seeds) if isinstance(seeds, Sequence) else [int(seeds)] * len(image)
        if len(seeds) != len(image):
            raise ValueError(f"{len(seeds)} seeds for {len(image)} pictures")
        distinct = num_samples if self.refiner.stochastic else 1
        pixels = image.shape[-2] * image.shape[-1]
        batch_size = batch_size or max(1, min(8, PIXELS_AT_ONCE // pixels))
        rows = [(picture, k) for picture in range(len(image)) for k in range(distinct)]
        answers = []
        for first in range(0, len(rows), batch_size):
            chunk = rows[first : first + batch_size]
            pictures = [picture for picture, _ in chunk]
            generators = [numbered_generator(seeds[picture], k) for picture, k in chunk]
            once = sorted(set(pictures))
            condition = self._padded_condition(image[once], mask[once]).select([once.index(p) for p in pictures])
            answers.append(self._answer(condition, image[pictures], mask[pictures], generators, steps))
        answers = torch.cat(answers).unflatten(0, (len(image), distinct))
        return answers if distinct == num_samples else answers.expand(-1, num_samples, -1, -1, -1)

    def _padded_condition(self, image: Tensor, mask: Tensor) -> Condition:
        stride = self.autoencoder.stride
        return self.condition(pad_to_cells(image, stride), pad_to_cells(mask, stride))

    def _answer(
        self, condition: Condition, image: Tensor, mask: Tensor, generator: Generators, steps: int | None
    ) -> Tensor:
        fill = self.autoencoder.decode(self.refiner.refine(condition, generator, steps))
        fill = fill[..., : image.shape[-2], : image.shape[-1]]
        return composite(image, fill, mask)


def pad_to_cells(x: Tensor, stride: int) -> Tensor:
    """(…, H, W) reflected right and bottom up to multiples of `stride`, and to two cells at least."""
    height, width = (torch.sym_max(2, (side + stride - 1) // stride) * stride for side in x.shape[-2:])
    rows, columns = _reflected(x.shape[-2], height), _reflected(x.shape[-1], width)
    return x.index_select(-2, rows.to(x.device)).index_select(-1, columns.to(x.device))


def _reflected(size: int, target: int) -> Tensor:
    """Indices 0 … size-1 continued to `target` by reflection without repeating the border, as often as needed."""
    if size == 1:
        return torch.zeros(target, dtype=torch.long)
    # A size as a tensor, which an exported graph can compute with.
    last = torch.full((), size - 1, dtype=torch.int64)
    position = torch.arange(target) % (2 * last)
    return torch.where(position <= last, position, 2 * last - position)

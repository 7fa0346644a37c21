"""The five lines that put the parts together: mask, condition, refine, decode, composite.

Training, evaluation, the command line and `Inpainter` all call this; nobody repeats it. Nothing a hole contains
reaches a network: its pixels are replaced by the autoencoder's `hole_value` first, whatever they hold.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentinpaint.errors import check_at_least
from latentinpaint.hole import check_unit_mask, is_hole
from latentinpaint.models import Autoencoder, MaskControl
from latentinpaint.refiners import Condition, Refiner
from latentinpaint.runtime.progress import parts, report_layers
from latentinpaint.runtime.randomness import Generators, numbered_generator

# Full-resolution features of a 16-channel autoencoder take 64 bytes a pixel and layer.
MAX_BATCH_PIXELS = 2**21
PHASES = (1, 2, 2)  # costs of encoding, refining and decoding, for the progress that is reported


def _check_mask(mask: Tensor) -> None:
    """`check_unit_mask`; a graph that is being traced cannot ask for values."""
    if not torch.compiler.is_compiling():
        check_unit_mask(mask)


def composite(image: Tensor, fill: Tensor, mask: Tensor) -> Tensor:
    """The picture outside the hole, bit for bit, and the fill inside.

    Args:
        image, fill: (B, 3, H, W).
        mask: (B, 1, H, W), bool or in [0, 1], 1 = hole.

    Raises:
        InputError: if the mask has another scale.
    """
    _check_mask(mask)
    return torch.where(is_hole(mask), fill, image)


def mask_out(image: Tensor, mask: Tensor, value: float = 0.0) -> Tensor:
    """The picture with one value in the hole, whatever was there (NaN included); arguments as of `composite`."""
    _check_mask(mask)
    return torch.where(is_hole(mask), torch.full_like(image, value), image)


class InpaintPipeline(nn.Module):
    """A frozen autoencoder, a refiner and, if there is one, a mask control.

    Images and masks have any size: the pipeline pads them to the autoencoder's stride. Masks are cut at a half.

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
            image: (B, 3, H, W) in [0, 1], any size.
            mask: (B, 1, H, W), 1 = hole.
        """
        stride = self.autoencoder.stride
        image = pad_to_stride(image, stride)
        is_unknown = pad_to_stride(is_hole(mask), stride)
        hole = is_unknown.to(image.dtype)
        features = None
        if self.control is not None:
            features = self.control(hole)
        masked = mask_out(image, is_unknown, self.autoencoder.hole_value)
        latent = self.autoencoder.encode(masked, features, hole)
        return Condition(latent, F.max_pool2d(hole, stride), F.avg_pool2d(hole, stride))

    def loss(
        self,
        image: Tensor,
        mask: Tensor,
        generator: Generators = None,
        target_encoder: Autoencoder | None = None,
    ) -> dict[str, Tensor]:
        """The refiner's loss for undamaged pictures (B, 3, H, W) and holes (B, 1, H, W) of any size.

        `target_encoder` encodes what is to be reached, by default the pipeline's own autoencoder; one that is being
        trained could otherwise make the task easy by making its latents dull.
        """
        with torch.no_grad():
            target = (target_encoder or self.autoencoder).encode(pad_to_stride(image, self.autoencoder.stride))
        return self.refiner.loss(target, self.condition(image, mask), generator)

    @torch.no_grad()
    def forward(self, image: Tensor, mask: Tensor, generator: Generators = None, steps: int | None = None) -> Tensor:
        """One filled picture for each, (B, 3, H, W), of any size; see `sample` for many."""
        _check_mask(mask)
        condition = self.condition(image.contiguous(), mask.contiguous())
        return self._decoded(self.refiner.refine(condition, generator, steps), image, mask)

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
        """Several filled pictures for each picture.

        Args:
            image: (B, 3, H, W) in [0, 1], any size.
            mask: (B, 1, H, W), 1 = hole.
            num_samples: samples of each picture; a refiner that is not stochastic computes one and repeats it.
            seeds: one for all pictures, or one for each. Sample k of a picture depends on its seed, its content
                and k alone, whatever `batch_size` and the other pictures.
            steps: solver steps, None for the refiner's default.
            batch_size: samples that pass the networks at once; None takes 8, fewer of large pictures.

        Returns:
            (B, num_samples, 3, H, W) in [0, 1].
        """
        return self.sample_with_error(image, mask, num_samples, seeds, steps, batch_size)[0]

    @torch.no_grad()
    def sample_with_error(
        self,
        image: Tensor,
        mask: Tensor,
        num_samples: int = 1,
        seeds: int | Sequence[int] = 0,
        steps: int | None = None,
        batch_size: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Samples as `sample` makes them, and how wrong they are expected to be, where the refiner predicts it.

        Returns:
            (B, num_samples, 3, H, W) in [0, 1]; and (B, num_samples, 1, H, W), the expected mean absolute error of
            the latent around each pixel, above 0, or None.
        """
        check_at_least("num_samples", num_samples, 1)
        _check_mask(mask)
        seeds = seed_for_each(seeds, len(image))
        distinct = self.distinct_samples(num_samples)
        if batch_size is None:
            batch_size = max(1, min(8, MAX_BATCH_PIXELS // (image.shape[-2] * image.shape[-1])))
        # Sample k of picture i is number i * distinct + k.
        chunks = torch.arange(len(image) * distinct).split(batch_size)
        outputs = []
        errors = []
        for chunk, part in zip(chunks, parts(map(len, chunks)), strict=True):
            pictures = chunk // distinct
            generators = []
            for picture, k in zip(pictures.tolist(), (chunk % distinct).tolist(), strict=True):
                generators.append(numbered_generator(seeds[picture], k))
            with part:
                output, error = self._sample_chunk(image, mask, pictures, generators, steps)
            outputs.append(output)
            if error is not None:
                errors.append(error)
        samples = by_picture(outputs, distinct, num_samples)
        if not errors:
            return samples, None
        return samples, by_picture(errors, distinct, num_samples)

    def _sample_chunk(
        self,
        image: Tensor,
        mask: Tensor,
        pictures: Tensor,
        generators: list[torch.Generator],
        steps: int | None,
    ) -> tuple[Tensor, Tensor | None]:
        """A sample (3, H, W) and its error (1, H, W) for each of some indices of pictures, by its own generator."""
        encoding, refining, decoding = parts(PHASES)
        # Every picture is encoded once, however many of its samples are in the chunk.
        unique, positions = pictures.unique(return_inverse=True)
        with encoding:
            condition = self.condition(image[unique].contiguous(), mask[unique].contiguous())
        condition = condition.select(positions.tolist())
        with refining:
            latent, error = self.refiner.refine_with_error(condition, generators, steps)
        with decoding:
            output = self._decoded(latent, image[pictures], mask[pictures])
        if error is not None:
            error = self._at_pixels(error, image.shape[-2:])
        return output, error

    def distinct_samples(self, num_samples: int) -> int:
        """How many of so many samples of a hole differ: all, or one by a refiner that is not stochastic."""
        return num_samples if self.refiner.stochastic else 1

    def report_layers(self) -> None:
        """Have the layers report how far a fill is, see `progress`."""
        encoding: list[nn.Module] = [self.autoencoder.stages]
        if self.control is not None:
            encoding.insert(0, self.control)
        decoding = [child for child in self.autoencoder.children() if child is not self.autoencoder.stages]
        report_layers(encoding)
        report_layers(decoding)
        # A network that is evaluated at every step says nothing of how far the steps are; the solver does.
        report_layers([self.refiner], advance=not self.refiner.integrates)

    def _decoded(self, latent: Tensor, image: Tensor, mask: Tensor) -> Tensor:
        """The pictures with their holes filled from refined latents."""
        fill = self.autoencoder.decode(latent)
        return composite(image, fill[..., : image.shape[-2], : image.shape[-1]], mask)

    def _at_pixels(self, cells: Tensor, size: torch.Size) -> Tensor:
        """Values of cells (B, 1, h, w), interpolated at the pixels of pictures of a size."""
        pixels = F.interpolate(cells, scale_factor=self.autoencoder.stride, mode="bilinear", align_corners=False)
        return pixels[..., : size[0], : size[1]]


def seed_for_each(seeds: int | Sequence[int], count: int) -> list[int]:
    """A seed for each of `count` pictures, of one for all or one for each.

    Raises:
        ValueError: if there are several, but not one for every picture.
    """
    if not isinstance(seeds, Sequence):
        return [int(seeds)] * count
    if len(seeds) != count:
        raise ValueError(f"{len(seeds)} seeds for {count} pictures")
    return list(seeds)


def by_picture(samples: list[Tensor], distinct: int, num_samples: int) -> Tensor:
    """Batches (…, C, H, W), the `distinct` samples of each picture in turn, as (B, num_samples, C, H, W) views."""
    return torch.cat(samples).unflatten(0, (-1, distinct)).expand(-1, num_samples, -1, -1, -1)


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """(…, H, W) reflected right and bottom up to multiples of `stride`, and to two strides at least."""
    for axis in (-2, -1):
        size = x.shape[axis]
        target = torch.sym_max(2, (size + stride - 1) // stride) * stride
        # An exported graph has open sizes, which are no int, and cannot decide by them.
        if not isinstance(size, int) or size != target:
            x = x.index_select(axis, _reflected_indices(size, target).to(x.device))
    return x


def _reflected_indices(size: int | torch.SymInt, target: int | torch.SymInt) -> Tensor:
    """0 … size - 1 continued to `target` indices by reflection without repeating the border, as often as needed."""
    if size == 1:
        return torch.zeros(target, dtype=torch.long)
    # A size as a tensor, which an exported graph can compute with.
    last = torch.full((), size - 1, dtype=torch.int64)
    position = torch.arange(target) % (2 * last)
    return torch.where(position <= last, position, 2 * last - position)

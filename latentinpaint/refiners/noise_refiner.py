r"""The stochastic refiner of one pass: Fourier blocks with noise among their features.

Noise comes in twice, as in Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks",
arXiv 1812.04948. A mapping network makes a style of a vector, which scales and shifts what the Fourier blocks pass on
(Jain et al., "Keys to Better Image Inpainting: Structure and Texture Go Hand in Hand", arXiv 2208.03382): what all
cells of a sample have in common. A map of noise is added in the hole: with the vector alone, blocks that treat all
places alike would repeat one cell over the whole hole.

The latent L1 would teach such a network to ignore the noise. The energy score of two samples (`energy_score`) is
least where samples are distributed as the truth, and needs no discriminator.
"""

from torch import Tensor, nn

from latentinpaint.errors import check_above_zero, whole_number
from latentinpaint.interpolants.objectives import hole_weights
from latentinpaint.models.ffc import StyledBlocks
from latentinpaint.models.unet import start_at_zero
from latentinpaint.refiners.base import Condition, Refiner
from latentinpaint.refiners.continuation import prepared
from latentinpaint.refiners.energy_score import energy_score
from latentinpaint.runtime.randomness import Generators, draw_normal


class NoiseRefiner(Refiner):
    """A correction of the conditioned latent, in one pass of styled Fourier blocks; at first it is 0.

    Args:
        channels: channels of the latent.
        blocks: number of residual blocks, 1 or more.
        ratio: fraction of their channels that is global, in [0, 1].
        width: channels inside the blocks, between two 1x1 convolutions.
        noise: numbers in the vector of noise, in the style, and in each cell of the map of noise.
        hole_weight: weight of a hole's cells over the others in the loss, above 0.
        continued: whether the blocks read and correct the smooth continuation of the known cells (`continuation`) in
            place of what the encoder made of the blank hole.

    Raises:
        InputError: if a number is out of range.
    """

    stochastic = True

    def __init__(
        self,
        channels: int,
        blocks: int = 6,
        ratio: float = 0.75,
        width: int = 128,
        noise: int = 64,
        hole_weight: float = 10.0,
        continued: bool = True,
    ) -> None:
        super().__init__()
        for name, number in (("channels", channels), ("blocks", blocks), ("width", width), ("noise", noise)):
            whole_number(name, number, 1)
        check_above_zero("hole_weight", hole_weight)
        self.channels = channels
        self.noise = noise
        self.hole_weight = hole_weight
        self.continued = continued
        self.mapping = nn.Sequential(nn.Linear(noise, noise), nn.SiLU(), nn.Linear(noise, noise), nn.SiLU())
        self.enter = nn.Conv2d(channels, width, 1)
        self.scatter = nn.Conv2d(noise, width, 1, bias=False)
        start_at_zero(self.scatter)
        self.blocks = StyledBlocks(blocks, width, ratio, noise)
        self.leave = nn.Conv2d(width, channels, 1)
        start_at_zero(self.leave)

    def adopted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights of an `FFCRefiner` with delta and a width: whatever the noise, it predicts as that one does.

        An expected error is left out: here the spread of samples says it.
        """
        adopted = {}
        for name, value in weights.items():
            if not name.startswith("log_scale."):
                adopted[name] = value
        for name, value in self.state_dict().items():
            if name.startswith(("mapping.", "scatter.")) or ".modulation." in name:
                adopted.setdefault(name, value)
        return adopted

    @property
    def core(self) -> nn.Module:
        return self.blocks

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        condition = prepared(condition, self.continued)
        first = self._sample(condition, generator)
        second = self._sample(condition, generator)
        weight = hole_weights(condition.hole, self.hole_weight)
        found = energy_score(first, second, z_clean, weight)
        return {"loss": found.score, "error": found.error, "spread": found.spread}

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        return self._sample(prepared(condition, self.continued), generator)

    def _sample(self, condition: Condition, generator: Generators) -> Tensor:
        """A refined latent by new noise."""
        count, _, height, width = condition.latent.shape
        drawn = draw_normal(condition.latent.new_empty(count, self.noise, 1 + height * width), generator)
        vector = drawn[..., 0]
        cells = drawn[..., 1:].reshape(count, self.noise, height, width)
        features = self.enter(condition.latent) + self.scatter(condition.hole.to(cells) * cells)
        return condition.latent + self.leave(self.blocks(features, self.mapping(vector)))

"""The deterministic refiner: LaMa's Fourier residual blocks on the latent, trained with latent L1.

Sources: LaMa, arXiv 2109.07161 (9 or 18 blocks, ratio 0.75); the latent L1 loss and the delta variant: Babin,
"Image inpainting in latent space", 2024. It reads the conditioned latent and nothing else: where the hole is,
it learns from the mask control (or from the missing content itself).

LaMa's residual block ends in a ReLU, so a stack of blocks can raise a channel but never lower it. LaMa's own decoder
learns to compensate; a frozen one cannot, unless the latents themselves are bounded below. `width` puts the blocks
between two 1x1 convolutions, so that they work in a basis of their own and the output has both signs.
"""

from torch import Tensor, nn

from latentinpaint.errors import whole_number
from latentinpaint.models.ffc import FFCResnetBlock
from latentinpaint.randomness import Generators
from latentinpaint.refiners.base import Condition, Refiner, latent_l1


class FFCRefiner(Refiner):
    """A stack of Fourier residual blocks, one pass.

    Args:
        channels: channels of the latent.
        blocks: number of residual blocks.
        ratio: fraction of the channels that is global, in [0, 1].
        delta: whether the output is added to the input (the blocks then learn a correction).
        width: channels inside the blocks. None keeps the latent's, as LaMa does; a number puts a 1x1 convolution
            before and after. With `delta` the latter starts at zero, and the refiner at the identity.
        hole_weight: weight of a hole's cells over the others in the loss; 1 is the plain mean.
    """

    stochastic = False

    def __init__(
        self,
        channels: int,
        blocks: int = 9,
        ratio: float = 0.75,
        delta: bool = False,
        width: int | None = None,
        hole_weight: float = 1.0,
    ) -> None:
        super().__init__()
        whole_number("channels", channels, 1)
        whole_number("blocks", blocks, 0)
        if width is not None:
            whole_number("width", width, 1)
        self.channels = channels
        self.delta = delta
        self.hole_weight = hole_weight
        self.enter: nn.Module = nn.Identity()
        if width is not None:
            self.enter = nn.Conv2d(channels, width, 1)
        self.blocks = nn.Sequential()
        for _ in range(blocks):
            self.blocks.append(FFCResnetBlock(width or channels, ratio))
        self.leave: nn.Module = nn.Identity()
        if width is not None:
            self.leave = nn.Conv2d(width, channels, 1)
            if delta:
                for parameter in self.leave.parameters():
                    nn.init.zeros_(parameter)

    @property
    def core(self) -> nn.Module:
        return self.blocks

    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        weight = 1 + (self.hole_weight - 1) * condition.hole
        return {"loss": latent_l1(self.refine(condition), z_clean, weight)}

    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        refined = self.leave(self.blocks(self.enter(condition.latent)))
        if self.delta:
            return condition.latent + refined
        return refined

r"""One model, many corruptions: a flow that is told which channels are damaged, and how much.

A picture is observed as :math:`y = \beta x_1 + \alpha x_0`, where :math:`\beta` mixes the picture with its blur, its
motion blur and its high frequencies and :math:`\alpha` mixes white and coloured noise, all in amounts (12). The
observation is a point of the interpolant with these operators, so that restoring it is a path from its amounts to
zero, and one network that learns the expected picture

.. math:: \eta_1(\alpha, \beta, x) = \mathbb E[x_1 \mid \alpha x_0 + \beta x_1 = x] \tag{4}

for the amounts of all such paths restores them all. The other end follows from (5). One Euler step ends at the
expected picture, the estimate of least squared error; many end at samples that are distributed as the pictures on
average over observations, sharper, but not the posterior of the one that was observed.

The network sees the point x and a linear estimate d of the picture, and predicts what is missing, in units of the
error that d has for pictures of mean 0 whose power falls as :math:`P \propto |\omega|^{-\gamma}`, which that of
photographs does with an exponent of about 2 (Field 1987, https://doi.org/10.1364/JOSAA.4.002379):

.. math::
    \hat d = \frac{P\,\overline{\hat\beta}}{|\hat\alpha|^2 + P|\hat\beta|^2}\,\hat x, \qquad
    \sigma^2 = \mathrm{mean}_\omega \frac{P|\hat\alpha|^2}{|\hat\alpha|^2 + P|\hat\beta|^2}, \qquad
    \eta_1 = d + \sigma F(x, d, a, b),

which for white pictures and noise is the preconditioning of Karras et al., arXiv 2206.00364, up to the scale of x.

Source and numbering: Negrel, Coeurdoux, Albergo, Vanden-Eijnden, arXiv 2508.04605.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.flows.base import Flow, SamplerConfig
from latentinpaint.interpolants import Endpoints, Fourier, Process, Solution, integrate_path
from latentinpaint.interpolants.channel_measure import ChannelMeasure
from latentinpaint.interpolants.channels import ChannelProcess, Channels, clean_path
from latentinpaint.interpolants.objectives import squared_error
from latentinpaint.interpolants.transfers import (
    gaussian_blur,
    high_pass,
    mean_over_frequencies,
    motion_blur,
    power_law,
    unit_power,
)
from latentinpaint.models.alpha_networks import AmountsUNet
from latentinpaint.runtime.randomness import split

SMALLEST_GAIN = 0.01  # of a frequency that can be restored without noise
SMALLEST_ERROR = 1e-3  # below it the network's unit would be lost in the precision of what it is subtracted from


class MultichannelFlow(Flow):
    """A model of the expected picture for the channels blur, motion, high_pass, noise and coloured.

    Args:
        shape: (C, H, W); the periodic grid of the corruptions.
        width, multipliers, blocks, attention, dropout: the network, see `AmountsUNet`.
        blur_std: standard deviation of the Gaussian blur, pixels.
        motion_length, motion_angle: of the motion blur, pixels and radians from the horizontal.
        cutoff: radians a pixel, what the high pass drops lies below.
        noise_exponent: the coloured noise's power falls as the frequency to this power; its variance is 1.
        data_std, data_exponent: of the pictures' power P, whose mean over the frequencies is the square of data_std;
            an exponent of 0 is white.
        steps, epsilon: see `SamplerConfig`.
    """

    tasks = ("restore",)
    accepts_epsilon = True

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 64,
        multipliers: Sequence[int] = (1, 2, 2),
        blocks: int = 1,
        attention: bool = True,
        dropout: float = 0.0,
        blur_std: float = 2.0,
        motion_length: float = 9.0,
        motion_angle: float = 0.0,
        cutoff: float = 0.3,
        noise_exponent: float = 1.0,
        data_std: float = 0.5,
        data_exponent: float = 2.0,
        steps: int = 20,
        epsilon: float = 0.0,
    ) -> None:
        super().__init__()
        if len(shape) != 3:
            raise InputError("a multichannel flow takes pictures")
        if min(blur_std, motion_length, cutoff, data_std) <= 0:
            raise InputError("blur_std, motion_length, cutoff and data_std are above 0")
        self.shape = tuple(shape)
        self.sampler = SamplerConfig("euler", steps, epsilon=epsilon)
        size = (int(shape[1]), int(shape[2]))
        damages = {
            "blur": gaussian_blur(*size, blur_std),
            "motion": motion_blur(*size, motion_length, motion_angle).real,  # centred: its kernel is symmetric
            "high_pass": high_pass(*size, cutoff),
        }
        coloured = unit_power(power_law(*size, noise_exponent), size[1])
        self.channels = Channels(damages, {"noise": torch.ones_like(coloured), "coloured": coloured})
        self.measure = ChannelMeasure(len(damages), len(self.channels.noises))
        self.power = (data_std * unit_power(power_law(*size, data_exponent), size[1])).square()
        self.network = AmountsUNet(
            shape[0],
            len(self.channels.names),
            width=width,
            multipliers=multipliers,
            blocks=blocks,
            attention=attention,
            dropout=dropout,
        )

    def drifts(self, process: Process, x: Tensor) -> Endpoints:
        """Both expected ends, for a process of channels with noise."""
        assert isinstance(process, ChannelProcess)
        estimate, error = self._estimate(process, x)
        missing = self.network(x, estimate, process.amounts.expand(len(x), -1)).to(x)
        return process.endpoints_from_data(x, estimate + error * missing)

    def loss(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        amounts = self.measure.draw(len(target), generator).to(target)
        process = self.channels.process(amounts)
        x = process.point(source, target)
        estimate, error = self._estimate(process, x)
        missing = self.network(x, estimate, amounts).to(x)
        # The error depends on the amounts alone: as a weight it leaves the minimiser of (4) as it is.
        loss = squared_error(missing, (target - estimate) / error)
        with torch.no_grad():
            picture_mse = squared_error(estimate + error * missing, target)
        return {"loss": loss, "picture_mse": picture_mse}

    def corrupt(self, picture: Tensor, noise: Tensor, channels: Mapping[str, float]) -> Tensor:
        """Observations (B, C, H, W) of pictures, with standard normal noise (B, C, H, W), see `Channels.amounts`."""
        return self.channels.process(self._amounts(channels, picture)).point(noise, picture)

    @torch.no_grad()
    def restore(
        self, observed: Tensor, channels: Mapping[str, float], config: SamplerConfig | None = None
    ) -> Solution:
        """Pictures (B, C, H, W) from observations of them.

        Args:
            observed: (B, C, H, W).
            channels: amounts in [0, 1] by the names of channels; those left out are 0.
            config: one step is the expected picture, many are samples.

        Raises:
            InputError: if the amounts are none of `Channels.amounts`; if there is no noise and a frequency is lost.
        """
        amounts = self._amounts(channels, observed)
        if self._has_noise(amounts):
            return self.follow(observed, amounts, config)
        beta = self.channels.process(amounts).beta
        assert isinstance(beta, Fourier)
        if beta.values.abs().min() < SMALLEST_GAIN:
            raise InputError("without noise these channels lose frequencies for good: give noise of 0.01 or more")
        return Solution(beta.inverse(observed), 0)

    def follow(self, observed: Tensor, amounts: Tensor, config: SamplerConfig | None = None) -> Solution:
        """The path from amounts (B or 1, k) with noise to the clean picture."""
        config = config or self.sampler
        if config.solver != "euler":
            raise InputError("a multichannel flow is followed with Euler's steps: leave the solver out")
        generators = split(config.generator, len(observed))
        return integrate_path(
            clean_path(self.channels, amounts.expand(len(observed), -1)),
            self.drifts,
            observed,
            config.steps,
            epsilon=config.epsilon,
            generator=generators,
            progress=config.progress,
        )

    @torch.no_grad()
    def preview(self, source: Tensor, target: Tensor, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        amounts = replace(self.measure, share_begun=1.0).draw(len(target), generator).to(target)
        seen = self.channels.process(amounts).point(source, target)
        quick = replace(self.sampler, generator=generator)
        return {
            "seen": seen,
            "restored": self.follow(seen, amounts, quick).x,
            "expected": self.follow(seen, amounts, replace(quick, steps=1, epsilon=0.0)).x,
            "truth": target,
        }

    def _amounts(self, channels: Mapping[str, float], like: Tensor) -> Tensor:
        return self.channels.amounts(channels).to(like)

    def _has_noise(self, amounts: Tensor) -> bool:
        return bool((amounts[:, len(self.channels.damages) :] > 0).any())

    def _estimate(self, process: ChannelProcess, x: Tensor) -> tuple[Tensor, Tensor]:
        """The linear estimate d (B, C, H, W) and its error sigma (B, 1, 1, 1)."""
        assert isinstance(process.alpha, Fourier) and isinstance(process.beta, Fourier)
        noise = process.alpha.values.abs().square()
        power = self.power.to(noise)
        whole = noise + power * process.beta.values.abs().square()
        filtered = Fourier(power * process.beta.values.conj() / whole)
        error = mean_over_frequencies(power * noise / whole, self.shape[2]).sqrt()
        return filtered(x), error.clamp(min=SMALLEST_ERROR)


def read_channels(words: Sequence[str]) -> dict[str, float]:
    """Amounts from words such as ``blur=0.8``.

    Raises:
        InputError: if a word is not of that form, or a channel occurs twice.
    """
    amounts: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in amounts:
            raise InputError(f"the channel {name} is given twice")
        try:
            amounts[name] = float(value)
        except ValueError as error:
            raise InputError(f"a channel is given with its amount, such as blur=0.8, not as {word}") from error
    return amounts

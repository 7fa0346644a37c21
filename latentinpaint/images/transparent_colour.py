"""The one colour that counts as transparent, in pictures without an alpha channel (tRNS of a PNG, GIF)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TransparentColour:
    """A transparent colour and the samples that may have it.

    Attributes:
        colour: the sample value of one channel, or one for each of several.
        step: distance of neighbouring sample values.
        two_tone: whether samples are of 1 bit.
    """

    colour: int | tuple[int, ...]
    step: int = 1
    two_tone: bool = False

    def where(self, samples: np.ndarray) -> np.ndarray:
        """Where samples, (…) for one channel or (…, C), are this colour."""
        same = samples == np.asarray(self.colour) * self.step
        if isinstance(self.colour, tuple):
            return same.all(axis=-1)
        return same

    def give(self, samples: np.ndarray, where: np.ndarray) -> None:
        """Give samples, (N,) or (N, C), this colour in `where` (N,) bool and nowhere else, in place.

        Others that have it are moved by one step, within their range; of two tones that would leave none.
        """
        if not self.two_tone:
            self._avoid(samples)
        samples[where] = np.asarray(self.colour) * self.step

    def _avoid(self, samples: np.ndarray) -> None:
        last = samples
        if samples.ndim > 1:
            last = samples[:, -1]
        step = last.dtype.type(self.step)
        clash = self.where(samples)
        last[clash] = np.where(last[clash] > 0, last[clash] - step, step)

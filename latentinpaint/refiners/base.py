"""The interface of refiners: a refiner owns its objective and its inference, and the training task knows neither."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from latentinpaint.interpolants.objectives import weighted_mean
from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.runtime.randomness import Generators


@dataclass(frozen=True)
class Condition:
    """What is known of a damaged picture on the latent grid; nothing in it depends on the hole's content.

    Attributes:
        latent: (B, C, h, w), the encoder's latent of the masked picture, mask control included.
        hole: (B, 1, h, w), 1 where a cell has any hole pixel (max-pooling), else 0.
        area: (B, 1, h, w), the fraction of a cell's pixels that are hole, in [0, 1].
        error: (B, 1, h, w), the latent's expected mean absolute error, above 0, where a first fill predicts it.
    """

    latent: Tensor
    hole: Tensor
    area: Tensor
    error: Tensor | None = None

    def select(self, items: Sequence[int]) -> "Condition":
        """The items with these indices, in this order; an index may come more than once."""
        items = list(items)
        error = None if self.error is None else self.error[items]
        return Condition(self.latent[items], self.hole[items], self.area[items], error)

    def split(self) -> "list[Condition]":
        """Its items, each a batch of one."""
        return [self.select([item]) for item in range(len(self.latent))]


class Refiner(RecordsArguments, nn.Module, ABC):
    """Base of all refiners.

    Attributes:
        channels: channels of the latents it works on.
        stochastic: whether different generators give different outputs.
        integrates: whether an output takes solver steps, each of which reports its progress.
        core: the network whose evaluations are the cost of an output.
    """

    channels: int
    stochastic: bool
    integrates: bool = False

    @property
    @abstractmethod
    def core(self) -> nn.Module:
        """See the class."""

    def adopted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights (a state dictionary) of a simpler refiner as ones of this one, which then does the same.

        Weights that are this one's already, or that it knows nothing of, are returned as they are.
        """
        return weights

    @property
    def needs_measuring(self) -> bool:
        """Whether `measure` has to be called before training."""
        return False

    def measure(self, examples: Iterable[tuple[Tensor, Condition]]) -> None:  # noqa: B027
        """Take from training examples what is not learnt.

        Args:
            examples: latents of undamaged pictures (B, C, h, w) and what is known of them; read once.
        """

    @property
    def rests_on_start(self) -> bool:
        """Whether a part of it has its weights from a model that training starts from, and needs its conditions."""
        return False

    @abstractmethod
    def loss(self, z_clean: Tensor, condition: Condition, generator: Generators = None) -> dict[str, Tensor]:
        """Named scalars to log; the one called "loss" is to be minimised.

        Args:
            z_clean: (B, C, h, w), latent of the undamaged picture.
            condition: the damaged picture.
            generator: source of the objective's own randomness, if it has any.
        """

    @abstractmethod
    def refine(self, condition: Condition, generator: Generators = None, steps: int | None = None) -> Tensor:
        """The refined latent (B, C, h, w).

        Args:
            condition: the damaged picture.
            generator: one generator, drawn from item by item, or one for every item; an item's output depends on
                its own draws alone, whatever the batch.
            steps: solver steps of a refiner that integrates; None is its own default, others ignore it.
        """

    def refine_with_error(
        self, condition: Condition, generator: Generators = None, steps: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The refined latent, and the mean absolute error that is expected of each cell (B, 1, h, w), above 0.

        The second is None for a refiner that does not predict it. The arguments are those of `refine`.
        """
        return self.refine(condition, generator, steps), None


def latent_l1(z_hat: Tensor, z_clean: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference of two latents (B, C, h, w); `weight` (B, 1, h, w) makes it a weighted mean."""
    return weighted_mean((z_hat - z_clean).abs(), weight)

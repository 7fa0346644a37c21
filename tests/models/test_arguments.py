"""What a constructor records of its arguments."""

import copy
import inspect
import json
import pickle
from abc import ABC

import pytest
import torch
from torch import nn

from latentinpaint.flows import FLOWS
from latentinpaint.flows.hadamard import HadamardFlow
from latentinpaint.flows.mask_conditioned import MaskConditionedFlow
from latentinpaint.flows.scheduled import ScheduledFlow
from latentinpaint.models import AUTOENCODERS, IdentityAutoencoder, LamaAutoencoder, MaskControl
from latentinpaint.models.arguments import RecordsArguments
from latentinpaint.refiners import REFINERS, FFCRefiner, FlowRefiner, NoiseRefiner


class Base(RecordsArguments, nn.Module, ABC):
    """Has a constructor of its own, as `Autoencoder` has."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(channels, channels)


class Child(Base):
    """A constructor that calls another one."""

    def __init__(self, width: int, sides: tuple[int, ...] = (1, 2), *, name: str = "ab", other=None) -> None:
        """Of the constructor."""
        super().__init__(2 * width)
        self.seen = dict(self.arguments)


class Heir(Child):
    """Inherits its constructor."""


class Grandchild(Child):
    """Another signature."""

    def __init__(self, **options: int) -> None:
        super().__init__(**options)


class Resolving(Base):
    """None stands for a value of its own."""

    def __init__(self, channels: int = 1, table: dict[str, float] | None = None) -> None:
        super().__init__(channels)
        self.arguments["table"] = {"a": 1.0} if table is None else table


CHILD = {"width": 3, "sides": [1, 2], "name": "ab", "other": None}

# How it is called, and what is recorded.
VARIANTS = {
    "positional": (lambda: Child(3), CHILD),
    "keyword": (lambda: Child(width=3), CHILD),
    "all positional": (lambda: Child(3, (4,)), CHILD | {"sides": [4]}),
    "another order": (lambda: Child(name="c", sides=[4], width=3), CHILD | {"sides": [4], "name": "c"}),
    "a range": (lambda: Child(3, range(2)), CHILD | {"sides": [0, 1]}),
    "a mapping": (lambda: Child(3, other={"b": 1}), CHILD | {"other": {"b": 1}}),
    "a network": (lambda: Child(3, other=nn.ReLU()), {name: CHILD[name] for name in ("width", "sides", "name")}),
    "the base": (lambda: Base(2), {"channels": 2}),
    "no constructor of its own": (lambda: Heir(3, name="c"), CHILD | {"name": "c"}),
    "the outermost constructor": (lambda: Grandchild(width=3), {"width": 3}),
    "None": (lambda: Resolving(), {"channels": 1, "table": {"a": 1.0}}),
    "not None": (lambda: Resolving(2, {}), {"channels": 2, "table": {}}),
    "lama": (
        lambda: LamaAutoencoder(4, mask_channel=True),
        dict(base_channels=4, latent_channels=None, residual_blocks=0, final_relu=True, mask_channel=True),
    ),
    "identity": (lambda: IdentityAutoencoder(), dict(channels=3)),
    "control": (lambda: MaskControl(LamaAutoencoder(4), 2), dict(width=2)),
    "ffc": (
        lambda: FFCRefiner(8, 1, delta=True),
        dict(channels=8, blocks=1, ratio=0.75, delta=True, width=None, hole_weight=1.0, uncertainty=False)
        | dict(continued=False, iterations=1),
    ),
    "noise": (
        lambda: NoiseRefiner(8, 1, noise=4),
        dict(channels=8, blocks=1, ratio=0.75, width=128, noise=4, hole_weight=10.0, continued=True),
    ),
    "flow": (
        lambda: FlowRefiner(4, 8, (1, 2), interpolant="cosine"),
        dict(channels=4, width=8, multipliers=[1, 2], blocks=2, attention=True, dropout=0.0)
        | dict(interpolant="cosine", hole_weight=10.0, latent_weight=1.0, time_mean=-1.6, time_deviation=1.2)
        | dict(uniform_times=0.0, solver="euler", steps=5, grid="uniform", churn=0.0, continued=False, skip=False)
        | dict(shortcuts=0, shortcut_share=0.5, noise="white", first=None),
    ),
    "hadamard": (
        lambda: HadamardFlow((1, 8, 8), 8),
        dict(shape=[1, 8, 8], width=8, multipliers=[1, 2, 2], blocks=1, attention=True, dropout=0.0)
        | dict(measure={"diagonal": 1.0, "entrywise": 0.25, "blocks": 0.75, "holes": 2.0}, block_side=7)
        | dict(masks="thick", known_noise=0.2, weighting="exact", slices=None, steps=80, epsilon=0.0)
        | dict(solver="euler", scale=1.0, padding="zeros", estimates=[], network="alpha_unet"),
    ),
    "mask-conditioned": (
        lambda: MaskConditionedFlow([1, 8, 8], base_channels=8),
        dict(shape=[1, 8, 8], masks="patches", hole_weight=10.0, weighting="exact", base_channels=8)
        | dict(solver="dopri5", steps=50, tolerance=1e-5),
    ),
    "scheduled": (
        lambda: ScheduledFlow(torch.Size([2])),
        dict(shape=[2], network="mlp", network_arguments={}, schedule="linear")
        | dict(solver="rk4", steps=20, tolerance=1e-5),
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_record(name):
    build, expected = VARIANTS[name]
    arguments = build().arguments
    assert arguments == expected
    assert list(arguments) == list(expected)
    assert json.loads(json.dumps(arguments)) == arguments


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_it(copied):
    child = Heir(3, (4, 5), other={"b": 1})
    twin = copied(child)
    assert type(twin) is Heir and twin.arguments == child.arguments
    assert torch.equal(twin.layer.weight, child.layer.weight)


def test_later_changes_of_what_was_given_are_not_seen():
    sides, other = [1], {"b": 1}
    child = Child(3, sides, other=other)
    sides.append(2)
    other["b"] = 2
    assert child.arguments == CHILD | {"sides": [1], "other": {"b": 1}}


def test_a_constructor_can_read_it():
    assert Child(3).seen == CHILD


def test_called_again_it_records_anew():
    child = Child(3)
    child.__init__(4)
    assert child.arguments == CHILD | {"width": 4}


@pytest.mark.parametrize("call", [lambda: Child(), lambda: Child(1, wide=2), lambda: Child(1, (), "c")])
def test_wrong_arguments_are_python_s_own_error(call):
    with pytest.raises(TypeError, match=r"Child\.__init__\(\)"):
        call()


def test_signature_and_docstring_stay():
    assert list(inspect.signature(Child).parameters) == ["width", "sides", "name", "other"]
    assert Child.__init__.__doc__ == "Of the constructor."
    assert inspect.signature(Heir).parameters["width"].annotation is int


@pytest.mark.parametrize("cls", [*AUTOENCODERS.values(), *REFINERS.values(), *FLOWS.values(), MaskControl])
def test_every_class_of_a_model_file_has_it(cls):
    assert issubclass(cls, RecordsArguments)
    assert inspect.signature(cls.__init__) == inspect.signature(cls.__init__.__wrapped__)

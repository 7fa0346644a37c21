"""The alphas a Hadamard flow is trained on: which distributions a measure names, in which shares."""

import pytest
import torch

from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.flows.alpha_measures import DEFAULT_MEASURE, MEASURES, MeasureSettings, measure_stages, mixture

SETTINGS = MeasureSettings(block_side=4, masks=mask_preset("thick", 16), known_noise=0.0)


@pytest.mark.parametrize(
    ("measure", "stages"),
    [
        (None, [DEFAULT_MEASURE]),
        ({"holes": 1.0}, [{"holes": 1.0}]),
        (
            [{"diagonal": 1.0}, {"entrywise": 2.0, "turns": 1.0}],
            [{"diagonal": 1.0}, {"entrywise": 2.0, "turns": 1.0}],
        ),
    ],
)
def test_a_measure_is_one_stage_or_several(measure, stages):
    assert measure_stages(measure) == stages


def test_measures_that_are_none():
    with pytest.raises(InputError, match="measure 'rows'"):
        measure_stages([{"diagonal": 1.0}, {"rows": 1.0}])
    with pytest.raises(InputError, match="one stage or more"):
        measure_stages([])


def numbers_of_values(name, count=40):
    alpha = mixture({name: 1.0}, SETTINGS).draw((count, 1, 16, 16), torch.Generator().manual_seed(0))
    return [len(item.unique()) for item in alpha]


def test_what_each_distribution_draws():
    """One value a picture, a pixel, a block of 4 x 4; in turns and in holes 0 for what is known besides."""
    assert set(numbers_of_values("diagonal")) == {1}
    assert set(numbers_of_values("entrywise")) == {256}
    assert set(numbers_of_values("blocks")) == {16}
    assert max(numbers_of_values("turns")) <= 3 and max(numbers_of_values("holes")) == 2
    assert set(MEASURES) == {"diagonal", "entrywise", "blocks", "turns", "holes"}


def test_weights_are_shares():
    """Of 400 alphas in a ratio of 3 to 1; a weight of 0 is none, its standard deviation here is 9."""
    drawn = mixture({"diagonal": 3.0, "entrywise": 1.0, "blocks": 0.0}, SETTINGS)
    alpha = drawn.draw((400, 1, 8, 8), torch.Generator().manual_seed(1))
    kinds = [len(item.unique()) for item in alpha]
    assert set(kinds) == {1, 64} and abs(kinds.count(1) - 300) < 35

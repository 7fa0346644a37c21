"""Methods by texts: hyper-parameters, grids, names, and texts that make no sense."""

import pytest

from latentinpaint.errors import InputError
from latentinpaint.restoration import RESTORERS
from latentinpaint.restoration.pnp_flow import PnPFlow
from latentinpaint.restoration.restorer_texts import candidates, read_restorer, restorer_label, restorer_names


def test_hyper_parameters_follow_the_name():
    assert read_restorer("pnp_flow") == PnPFlow()
    assert read_restorer("pnp_flow:steps=7:exponent=.25") == PnPFlow(steps=7, exponent=0.25)
    assert read_restorer("ot_ode:gamma=rising").settings()["gamma"] == "rising"


@pytest.mark.parametrize("name", RESTORERS)
def test_every_value_of_a_grid_is_a_candidate(name):
    found = candidates(name)
    assert len(set(found)) == len(found)
    expected = 1
    for values in RESTORERS[name].grid.values():
        expected *= len(values)
    assert len(found) == expected
    assert len({read_restorer(text) for text in found}) == expected


def test_what_a_text_sets_is_not_tried():
    assert candidates("ot_ode:start=.3") == ["ot_ode:start=.3:gamma=constant", "ot_ode:start=.3:gamma=rising"]
    assert candidates("ot_ode:start=.3:gamma=constant") == ["ot_ode:start=.3:gamma=constant"]


def test_names_are_short_where_they_are_unique():
    assert restorer_names(["pnp_flow:steps=3", "ot_ode"]) == ["pnp_flow", "ot_ode"]
    assert restorer_names(["ot_ode:steps=3", "ot_ode"]) == ["ot_ode:steps=3", "ot_ode"]
    with pytest.raises(InputError, match="named twice"):
        restorer_names(["ot_ode", "ot_ode"])
    assert restorer_label("pnp_flow:steps=3:samples=1") == "PnP-Flow (steps 3, samples 1)"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pnpflow", "there is no method of restoration 'pnpflow': choose one of pnp_flow, ot_ode"),
        ("pnp_flow:step=3", "'step=3' sets nothing of pnp_flow: write one of steps, samples, exponent"),
        ("pnp_flow:steps", "'steps' sets nothing"),
        ("pnp_flow:steps=many", "steps of pnp_flow is a whole number, not 'many'"),
        ("pnp_flow:steps=0", "steps starts at 1"),
        ("ot_ode:gamma=falling", "there is no gamma 'falling'"),
    ],
)
def test_texts_that_make_no_sense(text, named):
    with pytest.raises(InputError, match=named):
        read_restorer(text)

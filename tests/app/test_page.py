"""The page's components, and how the values of a handler find them."""

from dataclasses import fields

import pytest

pytest.importorskip("gradio", reason="gradio is not installed")

from latentinpaint.app import page  # noqa: E402
from latentinpaint.app.handlers import PageUpdate  # noqa: E402

GROUPS = [page.InputComponents, page.OptionComponents, page.ResultComponents]


def component_names():
    return [field.name for group in GROUPS for field in fields(group)]


def test_every_value_of_a_handler_has_one_component():
    names = component_names()
    assert len(set(names)) == len(names)
    assert set(PageUpdate.__annotations__) <= set(names)


def test_values_are_keyed_by_component():
    """A name that no component has is an error, not a value that gets lost."""
    components = {field.name: object() for field in fields(page.InputComponents)}
    group = page.InputComponents(**components)
    handler = page.by_component(lambda photo: {"photo": photo, "invert": False}, group)
    assert handler("a.png") == {components["photo"]: "a.png", components["invert"]: False}
    with pytest.raises(KeyError, match="phto"):
        page.by_component(lambda: {"phto": None}, group)()

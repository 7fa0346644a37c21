"""What a page says of itself: the placeholders that its writer fills in."""

from string import Formatter

import pytest

from latentinpaint.evaluation.report.page_words import FILLED_HOLES
from latentinpaint.restoration.restoration_runner import RESTORED_PICTURES


@pytest.mark.parametrize("words", [FILLED_HOLES, RESTORED_PICTURES], ids=["holes", "restored"])
def test_only_what_is_known_is_asked_for(words):
    for text in (words.title, words.heading):
        (asked,) = [name for _, name, _, _ in Formatter().parse(text) if name]
        assert asked in {"items", "items_were"}
    asked = {name for _, name, _, _ in Formatter().parse(words.about) if name}
    assert asked <= {"holes", "percent"}

"""Blocks of Python in the pages run, with what the text around them takes for granted."""

import re
from pathlib import Path

import pytest
import torch

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
LATTICE = torch.zeros(4, 1, 8, 8)

# The page, the numbers of its blocks, the names that it takes for granted, and what the last block leaves.
CASES = {
    "interpolants": ((1, 2), {"torch": torch, "pictures": PICTURES, "observed": PICTURES}, "wiener"),
    "recipes": ((0,), {"start": LATTICE}, "found"),
}


@pytest.mark.skipif(not DOCS.exists(), reason="the pages are not here")
@pytest.mark.parametrize("page", CASES)
def test_the_blocks_run(page):
    numbers, names, last = CASES[page]
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    namespace = dict(names)
    for number in numbers:
        code = blocks[number].replace("start, 1000,", "start, 20,")  # as many trajectories would take minutes
        exec(compile(code, page, "exec"), namespace)
    assert namespace[last] is not None

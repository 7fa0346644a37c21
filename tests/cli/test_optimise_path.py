"""`optimise_path`: the sheet that it writes, the actions that it prints, and mistakes."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint.flows import HadamardFlow, ScheduledFlow
from latentinpaint.weights import save_flow


@pytest.fixture
def place(tmp_path):
    torch.manual_seed(0)
    flow = HadamardFlow((3, 8, 8), width=16, multipliers=(1, 2), blocks=1, block_side=4)
    torch.nn.init.normal_(flow.network.network.answer.weight, std=0.05)
    save_flow(flow, tmp_path / "flow" / "flow.safetensors")
    save_flow(ScheduledFlow((3, 8, 8), "add_unet", {"width": 8}), tmp_path / "other" / "flow.safetensors")
    values = np.random.default_rng(0).integers(1, 256, (8, 48, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "sheet.png")
    return tmp_path


def test_what_it_writes(place, done):
    options = ("--iterations", 3, "--knots", 3, "--steps", 1, "--num-samples", 6)
    files = ("--model", place / "flow", "--data", place / "sheet.png", "--output", place / "paths.png")
    printed = done("optimise_path", *files, *options).out
    actions = [float(number) for number in re.findall(r"action ([\d.e+]+)", printed)]
    assert len(actions) == 2 and all(number > 0 for number in actions) and "straight" in printed
    sheet = np.asarray(Image.open(place / "paths.png").convert("RGB"))
    # Two paths of a row of clocks and four of states, tiles of 64 pixels; seven columns.
    assert sheet.shape[0] == pytest.approx(2 * 5 * 68, abs=30) and sheet.shape[1] == pytest.approx(7 * 68, abs=10)
    assert sheet[26:86, 4:60].mean() > 250 and sheet[26:86, -60:-4].mean() < 5  # noise at first, data at last


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"--model": "other"}, "holds a ScheduledFlow: paths are searched for Hadamard flows"),
        ({"--output": "paths.jpg"}, "--output ends in .png"),
        ({"--knots": 2}, "3 knots or more"),
        ({"--num-samples": 1}, "give 2 or more"),
        ({"--iterations": 0}, "--iterations"),
    ],
)
def test_mistakes(changes, word, place, command):
    options = {"--model": "flow", "--data": "sheet.png", "--output": "paths.png"} | changes
    words = []
    for name, value in options.items():
        words += [name, place / value if isinstance(value, str) else value]
    result = command("optimise_path", *words)
    assert result.status == 2 and word in result.complaints[0] and not (place / "paths.png").exists()

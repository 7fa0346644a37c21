"""Files of trajectories, and windows of known ones."""

import pytest
import torch
from safetensors.torch import save_file

from latentinpaint.data.flow_datamodule import FlowDataModule
from latentinpaint.data.trajectories import Trajectories, Windows, load_trajectories, save_trajectories
from latentinpaint.errors import InputError


@pytest.fixture
def ramps():
    """Three parts: in part p the position at step s is (s, 1000 p)."""
    steps = torch.arange(400.0)
    parts = [torch.stack([steps, torch.full_like(steps, 1000.0 * part)], dim=1) for part in range(3)]
    return Trajectories(torch.stack(parts), 2.0, {"maze": ["###", "#.#", "###"]})


def test_a_file_holds_all(ramps, tmp_path):
    save_trajectories(ramps, tmp_path / "t.safetensors")
    loaded = load_trajectories(tmp_path / "t.safetensors")
    assert torch.equal(loaded.positions, ramps.positions)
    assert (loaded.scale, loaded.description) == (ramps.scale, ramps.description)


def test_windows_are_pieces_of_one_part(ramps):
    windows = Windows(ramps, 300, 6)
    drawn = windows.draw(3000, torch.Generator().manual_seed(0))
    assert windows.shape == (2, 50, 1) and drawn.shape == (3000, 2, 50, 1)
    first, second = 2 * drawn[:, 0, :, 0], 2 * drawn[:, 1, :, 0]
    assert torch.equal(first - first[:, :1], (6.0 * torch.arange(50)).expand(3000, 50))
    assert set(first[:, 0].tolist()) == set(range(101))  # every begin that leaves room for 300 steps
    assert torch.equal(second, second[:, :1].expand_as(second))
    assert {value / 1000 for value in second[:, 0].tolist()} == {0, 1, 2}
    assert torch.equal(drawn, windows.draw(3000, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("window", "stride"), [(300, 7), (6, 6), (10, 0)])
def test_windows_are_whole_strides(ramps, window, stride):
    with pytest.raises(InputError, match=r"data\.window"):
        Windows(ramps, window, stride)


def test_too_short_a_recording(ramps):
    with pytest.raises(InputError, match="no windows of 402"):
        Windows(ramps, 402, 6)


def test_the_data_of_a_recipe(ramps, tmp_path):
    save_trajectories(ramps, tmp_path / "maze.safetensors")
    data = FlowDataModule("maze", downloads=str(tmp_path), window=20, stride=5, batch_size=7)
    assert data.shape == (2, 4, 1)
    data.check()
    assert data.train_batches[0]["target"].shape == data.train_batches[0]["source"].shape == (7, 2, 4, 1)
    assert data.description() == {"maze": ["###", "#.#", "###"], "scale": 2.0}
    by_path = FlowDataModule(str(tmp_path / "maze.safetensors"), window=20, stride=5, batch_size=7)
    by_path.check()
    assert torch.equal(by_path.train_batches[3]["target"], data.train_batches[3]["target"])


def test_what_is_no_recording(tmp_path):
    with pytest.raises(InputError, match="record_maze"):
        FlowDataModule("maze", downloads=str(tmp_path)).check()
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    (tmp_path / "text.safetensors").write_text("<html>")
    for name in ("foreign", "text"):
        with pytest.raises(InputError, match="holds no trajectories"):
            load_trajectories(tmp_path / f"{name}.safetensors")

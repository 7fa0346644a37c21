"""The parts of an ablation: its variants, what its folder was made with, what is held out, what is compared."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from latentinpaint.errors import InputError
from latentinpaint.experiments.queue import SharedSettings
from latentinpaint.experiments.variant_training import AUTOENCODER, Ablation, find_variants, runs_at_a_time, steps_in


def write_config(folder, name, **settings):
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def configs(tmp_path):
    folder = tmp_path / "configs"
    for name in ("2_b", "1_a", AUTOENCODER):
        write_config(folder, name, trainer={"max_steps": 7}, model={"mask": name})
    return folder


@pytest.fixture
def make(tmp_path, configs):
    def call(size=32, **changes):
        settings = SharedSettings(
            root="train", val_root=str(tmp_path / "val"), size=size, precision="32-true", num_workers=0
        )
        parts = {"variants": find_variants(configs, ()), "seeds": (0, 3), "settings": settings}
        return Ablation(folder=tmp_path / "out", **{**parts, **changes})

    return call


def test_variants_are_a_folders_configurations(configs):
    assert list(find_variants(configs, ())) == ["1_a", "2_b"]
    assert find_variants(configs, ("2_b",)) == {"2_b": configs / "2_b.yaml"}
    with pytest.raises(InputError, match="no variant '3_c' in .*: choose any of 1_a, 2_b"):
        find_variants(configs, ("1_a", "3_c"))
    with pytest.raises(InputError, match="holds no configuration of a variant"):
        find_variants(configs.parent, ())


@pytest.mark.parametrize("settings", [{}, {"trainer": None}, {"trainer": {"max_steps": "soon"}}])
def test_a_configuration_says_how_long_it_trains(settings, configs):
    assert steps_in(configs / "1_a.yaml") == 7
    with pytest.raises(InputError, match="does not say how many steps"):
        steps_in(write_config(configs, "other", **settings))


def test_a_folder_keeps_to_its_settings(make, configs):
    ablation = make()
    ablation.record_settings()
    ablation.record_settings()
    written = json.loads((ablation.folder / "settings.json").read_text())
    assert list(written) == ["root", "val_root", "size", "precision", "1_a", "2_b"]
    # For how long and where to is no matter; everything else is.
    write_config(configs, "1_a", trainer={"max_steps": 9}, model={"mask": "1_a"}, output="elsewhere")
    make().record_settings()
    with pytest.raises(InputError, match="was made with another size .32, not 64.: choose another output"):
        make(size=64).record_settings()
    write_config(configs, "1_a", trainer={"max_steps": 9}, model={"mask": "none"})
    with pytest.raises(InputError, match="another 1_a"):
        make().record_settings()


def test_held_out_crops_and_masks_are_files(make, tmp_path, helpers, capsys):
    helpers.write_photos(tmp_path / "val", ("a.jpg", "b.png", "c.png"))
    (tmp_path / "val" / "b.png").write_text("this is no picture")
    pictures, masks = make(mask_preset="thin", limit=2).write_held_out()
    assert (pictures, masks) == tuple(tmp_path / "out" / "judged-thin-2" / part for part in ("pictures", "masks"))
    assert [path.name for path in pictures.iterdir()] == ["a.png"]
    assert np.asarray(Image.open(pictures / "a.png")).shape == (32, 32, 3)
    assert np.asarray(Image.open(masks / "a_mask001.png")).max() == 255
    assert "left out" in capsys.readouterr().err


def test_all_runs_are_compared(make, tmp_path):
    titles = {"1_a": ["1_a, seed 0", "1_a, seed 3"]}
    runs = tmp_path / "out" / "runs" / "1_a"
    assert make().methods(titles) == ["telea", f"1_a, seed 0={runs / 'seed0'}", f"1_a, seed 3={runs / 'seed3'}"]
    config = make().benchmark(Path("pictures"), Path("masks"))
    assert (config.images, config.masks, config.output) == ("pictures", "masks", str(tmp_path / "out" / "report"))


def test_no_time_is_measured_in_no_rounds(make):
    assert make(time_rounds=0).step_seconds("no such file") == {}


def test_runs_at_a_time(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert runs_at_a_time() == 1
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert runs_at_a_time() >= 1

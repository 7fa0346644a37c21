"""A comparison of restorations as a job: splits, seeds by name, records used again, other sources, mistakes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_prior import config_of, save_priors, write_pictures

from latentinpaint.errors import InputError
from latentinpaint.restoration.restoration_runner import RestorationRunner, ValidationRunner
from latentinpaint.runtime.randomness import draw_normal

METHODS = ("pnp_flow:steps=3:samples=1", "replace:steps=3")


@pytest.fixture(scope="module")
def priors(tmp_path_factory):
    return save_priors(tmp_path_factory.mktemp("priors"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures") / "images")


@pytest.fixture
def config(priors, images, tmp_path):
    return config_of(priors, images, tmp_path / "out", validation=3)


def figures(records):
    """The figures of records, by method and picture."""
    return {(record["method"], record["case"]): record["rows"][0]["figures"] for record in records}


def test_the_first_pictures_are_for_validation(config):
    found = RestorationRunner(replace(config, limit=4), METHODS)
    assert [source.name for source in found.dataset.sources] == ["3.png", "4.png", "5.png", "6.png"]
    validation = ValidationRunner(replace(config, limit=1), METHODS)
    assert [source.name for source in validation.dataset.sources] == ["0.png", "1.png", "2.png"]


def test_figures_do_not_depend_on_what_else_is_restored_and_are_used_again(config, tmp_path):
    together = RestorationRunner(config, METHODS).run()
    assert (together.reused, len(together.records)) == (0, 12)
    alone = RestorationRunner(replace(config, output=str(tmp_path / "other"), limit=1), METHODS[1:]).run()
    both = figures(together.records)
    for key, values in figures(alone.records).items():
        assert values == pytest.approx(both[key], nan_ok=True, abs=0)
    assert RestorationRunner(config, METHODS).run().reused == 12
    assert RestorationRunner(replace(config, noise=0.1), METHODS).run().reused == 0
    assert all(record["rows"][0]["evaluations"] == 3 for record in together.records)


def test_every_method_sees_the_same_and_nothing_of_the_hole(config):
    """What a method is shown: the picture with noise of the right size, by name and seed."""
    runner = RestorationRunner(config, METHODS)
    item = runner.read_item("5.png")
    seen, drawn = [], []
    for method in runner.methods:
        method.restorer = lambda prior, observed, own: seen.append(observed) or drawn.append(own) or observed.y
        method.fill(item)
    assert torch.equal(seen[0].y, seen[1].y)
    noise = seen[0].y - seen[0].model(2 * item.image - 1)
    assert noise.std().item() == pytest.approx(0.05, rel=0.1)
    assert (draw_normal(noise, drawn[0]) * noise).mean().abs() < 0.01  # the method's own noise is another
    assert item.mask.sum() == 36
    assert torch.equal(1 - item.mask, seen[0].model.known.float())


def test_a_record_depends_on_all_that_decides_a_picture(config, priors):
    changes = [{}, {"noise": 0.1}, {"seed": 1}, {"task": "box:2"}, {"prior": str(priors["hadamard"])}]
    found = set()
    for change in changes:
        runner = RestorationRunner(replace(config, **change), [*METHODS, "replace:steps=4"])
        for method in runner.methods:
            found.add(method.identity(runner.dataset[0]))
    assert len(found) == 3 * len(changes)


def test_a_sheet(priors, tmp_path):
    values = np.random.default_rng(0).integers(1, 256, (16, 48, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "sheet.png")
    runner = RestorationRunner(config_of(priors, tmp_path / "sheet.png", tmp_path / "out", validation=1), METHODS)
    assert [source.name for source in runner.dataset.sources] == ["000001", "000002"]
    expected = torch.from_numpy(values[:, 16:32]).permute(2, 0, 1)[None].float() / 255
    torch.testing.assert_close(runner.read_item("000001").image, expected)


def test_pictures_are_grey_for_a_prior_of_one_channel(priors, images, tmp_path):
    runner = RestorationRunner(config_of({"scheduled": priors["grey"]}, images, tmp_path / "out"), METHODS)
    found = runner.dataset[0].image
    with Image.open(images / "8.png") as picture:
        middle = picture.convert("L").resize((16, 16), Image.Resampling.BOX)
    assert found.shape == (1, 3, 16, 16) and torch.equal(found[:, 0], found[:, 2])
    assert (255 * found[0, 0] - torch.from_numpy(np.array(middle).astype(np.float32))).abs().mean() < 2
    assert runner.methods[0].fill(runner.dataset[0]).shape == (1, 3, 16, 16)


MISTAKES = {
    "noise": ({"noise": -1.0}, METHODS, "noise starts at 0, not at -1"),
    "validation": ({"validation": 9}, METHODS, "9 pictures are there, of which 9 are for validation"),
    "task": ({"task": "box:9"}, METHODS, "leaves nothing of pictures of 16 x 16 pixels"),
    "method": ({}, ("magic",), "there is no method of restoration 'magic'"),
    "not-hadamard": ({}, ("hadamard",), "the Hadamard flow needs one"),
    "another-size": ({"hadamard": "small"}, ("hadamard",), r"of pictures \(3, 8, 8\), the prior of \(3, 16, 16\)"),
    "no-mask": ({"task": "blur:1", "hadamard": "hadamard"}, ("hadamard",), "take a task with a mask"),
    "points": ({"prior": "points"}, METHODS, "one of points"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_found_before_anything_is_written(case, config, priors):
    changes, methods, named = MISTAKES[case]
    changes = {
        name: str(priors.get(value, value)) if isinstance(value, str) else value for name, value in changes.items()
    }
    with pytest.raises(InputError, match=named):
        RestorationRunner(replace(config, **changes), methods)
    assert not Path(config.output).exists()


def test_a_hadamard_flow_restores_beside_a_scheduled_one(config, priors):
    methods = ("hadamard:steps=3", "replace:steps=3")
    found = RestorationRunner(replace(config, hadamard=str(priors["hadamard"]), limit=1), methods).run()
    assert [record["failed"] for record in found.records] == [None, None]

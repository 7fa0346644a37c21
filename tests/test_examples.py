"""The programs in `examples/` run; `.ci/run` has type checkers read them."""

import importlib.util
import io
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.refiners import REFINERS

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def example(monkeypatch):
    """A function of an example's name that imports it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(name):
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def photo():
    smooth = np.add.outer(np.arange(60), 2 * np.arange(70)) % 256
    return Image.fromarray(np.dstack([smooth, smooth[::-1], 255 - smooth]).astype(np.uint8))


def holes(photo):
    mask = np.zeros((photo.height, photo.width), bool)
    mask[20:30, 25:45] = True
    return mask


def test_a_photo_is_filled(example, photo, tmp_path, capsys):
    photo.save(tmp_path / "photo.png")
    Image.fromarray(holes(photo)).save(tmp_path / "mask.png")
    filled = example("fill_photo").fill_photo(*(tmp_path / f"{name}.png" for name in ("photo", "mask", "filled")))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "filled.png")), np.asarray(filled))
    np.testing.assert_array_equal(np.asarray(filled)[~holes(photo)], np.asarray(photo)[~holes(photo)])
    assert capsys.readouterr().err.endswith("\r100%")


def test_a_server_fills_what_was_erased_and_cancels_what_takes_too_long(example, photo, build_pipeline):
    program = example("web_handler")
    erased = photo.convert("RGBA")
    erased.putalpha(Image.fromarray(np.where(holes(photo), 0, 255).astype(np.uint8)))
    body = io.BytesIO()
    erased.save(body, "PNG")
    inpainter = Inpainter(build_pipeline(), "cpu")
    with program.server(inpainter, port=0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}"
            with urllib.request.urlopen(address, body.getvalue(), timeout=60) as answer:
                filled = Image.open(io.BytesIO(answer.read()))
            with pytest.raises(urllib.error.HTTPError, match="400") as refused:
                urllib.request.urlopen(address, b"no picture", timeout=60)
            assert b"no picture" in refused.value.read()
        finally:
            server.shutdown()
            thread.join()
    expected = inpainter(photo, holes(photo))
    np.testing.assert_array_equal(np.asarray(filled), np.asarray(expected))
    with pytest.raises(program.TooSlow, match="0%"):
        program.fill_erased(inpainter, body.getvalue(), most_seconds=-1)


def test_an_own_refiner_is_trained_and_loaded_again(example, photo, tmp_path, monkeypatch):
    monkeypatch.setitem(REFINERS, "dilated", None)  # what the example adds is taken away again
    (tmp_path / "photos").mkdir()
    for number in range(3):
        photo.rotate(90 * number).save(tmp_path / "photos" / f"{number}.png")
    program = example("train_refiner")
    trained = program.train(tmp_path / "photos", tmp_path / "model.safetensors", steps=2, size=32, batch_size=2)
    assert isinstance(trained.pipeline.refiner, program.DilatedRefiner)
    untrained = program.DilatedRefiner(trained.pipeline.refiner.channels).state_dict()
    weights = trained.pipeline.refiner.state_dict()
    assert {name: value.shape for name, value in weights.items()} == {n: v.shape for n, v in untrained.items()}
    assert trained.recipe["steps"] == 2
    filled = trained(photo, holes(photo))
    np.testing.assert_array_equal(np.asarray(filled)[~holes(photo)], np.asarray(photo)[~holes(photo)])


def test_an_own_method_is_compared(example, photo, tmp_path):
    (tmp_path / "photos").mkdir()
    photo.save(tmp_path / "photos" / "photo.png")
    program = example("benchmark_method")
    summary = program.benchmark(tmp_path / "photos", tmp_path / "report", size=32, features="")
    assert set(summary.rows) == {"default", "telea", "blurred"}
    assert (tmp_path / "report" / "report.html").exists()


def test_blurred_surroundings_are_the_mean_of_what_is_known(example, photo):
    """In the middle of a picture of one colour with another colour around: from wherever it looks, it is known."""
    from latentinpaint.evaluation.dataset import DatasetItem

    image = torch.full((1, 3, 40, 40), 0.25)
    mask = torch.zeros(1, 1, 40, 40)
    mask[..., 5:35, 5:35] = 1
    image[mask.expand_as(image) > 0] = 0.9
    fill = example("benchmark_method").BlurredSurroundings(2).fill(DatasetItem("one", image, mask))
    torch.testing.assert_close(fill, torch.full_like(image, 0.25))

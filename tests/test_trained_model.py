"""A model on a device: from a file and back, the copy that computes, and what the calling program has set."""

import warnings

import numpy as np
import pytest
import torch

from latentinpaint import Inpainter
from latentinpaint.errors import InputError
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.refiners import REFINERS
from latentinpaint.trained_model import PRECISIONS

HEIGHT, WIDTH = 21, 30


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def hole():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:16, 8:] = True
    return mask


@pytest.mark.parametrize("refiner", REFINERS)
def test_from_pretrained(model_files, build_pipeline, refiner):
    image = noise(HEIGHT, WIDTH, 3)
    for path in (model_files[refiner], model_files[refiner].parent, str(model_files[refiner])):
        loaded = Inpainter.from_pretrained(path, "cpu")
        np.testing.assert_array_equal(loaded(image, hole()), Inpainter(build_pipeline(refiner), "cpu")(image, hole()))


def test_answers_follow_the_weights(build_pipeline):
    """A person who loads other weights into the pipeline gets their answers."""
    inpainter, other = Inpainter(build_pipeline(), "cpu"), Inpainter(build_pipeline(seed=1), "cpu")
    image, mask = noise(32, 32, 3), np.zeros((32, 32), bool)
    mask[8:20, 8:20] = True
    before = inpainter(image, mask)
    assert inpainter.fused is inpainter.fused
    inpainter.pipeline.load_state_dict(other.pipeline.state_dict())
    assert (inpainter(image, mask) == other(image, mask)).all()
    assert (inpainter(image, mask) != before).any()


def test_unusable_models(tmp_path, model_files):
    for path in (tmp_path, tmp_path / "nothing.safetensors", model_files["autoencoder"]):
        with pytest.raises(InputError, match=str(path)):
            Inpainter.from_pretrained(path)


def test_it_answers_with_a_folded_copy(build_pipeline):
    pipeline = build_pipeline()
    image = torch.rand(3, 40, 48, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, 40, 48)
    mask[:, 10:30, 12:36] = 1
    expected = pipeline.sample(image[None], mask[None])[0, 0]
    fills = {precision: Inpainter(pipeline, "cpu", precision)(image, mask) for precision in PRECISIONS}
    torch.testing.assert_close(fills["float32"], expected, atol=2e-5, rtol=0)
    difference = (fills["bfloat16"] - expected).abs()[:, 10:30, 12:36]
    assert 1e-5 < difference.mean() < 5e-3
    inpainter = Inpainter(pipeline, "cpu")
    assert inpainter.pipeline is pipeline
    assert not [m for m in inpainter.fused.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    with pytest.raises(InputError, match="no precision 'half'"):
        Inpainter(pipeline, "cpu", "half")


@pytest.fixture
def default_type():
    yield torch.set_default_dtype
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", REFINERS)
def test_the_default_type_of_the_program_changes_no_fill(build_pipeline, tmp_path, default_type, name, dtype):
    texture = PatchTexture(rounds=(1, 1, 1))
    inpainter = Inpainter(build_pipeline(name), "cpu", texture=texture)
    expected = inpainter(noise(HEIGHT, WIDTH, 3), hole())
    inpainter.save_pretrained(tmp_path)
    default_type(dtype)
    assert np.array_equal(inpainter(noise(HEIGHT, WIDTH, 3), hole()), expected)
    loaded = Inpainter.from_pretrained(tmp_path, "cpu")
    assert {value.dtype for value in loaded.pipeline.parameters()} == {torch.float32}
    assert np.array_equal(loaded(noise(HEIGHT, WIDTH, 3), hole()), expected)


def test_a_model_is_loaded_whatever_the_default_device(build_pipeline, tmp_path):
    inpainter = Inpainter(build_pipeline(), "cpu")
    inpainter.save_pretrained(tmp_path)
    with torch.device("meta"):
        loaded = Inpainter.from_pretrained(tmp_path, "cpu")
    expected = inpainter(noise(HEIGHT, WIDTH, 3), hole())
    assert np.array_equal(loaded(noise(HEIGHT, WIDTH, 3), hole()), expected)


def test_to_the_hub_and_back(build_pipeline, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret_of_the_writer")
    inpainter = Inpainter(build_pipeline(), "cpu", texture=PatchTexture(rounds=(1, 1, 1)), recipe={"steps": 77})
    pinned = inpainter.push_to_hub("me/mine")
    commit, files = hub.commits["me/mine"][-1]
    assert pinned == f"me/mine@{commit}"
    assert set(files) == {".gitattributes", "model.safetensors", "README.md"}
    card = files["README.md"].decode()
    assert '"steps": 77' in card and 'from_pretrained("me/mine")' in card
    expected = inpainter(noise(HEIGHT, WIDTH, 3), hole())
    Inpainter(build_pipeline(seed=1), "cpu").push_to_hub("me/mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = Inpainter.from_pretrained("me/mine", "cpu", revision=commit)
    newest = Inpainter.from_pretrained("me/mine", "cpu")
    assert first.recipe == {"steps": 77} and newest.recipe == {}
    assert np.array_equal(first(noise(HEIGHT, WIDTH, 3), hole()), expected)
    assert np.array_equal(Inpainter.from_pretrained(pinned, "cpu")(noise(HEIGHT, WIDTH, 3), hole()), expected)
    assert not np.array_equal(newest(noise(HEIGHT, WIDTH, 3), hole()), expected)
    with pytest.raises(InputError, match="a revision belongs to a model of the Hugging Face Hub"):
        Inpainter.from_pretrained("default", revision=commit)

"""Wrong arguments from Python: every door answers with one sentence, and never with an error of PyTorch or NumPy."""

import numpy as np
import pytest
import torch
from PIL import Image

from latentinpaint import Inpainter
from latentinpaint.data.masks import mask_preset
from latentinpaint.errors import InputError
from latentinpaint.flows import SamplerConfig
from latentinpaint.inference.feature_refinement import Refinement
from latentinpaint.inference.texture import PatchTexture
from latentinpaint.interpolants.solvers import StepControl
from latentinpaint.models import LamaAutoencoder, MaskControl
from latentinpaint.refiners import FFCRefiner, FlowRefiner
from latentinpaint.runtime.device import choose_device

HEIGHT, WIDTH = 24, 32
SEVERAL = np.zeros(2)
NO_WHOLE_NUMBERS = [1.5, True, np.True_, torch.tensor(True), float("nan"), "3", [], SEVERAL, torch.zeros(2), object()]
ONE = [np.int64(1), np.uint8(1), np.array(1), torch.tensor(1)]


@pytest.fixture(scope="module")
def inpainter():
    return Inpainter.from_pretrained("default", device="cpu")


@pytest.fixture
def image():
    return np.full((HEIGHT, WIDTH, 3), 90, np.uint8)


@pytest.fixture
def mask():
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[8:14, 9:20] = True
    return hole


def one_sentence(caught):
    message = str(caught.value)
    assert message and "\n" not in message and "object at 0x" not in message and len(message) < 250
    return message


@pytest.mark.parametrize("value", [*NO_WHOLE_NUMBERS, None])
@pytest.mark.parametrize("name", ["seed", "dilate", "feather"])
def test_whole_numbers(inpainter, image, mask, name, value):
    with pytest.raises(InputError, match="whole number") as caught:
        inpainter(image, mask, **{name: value})
    one_sentence(caught)


@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS)
@pytest.mark.parametrize("name", ["steps", "crop"])
def test_whole_numbers_or_none(inpainter, image, mask, name, value):
    with pytest.raises(InputError) as caught:
        inpainter(image, mask, **{name: value})
    assert "number" in one_sentence(caught) or name == "crop"


@pytest.mark.parametrize("one", ONE, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("name", ["seed", "dilate", "feather", "steps", "crop"])
def test_whole_numbers_of_other_libraries(inpainter, image, mask, name, one):
    expected = inpainter(image, mask, **{name: 1})
    np.testing.assert_array_equal(inpainter(image, mask, **{name: one}), expected)


@pytest.mark.parametrize("value", [*NO_WHOLE_NUMBERS, None, 0, -1])
def test_numbers_of_samples(inpainter, image, mask, value):
    for ask in (lambda: inpainter.samples(image, mask, value), lambda: inpainter.expand_samples(image, 2, value)):
        with pytest.raises(InputError, match="number of samples") as caught:
            ask()
        one_sentence(caught)


@pytest.mark.parametrize("one", ONE, ids=lambda one: type(one).__name__)
def test_numbers_of_samples_of_other_libraries(inpainter, image, mask, one):
    (found,) = inpainter.samples(image, mask, one)
    np.testing.assert_array_equal(found, inpainter(image, mask))


@pytest.mark.parametrize("value", [1.5, float("nan"), -1, "yes", [], SEVERAL, torch.zeros(2), object()])
@pytest.mark.parametrize("name", ["refine", "texture", "ignore_problems"])
def test_truth_values(inpainter, image, mask, name, value):
    with pytest.raises(InputError, match=f"^{name} is True") as caught:
        inpainter(image, mask, **{name: value})
    one_sentence(caught)


@pytest.mark.parametrize("false", [np.False_, torch.tensor(False)])
def test_truth_values_of_other_libraries(inpainter, image, mask, false):
    expected = inpainter(image, mask, texture=False)
    np.testing.assert_array_equal(
        inpainter(image, mask, refine=false, texture=false, ignore_problems=false), expected
    )


@pytest.mark.parametrize(
    "sides",
    [
        None,
        1.5,
        True,
        float("nan"),
        -1,
        0,
        "x",
        "10",
        [],
        [1, 2],
        [1, 2, 3, None],
        [1, 2, 3, 1.5],
        {},
        object(),
        SEVERAL,
    ],
)
def test_sides(inpainter, image, sides):
    with pytest.raises(InputError) as caught:
        inpainter.expand(image, sides)
    one_sentence(caught)


@pytest.mark.parametrize(
    "sides", [np.int64(1), np.array(1), [np.int64(1)] * 4, np.ones(4, int), torch.ones(4).long()]
)
def test_sides_of_other_libraries(inpainter, image, sides):
    np.testing.assert_array_equal(inpainter.expand(image, sides), inpainter.expand(image, 1))


@pytest.mark.parametrize("path", [None, 1, 1.5, b"x", [], object(), SEVERAL, "/nowhere/at/all"])
def test_paths(inpainter, path):
    with pytest.raises(InputError) as caught:
        Inpainter.from_pretrained(path)
    one_sentence(caught)
    if not isinstance(path, str):
        with pytest.raises(InputError, match="a path is") as caught:
            inpainter.save_pretrained(path)
        one_sentence(caught)


IMAGES = {
    "nothing": None,
    "a number": 1.5,
    "a name": "a.png",
    "bytes": b"x",
    "a table": {},
    "a thing": object(),
    "empty": np.zeros((0, 5, 3), np.uint8),
    "a line": np.zeros(5, np.uint8),
    "float64 in colour": np.zeros((4, 4, 3)),
    "complex": np.zeros((4, 4, 3), complex),
    "texts": np.array("x"),
    "things": np.zeros((HEIGHT, WIDTH, 3), object),
    "a flat tensor": torch.zeros(3, 4),
    "a tensor of bytes": torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8),
    "a tensor of NaN": torch.full((3, HEIGHT, WIDTH), float("nan")),
    "a tensor of 0 to 255": torch.full((3, HEIGHT, WIDTH), 255.0),
    "no tensors": torch.zeros(0, 3, HEIGHT, WIDTH),
    "a list of nothing": [None],
}


@pytest.mark.parametrize("name", IMAGES)
def test_images(inpainter, mask, name):
    with pytest.raises(InputError) as caught:
        inpainter(IMAGES[name], mask)
    one_sentence(caught)


MASKS = {
    "nothing": None,
    "a number": 1.5,
    "a truth": True,
    "a name": "mask.png",
    "bytes": b"x",
    "a table": {},
    "a thing": object(),
    "empty": np.zeros(0),
    "complex": np.ones((HEIGHT, WIDTH), complex),
    "texts": np.full((HEIGHT, WIDTH), "x"),
    "things": np.zeros((HEIGHT, WIDTH), object),
    "dates": np.zeros((HEIGHT, WIDTH), "datetime64[s]"),
    "a complex tensor": torch.ones(HEIGHT, WIDTH, dtype=torch.complex64),
    "a flat tensor": torch.zeros(WIDTH),
    "NaN": np.full((HEIGHT, WIDTH), np.nan),
    "negative": np.full((HEIGHT, WIDTH), -1.0),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_masks(inpainter, image, name, as_tensor):
    picture = image
    if as_tensor:
        picture = torch.full((3, HEIGHT, WIDTH), 0.4)
    with pytest.raises(InputError) as caught:
        inpainter(picture, MASKS[name])
    one_sentence(caught)


def test_a_closed_file(inpainter, image, mask, tmp_path):
    Image.fromarray(image).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as closed:
        pass
    with pytest.raises(InputError, match="is closed") as caught:
        inpainter(closed, mask)
    one_sentence(caught)
    with Image.open(tmp_path / "a.png") as loaded:
        loaded.load()
    expected = inpainter(image, mask)
    np.testing.assert_array_equal(np.asarray(inpainter(loaded, mask)), expected)


@pytest.mark.parametrize("device", ["gpu", 1.5, [], object(), True, -3, "cuda:99"])
def test_devices(device):
    with pytest.raises(InputError, match="device") as caught:
        choose_device(device)
    one_sentence(caught)


@pytest.mark.parametrize("precision", ["float8", None, 1, [], torch.float32])
def test_precisions(inpainter, precision):
    with pytest.raises(InputError, match="choose one of") as caught:
        Inpainter(inpainter.pipeline, precision=precision)
    one_sentence(caught)


@pytest.mark.parametrize("pipeline", [None, 1, "default"])
def test_pipelines(pipeline):
    with pytest.raises(InputError, match="from_pretrained"):
        Inpainter(pipeline)


@pytest.mark.parametrize("value", [None, 1.5, 0, -1, "8", True, [], float("nan")])
def test_sizes_of_masks(value):
    masks = mask_preset("thick")
    for size in ((value, 8), (8, value)):
        with pytest.raises(InputError) as caught:
            masks(*size)
        one_sentence(caught)
    with pytest.raises(InputError):
        mask_preset("thick", value)


@pytest.mark.parametrize("name", [None, 1, [], "fat"])
def test_presets(name):
    with pytest.raises(InputError, match="choose one of") as caught:
        mask_preset(name)
    one_sentence(caught)


NETWORKS = {
    "the autoencoder's base channels": lambda value: LamaAutoencoder(value),
    "the autoencoder's latent channels": lambda value: LamaAutoencoder(2, latent_channels=value),
    "the autoencoder's blocks": lambda value: LamaAutoencoder(2, residual_blocks=value),
    "the mask control's width": lambda value: MaskControl(LamaAutoencoder(2), value),
    "ffc's channels": lambda value: FFCRefiner(value),
    "ffc's blocks": lambda value: FFCRefiner(8, blocks=value),
    "ffc's width": lambda value: FFCRefiner(8, 1, width=value),
    "flow's channels": lambda value: FlowRefiner(value),
    "flow's width": lambda value: FlowRefiner(8, width=value),
    "flow's blocks": lambda value: FlowRefiner(8, 8, (1, 1), value),
    "flow's steps": lambda value: FlowRefiner(8, 8, (1, 1), 1, steps=value),
    "a solver's steps": lambda value: StepControl(value),
    "a sampler's steps": lambda value: SamplerConfig("euler", value),
    "a patch's radius": lambda value: PatchTexture(radius=value),
    "refinement's iterations": lambda value: Refinement(iterations=value),
}


@pytest.mark.parametrize("value", [-1, 1.5, "x", [], float("nan"), True], ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_of_networks_and_numbers_of_steps(name, value):
    with pytest.raises(InputError) as caught:
        NETWORKS[name](value)
    one_sentence(caught)

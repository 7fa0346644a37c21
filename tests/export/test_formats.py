"""Exported files, run by others: the pipeline's output, and no path of this machine."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.export import FORMATS, OPSETS, ImageSize, Onnx, Pt2, capture, export

SHAPES = [(1, 64, 40), (2, 37, 90), (3, 5, 17)]


def random_inputs(batch, height, width, seed=0):
    """Random pictures, and holes of rectangles that differ from item to item."""
    rng = np.random.default_rng(seed)
    image = rng.random((batch, 3, height, width), dtype=np.float32)
    mask = np.zeros((batch, 1, height, width), np.float32)
    for item in range(batch):
        mask[item, :, height // 4 : height // 2 + item, : width // 2 - item] = 1
    return image, mask


def run(path, image, mask):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image, "mask": mask})[0]


@pytest.fixture(scope="module")
def pixels_onnx(exported_models, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "pixels.onnx"
    return path, export(exported_models["pixels"], path, Onnx())


def test_free_sizes(pixels_onnx, exported_models):
    """The smallest stride there is, where a Fourier transform is as large as the picture."""
    path, difference = pixels_onnx
    assert 0 < difference < 1e-4
    for shape in SHAPES:
        image, mask = random_inputs(*shape)
        expected = exported_models["pixels"](torch.from_numpy(image), torch.from_numpy(mask)).numpy()
        output = run(path, image, mask)
        assert np.abs(output - expected).max() < 1e-4
        assert np.array_equal(np.where(mask > 0.5, 0, output), np.where(mask > 0.5, 0, image))
        alone = np.concatenate([run(path, image[k : k + 1], mask[k : k + 1]) for k in range(len(image))])
        assert np.abs(alone - output).max() < 1e-5


def test_a_fixed_size(exported_models, tmp_path):
    """Of LaMa's architecture, as converted checkpoints have it."""
    pipeline = exported_models["alpha"]
    assert export(pipeline, tmp_path / "fixed.onnx", Onnx(ImageSize(24, 43), opset=20)) < 1e-4
    model = onnx.load(tmp_path / "fixed.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [20]
    sides = [[d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input]
    assert sides == [["batch", 3, 24, 43], ["batch", 1, 24, 43]]
    image, mask = random_inputs(3, 24, 43)
    expected = pipeline(torch.from_numpy(image), torch.from_numpy(mask)).numpy()
    assert np.abs(run(tmp_path / "fixed.onnx", image, mask) - expected).max() < 1e-4


def test_a_program_of_a_fixed_size(exported_models, tmp_path):
    pipeline = exported_models["pixels"]
    assert export(pipeline, tmp_path / "fixed.pt2", Pt2(ImageSize(24, 43))) < 1e-4
    program = torch.export.load(tmp_path / "fixed.pt2").module()
    image, mask = map(torch.from_numpy, random_inputs(3, 24, 43))
    torch.testing.assert_close(program(image, mask), pipeline(image, mask), atol=1e-5, rtol=0)
    with pytest.raises(Exception, match="24|size"):
        program(*map(torch.from_numpy, random_inputs(3, 32, 43)))


def test_no_file_names_this_machine(pixels_onnx, exported_models, tmp_path):
    path, _ = pixels_onnx
    export(exported_models["pixels"], tmp_path / "x.pt2", Pt2(ImageSize(16, 16)))
    for content in (path.read_bytes(), (tmp_path / "x.pt2").read_bytes()):
        assert b"site-packages" not in content and capture.__file__.encode() not in content
    [entry] = onnx.load(path).metadata_props
    assert json.loads(entry.value)["stride"] == 1 and json.loads(entry.value)["size"] is None


def test_formats_have_their_own_endings():
    assert len({kind.suffix for kind in FORMATS.values()}) == len(FORMATS)
    assert all(kind.suffix == f".{name}" for name, kind in FORMATS.items())


def test_opsets():
    with pytest.raises(InputError, match="18 to 23"):
        Onnx(opset=OPSETS[0] - 1)

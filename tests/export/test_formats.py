"""Exported files, run by others: the pipeline's pictures, and nothing is written that computes something else."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.export import FORMATS, OPSETS, Onnx, Pt2, Size, capture, export, largest_difference, transforms

SHAPES = [(1, 64, 40), (2, 37, 90), (3, 5, 17)]


def pictures(batch, height, width, seed=0):
    """Random pictures, and holes of rectangles that differ from row to row."""
    rng = np.random.default_rng(seed)
    image = rng.random((batch, 3, height, width), dtype=np.float32)
    mask = np.zeros((batch, 1, height, width), np.float32)
    for row in range(batch):
        mask[row, :, height // 4 : height // 2 + row, : width // 2 - row] = 1
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
        image, mask = pictures(*shape)
        expected = exported_models["pixels"](torch.from_numpy(image), torch.from_numpy(mask)).numpy()
        answer = run(path, image, mask)
        assert np.abs(answer - expected).max() < 1e-4
        assert np.array_equal(np.where(mask > 0.5, 0, answer), np.where(mask > 0.5, 0, image))
        alone = np.concatenate([run(path, image[k : k + 1], mask[k : k + 1]) for k in range(len(image))])
        assert np.abs(alone - answer).max() < 1e-5


def test_a_fixed_size(exported_models, tmp_path):
    """Of LaMa's architecture, as converted checkpoints have it."""
    pipeline = exported_models["alpha"]
    assert export(pipeline, tmp_path / "fixed.onnx", Onnx(Size(24, 43), opset=20)) < 1e-4
    model = onnx.load(tmp_path / "fixed.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [20]
    sides = [[d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim] for i in model.graph.input]
    assert sides == [["batch", 3, 24, 43], ["batch", 1, 24, 43]]
    image, mask = pictures(3, 24, 43)
    expected = pipeline(torch.from_numpy(image), torch.from_numpy(mask)).numpy()
    assert np.abs(run(tmp_path / "fixed.onnx", image, mask) - expected).max() < 1e-4


def test_a_program_of_a_fixed_size(exported_models, tmp_path):
    pipeline = exported_models["pixels"]
    assert export(pipeline, tmp_path / "fixed.pt2", Pt2(Size(24, 43))) < 1e-4
    program = torch.export.load(tmp_path / "fixed.pt2").module()
    image, mask = map(torch.from_numpy, pictures(3, 24, 43))
    torch.testing.assert_close(program(image, mask), pipeline(image, mask), atol=1e-5, rtol=0)
    with pytest.raises(Exception, match="24|size"):
        program(*map(torch.from_numpy, pictures(3, 32, 43)))


def test_no_file_names_this_machine(pixels_onnx, exported_models, tmp_path):
    path, _ = pixels_onnx
    export(exported_models["pixels"], tmp_path / "x.pt2", Pt2(Size(16, 16)))
    for content in (path.read_bytes(), (tmp_path / "x.pt2").read_bytes()):
        assert b"site-packages" not in content and capture.__file__.encode() not in content
    [entry] = onnx.load(path).metadata_props
    assert json.loads(entry.value)["stride"] == 1 and json.loads(entry.value)["size"] is None


def test_what_computes_something_else_is_not_written(exported_models, tmp_path, monkeypatch):
    """A transform that counts every frequency twice: an error of a few hundredths."""
    monkeypatch.setattr(transforms, "_counts", lambda width, kept, like: 2 * torch.ones(kept))
    path = tmp_path / "wrong.onnx"
    path.write_bytes(b"kept")
    with pytest.raises(InputError, match="differ by"):
        export(exported_models["pixels"], path, Onnx(Size(12, 16)))
    assert path.read_bytes() == b"kept" and list(tmp_path.iterdir()) == [path]


def test_every_kind_of_difference_is_one(exported_models):
    pipeline = exported_models["none"]

    def spoilt(image, mask, value, known):
        answer = pipeline(image, mask)
        row, column = (0, 0) if known else (mask.shape[2] // 3, mask.shape[3] // 3)
        assert (mask[0, 0, row, column] < 0.5) == known
        answer[0, 0, row, column] += value
        return answer

    assert largest_difference(pipeline, pipeline) == 0
    assert largest_difference(pipeline, lambda i, m: spoilt(i, m, 0.01, False)) == pytest.approx(0.01, rel=1e-3)
    assert largest_difference(pipeline, lambda i, m: spoilt(i, m, 1e-6, True)) == float("inf")
    assert not largest_difference(pipeline, lambda i, m: spoilt(i, m, float("nan"), False)) <= 1
    assert largest_difference(pipeline, lambda i, m: pipeline(i, m)[..., :-1]) == float("inf")


def test_sizes():
    assert Size.parse("512") == Size(512, 512) and Size.parse("384x512") == Size(384, 512)
    for text in ("", "x", "a", "12x", "-3", "1x2x3", "1.5"):
        with pytest.raises(InputError, match="384x512"):
            Size.parse(text)
    with pytest.raises(InputError, match="2 x 2"):
        Size.parse("1x9")
    with pytest.raises(InputError, match="18 to 23"):
        Onnx(opset=OPSETS[0] - 1)


def test_formats_have_their_own_endings():
    assert len({kind.suffix for kind in FORMATS.values()}) == len(FORMATS)
    assert all(kind.suffix == f".{name}" for name, kind in FORMATS.items())

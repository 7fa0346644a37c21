"""Nothing is written that computes something else."""

import pytest
import torch

from latentinpaint.errors import InputError
from latentinpaint.export import ImageSize, Onnx, export, largest_difference, transforms


def test_what_computes_something_else_is_not_written(exported_models, tmp_path, monkeypatch):
    """A transform that counts every frequency twice: an error of a few hundredths."""
    monkeypatch.setattr(transforms, "_conjugate_weights", lambda width, count, like: 2 * torch.ones(count))
    path = tmp_path / "wrong.onnx"
    path.write_bytes(b"kept")
    with pytest.raises(InputError, match="differs by"):
        export(exported_models["pixels"], path, Onnx(ImageSize(12, 16)))
    assert path.read_bytes() == b"kept" and list(tmp_path.iterdir()) == [path]


def test_every_difference_is_found(exported_models):
    pipeline = exported_models["none"]

    def spoilt(image, mask, value, known):
        output = pipeline(image, mask)
        row, column = (0, 0) if known else (mask.shape[2] // 3, mask.shape[3] // 3)
        assert (mask[0, 0, row, column] < 0.5) == known
        output[0, 0, row, column] += value
        return output

    assert largest_difference(pipeline, pipeline) == 0
    assert largest_difference(pipeline, lambda i, m: spoilt(i, m, 0.01, False)) == pytest.approx(0.01, rel=1e-3)
    assert largest_difference(pipeline, lambda i, m: spoilt(i, m, 1e-6, True)) == float("inf")
    assert not largest_difference(pipeline, lambda i, m: spoilt(i, m, float("nan"), False)) <= 1
    assert largest_difference(pipeline, lambda i, m: pipeline(i, m)[..., :-1]) == float("inf")

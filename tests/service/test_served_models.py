"""The models that the service offers, and their names."""

import numpy as np
import pytest

from latentinpaint.errors import InputError
from latentinpaint.service.served_models import load_models, short_names, warm


@pytest.mark.parametrize(
    "paths, names",
    [
        (["runs/latent_ffc", "runs/latent_flow/model.safetensors"], ["latent_ffc", "latent_flow"]),
        (["a/big.safetensors", "default"], ["big", "default"]),
        (["a/run", "b/run"], ["a/run", "b/run"]),
        (["/x/a/run", "/y/a/run", "/y/b"], ["x/a/run", "y/a/run", "y/b"]),
        (["model.safetensors"], ["model"]),
    ],
)
def test_short_names_tell_models_apart(paths, names):
    assert short_names(paths) == names


def test_models_are_loaded_by_name(model_files):
    models = load_models([f"{model_files['flow']}, {model_files['ffc'].parent}", str(model_files["flow"])], "cpu")
    assert list(models) == ["flow", "ffc"]
    assert [model.pipeline.refiner.stochastic for model in models.values()] == [True, False]
    with pytest.raises(InputError, match="no model is named"):
        load_models([" , "])
    with pytest.raises(InputError, match="no model file"):
        load_models(["nowhere/at/all"])


def test_every_model_has_filled_once_before_the_first_request():
    """A small hole, as visitors will have it filled."""
    asked = []
    warm({name: lambda picture, hole, name=name: asked.append((name, picture, hole)) for name in ("a", "b")})
    assert [name for name, _, _ in asked] == ["a", "b"]
    for _, picture, hole in asked:
        assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8 and hole.shape == (64, 64)
        assert 0 < hole.mean() < 0.1

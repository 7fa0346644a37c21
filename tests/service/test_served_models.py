"""The models that the service offers, and their names."""

import pytest

from latentinpaint.errors import InputError
from latentinpaint.service.served_models import load_models, short_names


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
        load_models(["nowhere/model"])

"""Options of a request: all of them reach the fill, those that a model lacks are left out."""

import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from latentinpaint.errors import InputError
from latentinpaint.inference.options import FillOptions
from latentinpaint.service.fill_fields import FillFields, fill_form, is_refinable
from latentinpaint.service.settings import ServiceLimits

ALL = {"samples": 2, "steps": 3, "seed": 4, "refine": True, "texture": True, "dilate": 5, "feather": 4}


def test_options(models):
    fields = FillFields(model="flow", **ALL)
    assert fields.choose_model(models) is models["flow"]
    options = fields.options(models["flow"], ServiceLimits())
    assert options == FillOptions(2, 4, 3, is_refinable(models["flow"]), "auto", 5, 4, True, ignore_problems=True)
    lesser = FillFields(**ALL).options(models["ffc"], ServiceLimits())
    assert (lesser.num_samples, lesser.steps) == (1, None)
    assert FillFields().choose_model(models) is models["ffc"]


def test_limits(models):
    for name, most in (("samples", 8), ("steps", 50)):
        with pytest.raises(InputError, match=f"{name} is at most {most} here, not {most + 1}"):
            FillFields(**{name: most + 1}).options(models["flow"], ServiceLimits())
        FillFields(**{name: most}).options(models["flow"], ServiceLimits())
    for name, value in (("seed", 2**31), ("dilate", 1001), ("feather", -1), ("samples", 0), ("steps", 0)):
        with pytest.raises(ValidationError):
            FillFields(**{name: value})


def test_a_form_has_the_fields_of_the_json():
    application = FastAPI()
    application.post("/")(fill_form)
    form = application.openapi()["components"]["schemas"]
    (body,) = [schema for name, schema in form.items() if name.startswith("Body_")]
    assert set(body["properties"]) == set(FillFields.model_fields)
    for name, field in FillFields.model_fields.items():
        assert body["properties"][name].get("default") == field.default or field.default is None

"""Options of a request: all of them reach the fill, those that a model lacks are left out; boxes."""

from dataclasses import asdict, astuple

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from latentinpaint.errors import InputError
from latentinpaint.inference.crops import Box
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.refused import Refused
from latentinpaint.service.request_fields import (
    ExpandFields,
    ExpandForm,
    FileFields,
    FileForm,
    FillFields,
    FillForm,
    parsed_box,
)
from latentinpaint.service.served_models import is_refinable
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


def test_a_model_that_draws_samples_in_one_pass_takes_no_steps(build_pipeline):
    options = FillFields(**ALL).options(Inpainter(build_pipeline("noise"), "cpu"), ServiceLimits())
    assert (options.num_samples, options.steps) == (2, None)


def test_limits(models):
    for name, most in (("samples", 8), ("steps", 50)):
        with pytest.raises(InputError, match=f"{name} is at most {most} here, not {most + 1}"):
            FillFields(**{name: most + 1}).options(models["flow"], ServiceLimits())
        FillFields(**{name: most}).options(models["flow"], ServiceLimits())


def test_a_form_has_them_all_with_their_bounds():
    application = FastAPI()

    @application.post("/")
    def answer(fields: FillForm):
        return asdict(fields)

    client = TestClient(application)
    assert client.post("/").json() == asdict(FillFields())
    assert client.post("/", data={"model": "x", "uncertainty": "1", **ALL}).json() == asdict(
        FillFields(model="x", uncertainty=True, **ALL)
    )
    bounds = [("seed", 2**31), ("seed", -1), ("dilate", 1001), ("feather", -1), ("samples", 0), ("steps", 0)]
    for name, value in bounds:
        assert client.post("/", data={name: value}).status_code == 422


def test_forms_of_sides_and_of_files():
    application = FastAPI()

    @application.post("/")
    def answer(sides: ExpandForm, file: FileForm):
        return [asdict(sides), asdict(file)]

    client = TestClient(application)
    assert client.post("/").json() == [asdict(ExpandFields()), asdict(FileFields())]
    assert astuple(ExpandFields()) == (0, 0, 0, 0)
    sides = {"left": 1, "top": 2, "right": 3, "bottom": 4}
    file = {"format": "png", "quality": 5}
    assert client.post("/", data=sides | file).json() == [sides, file]
    for name, value in (("left", -1), ("bottom", -1), ("quality", 0), ("quality", 101)):
        assert client.post("/", data={name: value}).status_code == 422


def test_boxes():
    assert parsed_box("1,20,3,40", "box") == Box(top=20, left=1, bottom=40, right=3)
    for text in ("3,20,3,40", "1,40,3,40", "4,20,3,40"):
        with pytest.raises(Refused, match="^mask_box is left,top,right,bottom in pixels"):
            parsed_box(text, "mask_box")

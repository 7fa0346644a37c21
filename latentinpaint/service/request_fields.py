"""What a request names: files, boxes, and the options of fills, expansions and files as fields of a form."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, File, Form, Query, UploadFile

from latentinpaint.errors import InputError, choose
from latentinpaint.inference.crops import Box
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.outgoing import SAME
from latentinpaint.service.refused import Refused
from latentinpaint.service.served_models import is_refinable
from latentinpaint.service.settings import ServiceLimits

BOX_PATTERN = r"^\d{1,6}(,\d{1,6}){3}$"  # what `parsed_box` reads
MAX_SEED = 2**31 - 1
MAX_RADIUS = 1000

_MODEL = "the model's name, see /v1/models; by default the first"

ImageFile = Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF, BMP or GIF")]
ModelForm = Annotated[str | None, Form(description=_MODEL)]
ModelQuery = Annotated[str | None, Query(description=_MODEL)]
_Side = Annotated[int, Form(ge=0, description="pixels that the photo grows by on this side")]
_Samples = Annotated[int, Form(ge=1, description="how many fills; only some models give different ones")]
_Steps = Annotated[int | None, Form(ge=1, description="solver steps of a flow, by default the model's own")]
_Seed = Annotated[int, Form(ge=0, le=MAX_SEED, description="equal seeds give equal fills")]
_Refine = Annotated[bool, Form(description="refine large photos from coarse to fine; takes many times as long")]
_Texture = Annotated[bool | None, Form(description="paint with patches of the photo; by default as the model has it")]
_Dilate = Annotated[int, Form(ge=0, le=MAX_RADIUS, description="pixels that the mask is dilated by")]
_Feather = Annotated[int, Form(ge=0, le=MAX_RADIUS, description="pixels of blending inside the dilated mask")]
_Uncertainty = Annotated[bool, Form(description="also draw where the samples differ; takes 2 samples or more")]
_Format = Annotated[str, Form(description="same (the photo's own), png, jpeg, webp or tiff", examples=["png"])]
_Quality = Annotated[int | None, Form(ge=1, le=100, description="of a JPEG; by default the photo's own")]


def named_model(models: dict[str, Inpainter], name: str | None) -> Inpainter:
    """The model of a name, by default the first.

    Raises:
        InputError: if there is no such model.
    """
    if name is None:
        return next(iter(models.values()))
    return choose(models, name, "model")


@dataclass(frozen=True)
class FillFields:
    """How a hole is to be filled: the fields of a form, checked by FastAPI."""

    model: ModelForm = None
    samples: _Samples = 1
    steps: _Steps = None
    seed: _Seed = 0
    refine: _Refine = False
    texture: _Texture = None
    dilate: _Dilate = 0
    feather: _Feather = 0
    uncertainty: _Uncertainty = False

    def choose_model(self, models: dict[str, Inpainter]) -> Inpainter:
        """The model that is named, or the first.

        Raises:
            InputError: if there is no such model.
        """
        return named_model(models, self.model)

    def options(self, inpainter: Inpainter, limits: ServiceLimits) -> FillOptions:
        """The options of a fill; those that the model does not have are left out.

        Raises:
            InputError: if a value is above its limit.
        """
        for name, value, most in (
            ("samples", self.samples, limits.samples),
            ("steps", self.steps or 1, limits.steps),
        ):
            if value > most:
                raise InputError(f"{name} is at most {most} here, not {value}")
        samples = self.samples
        steps = self.steps
        if not inpainter.pipeline.refiner.stochastic:
            samples = 1
        if not inpainter.pipeline.refiner.integrates:
            steps = None
        return FillOptions(
            num_samples=samples,
            seed=self.seed,
            steps=steps,
            refine=self.refine and is_refinable(inpainter),
            dilate=self.dilate,
            feather=self.feather,
            texture=self.texture,
            ignore_problems=True,
        )


@dataclass(frozen=True)
class ExpandFields:
    """By how much a photo is to grow, in pixels: the fields of a form, checked by FastAPI."""

    left: _Side = 0
    top: _Side = 0
    right: _Side = 0
    bottom: _Side = 0


@dataclass(frozen=True)
class FileFields:
    """The file that is wanted: the fields of a form, checked by FastAPI."""

    format: _Format = SAME
    quality: _Quality = None


FillForm = Annotated[FillFields, Depends()]
ExpandForm = Annotated[ExpandFields, Depends()]
FileForm = Annotated[FileFields, Depends()]


def parsed_box(text: str, name: str) -> Box:
    """The box that "left,top,right,bottom" names; `name` is what the message calls it.

    Raises:
        Refused: if it names none.
    """
    left, top, right, bottom = map(int, text.split(","))
    if left >= right or top >= bottom:
        raise Refused(422, f"{name} is left,top,right,bottom in pixels, with right and bottom beyond the others")
    return Box(top, left, bottom, right)

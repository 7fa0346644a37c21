"""The options of a fill as a request names them: fields of a form, or of JSON."""

from typing import Annotated

from fastapi import Form
from pydantic import BaseModel, Field

from latentinpaint.errors import InputError, choose
from latentinpaint.inference.options import FillOptions
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.settings import ServiceLimits

MAX_SEED = 2**31 - 1
MAX_RADIUS = 1000

ModelName = Annotated[str | None, Field(description="the model's name, see /v1/models; by default the first")]
Samples = Annotated[int, Field(ge=1, description="how many fills; only some models give different ones")]
Steps = Annotated[int | None, Field(ge=1, description="solver steps of a flow, by default the model's own")]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED, description="equal seeds give equal fills")]
Refine = Annotated[bool, Field(description="refine large pictures from coarse to fine; takes many times as long")]
Texture = Annotated[bool | None, Field(description="paint with patches of the photo; by default as the model has it")]
Dilate = Annotated[int, Field(ge=0, le=MAX_RADIUS, description="pixels that the mask is dilated by")]
Feather = Annotated[int, Field(ge=0, le=MAX_RADIUS, description="pixels of blending inside the dilated mask")]
Uncertainty = Annotated[bool, Field(description="also draw where the samples differ; takes 2 samples or more")]


class FillFields(BaseModel):
    """How a hole is to be filled."""

    model: ModelName = None
    samples: Samples = 1
    steps: Steps = None
    seed: Seed = 0
    refine: Refine = False
    texture: Texture = None
    dilate: Dilate = 0
    feather: Feather = 0
    uncertainty: Uncertainty = False

    def choose_model(self, models: dict[str, Inpainter]) -> Inpainter:
        """The model that is named, or the first.

        Raises:
            InputError: if there is no such model.
        """
        if self.model is None:
            return next(iter(models.values()))
        return choose(models, self.model, "model")

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


def is_refinable(inpainter: Inpainter) -> bool:
    """Whether a model's fills can be refined from coarse to fine: its autoencoder has features to optimise."""
    return bool(inpainter.pipeline.autoencoder.stage_channels)


def fill_form(
    model: Annotated[ModelName, Form()] = None,
    samples: Annotated[Samples, Form()] = 1,
    steps: Annotated[Steps, Form()] = None,
    seed: Annotated[Seed, Form()] = 0,
    refine: Annotated[Refine, Form()] = False,
    texture: Annotated[Texture, Form()] = None,
    dilate: Annotated[Dilate, Form()] = 0,
    feather: Annotated[Feather, Form()] = 0,
    uncertainty: Annotated[Uncertainty, Form()] = False,
) -> FillFields:
    """The fields of a form."""
    return FillFields(
        model=model,
        samples=samples,
        steps=steps,
        seed=seed,
        refine=refine,
        texture=texture,
        dilate=dilate,
        feather=feather,
        uncertainty=uncertainty,
    )

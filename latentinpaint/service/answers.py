"""What the routes answer in JSON, as types, so that /openapi.json says it.

Addresses in answers are relative to that of the service, so that a proxy may offer it below any path.
"""

from typing import Any

from pydantic import BaseModel, Field

from latentinpaint.inference.crops import Box
from latentinpaint.inpainter import Inpainter
from latentinpaint.service.job import Job
from latentinpaint.service.photo_store import StoredPhoto
from latentinpaint.service.served_models import is_refinable


class ErrorAnswer(BaseModel):
    """What went wrong."""

    error: str = Field(description="one plain sentence", examples=["nothing is painted yet"])


def file_response(description: str, *media_types: str) -> dict[int | str, dict[str, Any]]:
    """How /openapi.json describes a file that is answered."""
    return {200: {"description": description, "content": dict.fromkeys(media_types, {})}}


def _described(status: int, description: str) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorAnswer, "description": description}}


# By what a route takes: the errors that it may answer.
GENERAL_ERRORS = _described(400, "a request that is none") | _described(422, "a value that cannot be used")
PHOTO_ERRORS = (
    GENERAL_ERRORS
    | _described(413, "too many bytes or pixels")
    | _described(415, "no picture that can be read")
    | _described(503, "too busy, too little memory, or too long")
)
JOB_ERRORS = PHOTO_ERRORS | _described(429, "too many jobs of this visitor")
NOT_FOUND = _described(404, "no such photo, job or example of this visitor")


class PhotoAnswer(BaseModel):
    """A photo on the server."""

    id: str
    width: int = Field(description="pixels, upright")
    height: int
    format: str = Field(description="of its file", examples=["JPEG"])
    name: str = Field(description="of its file", examples=["beach.jpg"])
    bits: int = Field(description="of a sample", examples=[8])
    example: bool = Field(description="whether it is one of the examples")
    mask_url: str | None = Field(default=None, description="of an example: a mask that goes with it")


class ExampleAnswer(BaseModel):
    """A photo that can be tried."""

    name: str
    title: str
    thumbnail: str = Field(description="address of a small picture")


class ResultAnswer(BaseModel):
    """A photo that came of a job."""

    photo: str = Field(description="its id")


class BegunAnswer(BaseModel):
    """A job that waits."""

    id: str


class JobAnswer(BaseModel):
    """Where a job stands."""

    id: str
    state: str = Field(description="queued, running, done, failed or cancelled")
    progress: float = Field(description="share that is done, 0 to 1")
    seconds_left: float | None = Field(description="null where that cannot be told")
    place: int = Field(description="in the queue, from 1; 0 when it does not wait")
    error: str | None = None
    results: list[ResultAnswer]
    box: list[int] | None = Field(default=None, description="left, top, right, bottom of what is filled")
    preview_url: str | None = Field(
        default=None, description="a coarse fill of the box, a PNG with the hole alone opaque"
    )
    uncertainty_url: str | None = Field(default=None, description="a PNG of the box: where the samples differ")


class ModelAnswer(BaseModel):
    """A model."""

    name: str
    several_answers: bool = Field(description="whether samples differ")
    texture: bool = Field(description="whether fills are painted with patches of the photo by default")
    steps: int | None = Field(description="its own number of solver steps; null if it has none")
    refine: bool = Field(description="whether large photos can be refined from coarse to fine")
    parameters: int = Field(description="number of its weights")
    device: str


class FindingAnswer(BaseModel):
    """What the doctor found."""

    severity: str = Field(description="problem, warning or note")
    kind: str
    about: str
    seen: str
    advice: str
    figure: float | None


class DoctorAnswer(BaseModel):
    """All that the doctor found."""

    findings: list[FindingAnswer]


class HealthAnswer(BaseModel):
    """That the service runs."""

    status: str
    version: str
    models: list[str]
    waiting: int = Field(description="jobs that wait")
    running: int = Field(description="jobs that run")


def photo_answer(photo: StoredPhoto, mask_url: str | None = None) -> PhotoAnswer:
    """A photo for its owner."""
    return PhotoAnswer(
        id=photo.id,
        width=photo.width,
        height=photo.height,
        format=photo.file_format.name,
        name=photo.name,
        bits=photo.bits,
        example=photo.is_example,
        mask_url=mask_url,
    )


def job_answer(job: Job, place: int) -> JobAnswer:
    """A job for its owner."""
    answer = JobAnswer(
        id=job.id,
        state=job.state.value,
        progress=round(job.progress, 4),
        seconds_left=job.seconds_left,
        place=place,
        results=[ResultAnswer(photo=photo) for photo in job.results],
    )
    if job.failure is not None:
        answer.error = str(job.failure)
    if job.box is not None:
        answer.box = box_list(job.box)
    if job.preview is not None:
        answer.preview_url = f"v1/jobs/{job.id}/preview"
    if job.uncertainty is not None:
        answer.uncertainty_url = f"v1/jobs/{job.id}/uncertainty"
    return answer


def model_answer(name: str, inpainter: Inpainter) -> ModelAnswer:
    """A model for everybody."""
    pipeline = inpainter.pipeline
    return ModelAnswer(
        name=name,
        several_answers=pipeline.refiner.stochastic,
        texture=inpainter.texture is not None,
        steps=getattr(pipeline.refiner, "steps", None),
        refine=is_refinable(inpainter),
        parameters=sum(weight.numel() for weight in pipeline.parameters()),
        device=str(inpainter.device),
    )


def box_list(box: Box) -> list[int]:
    """Left, top, right, bottom."""
    return [box.left, box.top, box.right, box.bottom]

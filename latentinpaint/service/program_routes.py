"""Routes for programs: one request, one answer."""

import asyncio
from collections.abc import Callable
from dataclasses import astuple
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from latentinpaint import __version__
from latentinpaint.doctor import ArgumentNames, Finding, examine
from latentinpaint.doctor.refusal import check_pair
from latentinpaint.images.picture import Picture
from latentinpaint.service.answers import (
    GENERAL_ERRORS,
    JOB_ERRORS,
    PHOTO_ERRORS,
    DoctorAnswer,
    FindingAnswer,
    HealthAnswer,
    ModelAnswer,
    file_response,
    model_answer,
)
from latentinpaint.service.filling import FillWork, expanded
from latentinpaint.service.incoming import IncomingPhoto, check_hole, full_hole, sent_mask, sent_photo
from latentinpaint.service.job import Answer, Job
from latentinpaint.service.outgoing import answer_response, file_answer, zip_answer
from latentinpaint.service.photo_drawings import latent_drawing, uncertainty_drawing
from latentinpaint.service.request_fields import (
    ExpandForm,
    FileFields,
    FileForm,
    FillFields,
    FillForm,
    ImageFile,
    ModelForm,
    named_model,
)
from latentinpaint.service.service import Service, service_of
from latentinpaint.service.sessions import Owner

router = APIRouter(tags=["for programs"])
_NAMES = ArgumentNames(invert_mask="invert", ignore_problems="")
_SECONDS_BETWEEN_LOOKS = 0.02
_DRAWING = file_response("a drawing", "image/png")
_PICTURE = file_response("the filled photo, or a zip", "image/png", "image/jpeg", "application/zip")

MaskFile = Annotated[UploadFile, File(description="of the photo's size; white is filled")]
OptionalMask = Annotated[UploadFile | None, File(description="as for a fill")]
Invert = Annotated[bool, Form(description="black is filled, not white")]


@router.post("/v1/fill", responses=_PICTURE | JOB_ERRORS, response_class=Response)
async def fill(
    request: Request,
    owner: Owner,
    image: ImageFile,
    mask: MaskFile,
    fields: FillForm,
    file_fields: FileForm,
    invert: Invert = False,
) -> Response:
    """Fill the hole of a photo: the filled photo, or a zip of several samples and where they differ."""
    service = service_of(request)

    def read() -> tuple[IncomingPhoto, np.ndarray]:
        photo = sent_photo(image, service.limits)
        mask_picture = sent_mask(mask, service.limits)
        hole = full_hole(mask_picture, photo.picture, invert)
        check_pair(photo.picture, mask_picture, invert, _NAMES)
        return photo, hole

    work = _work(service, fields, file_fields, read)
    return await _answer_of(request, service, service.jobs.submit("fill", owner, work))


@router.post("/v1/expand", responses=_PICTURE | JOB_ERRORS, response_class=Response)
async def expand(
    request: Request,
    owner: Owner,
    image: ImageFile,
    fields: FillForm,
    sides: ExpandForm,
    file_fields: FileForm,
) -> Response:
    """Let a photo grow, and fill what is new; at most by its own width and height."""
    service = service_of(request)

    def read() -> tuple[IncomingPhoto, np.ndarray]:
        photo = sent_photo(image, service.limits)
        nothing = np.zeros((photo.picture.height, photo.picture.width), bool)
        picture, hole, _ = expanded(photo.picture, nothing, astuple(sides), service.limits)
        return IncomingPhoto(picture, photo.file_format), hole

    work = _work(service, fields, file_fields, read)
    return await _answer_of(request, service, service.jobs.submit("expand", owner, work))


@router.post("/v1/doctor", responses=PHOTO_ERRORS)
def doctor(request: Request, image: ImageFile, mask: OptionalMask = None, invert: Invert = False) -> DoctorAnswer:
    """What is likely to go wrong with a photo and its mask; without a mask, whether the photo can be read."""
    service = service_of(request)
    findings: list[Finding] = []
    with service.slot():
        photo = sent_photo(image, service.limits).picture
        if mask is not None:
            mask_picture = sent_mask(mask, service.limits)
            findings = examine(photo, mask_picture, invert, _NAMES)
    return DoctorAnswer(findings=[FindingAnswer(**finding.as_json()) for finding in findings])


@router.post("/v1/latent-difference", responses=_DRAWING | PHOTO_ERRORS, response_class=Response)
def latent_difference(
    request: Request,
    image: ImageFile,
    mask: MaskFile,
    model: ModelForm = None,
    invert: Invert = False,
) -> Response:
    """What a model's latent loses around a hole of an undamaged photo, drawn."""
    service = service_of(request)
    inpainter = named_model(service.models, model)
    with service.slot():
        photo = sent_photo(image, service.limits).picture
        hole = full_hole(sent_mask(mask, service.limits), photo, invert)
        check_hole(hole)
        content = latent_drawing(inpainter, photo, hole)
    return Response(content, media_type="image/png")


@router.get("/v1/models", responses=GENERAL_ERRORS)
async def models(request: Request) -> list[ModelAnswer]:
    """The models; the first is the default."""
    return [model_answer(*entry) for entry in service_of(request).models.items()]


@router.get("/health")
async def health(request: Request) -> HealthAnswer:
    """That the service runs."""
    service = service_of(request)
    return HealthAnswer(
        status="ok",
        version=__version__,
        models=list(service.models),
        waiting=service.jobs.num_waiting,
        running=service.jobs.num_running,
    )


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Counters in Prometheus' text format."""
    return Response(service_of(request).monitor.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _work(
    service: Service,
    fields: FillFields,
    file_fields: FileFields,
    read: Callable[[], tuple[IncomingPhoto, np.ndarray]],
) -> Callable[[Job], None]:
    """What a job does whose answer is a file."""
    inpainter = fields.choose_model(service.models)
    filling = FillWork(inpainter, fields.options(inpainter, service.limits))

    def work(job: Job) -> None:
        photo, hole = read()
        samples, changed = filling.run(job, photo.picture, hole)
        drawing = None
        if fields.uncertainty and len(samples) > 1:
            drawing = uncertainty_drawing(samples, changed)
        job.answer = _file_of(samples, photo, file_fields, drawing)

    return work


def _file_of(samples: list[Picture], photo: IncomingPhoto, fields: FileFields, uncertainty: bytes | None) -> Answer:
    """One sample as it is, several as a zip."""
    if len(samples) == 1:
        return file_answer(samples[0], photo.file_format, fields.format, fields.quality, "_filled")
    answers = []
    for number, sample in enumerate(samples, start=1):
        answers.append(file_answer(sample, photo.file_format, fields.format, fields.quality, f"_filled_{number}"))
    if uncertainty is not None:
        answers.append(Answer(uncertainty, "image/png", "uncertainty.png"))
    return zip_answer(answers, "filled.zip")


async def _answer_of(request: Request, service: Service, job: Job) -> Response:
    """What came of a job; it is cancelled if nobody waits for it any more."""
    try:
        while not job.is_over and not await request.is_disconnected():
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        service.jobs.cancel(job)
        service.jobs.forget(job)
    if job.failure is not None:
        raise job.failure
    if job.answer is None:
        return Response(status_code=499)  # nobody reads it
    return answer_response(job.answer)

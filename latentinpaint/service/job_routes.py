"""Routes for jobs on photos that stay on the server: begin, follow, cancel."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Annotated

import numpy as np
from fastapi import APIRouter, File, Form, Path, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.service.answers import (
    JOB_ERRORS,
    NOT_FOUND,
    BegunAnswer,
    JobAnswer,
    file_response,
    job_answer,
)
from latentinpaint.service.event_stream import job_events
from latentinpaint.service.filling import FillWork, expanded
from latentinpaint.service.incoming import painted_hole, sent_mask
from latentinpaint.service.job import Job
from latentinpaint.service.photo_drawings import uncertainty_overlay
from latentinpaint.service.photo_store import StoredPhoto
from latentinpaint.service.refused import Refused
from latentinpaint.service.request_fields import (
    BOX_PATTERN,
    ExpandForm,
    FillFields,
    FillForm,
    parsed_box,
)
from latentinpaint.service.service import Service, service_of
from latentinpaint.service.sessions import Session

router = APIRouter(tags=["jobs"])
_ERRORS = JOB_ERRORS | NOT_FOUND
_PNG = file_response("a picture", "image/png")
_EVENTS = file_response("events until the job is over", "text/event-stream")

JobId = Annotated[str, Path(description="of a job of this visitor", max_length=64)]
PhotoField = Annotated[str, Form(description="id of the photo", max_length=64)]
MaskFile = Annotated[
    UploadFile, File(description="white is filled; of the photo's size or smaller, then it is scaled")
]
MaskBox = Annotated[
    str | None,
    Form(
        description="left,top,right,bottom: the part of the photo that the mask covers; by default all",
        pattern=BOX_PATTERN,
    ),
]


@router.post("/v1/jobs/fill", status_code=202, responses=_ERRORS)
def begin_fill(
    request: Request,
    session: Session,
    photo: PhotoField,
    mask: MaskFile,
    fields: FillForm,
    mask_box: MaskBox = None,
) -> BegunAnswer:
    """Begin to fill a hole of a photo; a new photo comes of it, and several of several samples."""
    service = service_of(request)
    stored = service.store.get(session, photo)
    with service.slot():
        painted = sent_mask(mask, service.limits)
        hole = painted_hole(painted, _covered(mask_box, stored), (stored.height, stored.width))
    packed = np.packbits(hole)  # it may wait for long

    def read() -> tuple[Picture, np.ndarray, np.ndarray]:
        hole = np.unpackbits(packed, count=stored.height * stored.width).astype(bool)
        return service.store.picture(stored), hole.reshape(stored.height, stored.width), service.store.filled(stored)

    return _begin(service, "fill", stored, fields, read)


@router.post("/v1/jobs/expand", status_code=202, responses=_ERRORS)
def begin_expand(
    request: Request,
    session: Session,
    photo: PhotoField,
    fields: FillForm,
    sides: ExpandForm,
) -> BegunAnswer:
    """Begin to let a photo grow; a new photo comes of it."""
    service = service_of(request)
    stored = service.store.get(session, photo)

    def read() -> tuple[Picture, np.ndarray, np.ndarray]:
        filled = service.store.filled(stored)
        nothing = np.zeros_like(filled)
        picture, hole, pad = expanded(service.store.picture(stored), nothing, astuple(sides), service.limits)
        return picture, hole, pad(filled)

    return _begin(service, "expand", stored, fields, read)


@router.get("/v1/jobs/{job_id}", responses=_ERRORS)
def follow(request: Request, session: Session, job_id: JobId) -> JobAnswer:
    """Where a job stands."""
    jobs = service_of(request).jobs
    job = jobs.get(session, job_id)
    return job_answer(job, jobs.place(job))


@router.get("/v1/jobs/{job_id}/events", responses=_EVENTS | _ERRORS, response_class=Response)
async def events(request: Request, session: Session, job_id: JobId) -> Response:
    """A job as server-sent events: queued, progress, preview, and at its end done, failed or cancelled."""
    jobs = service_of(request).jobs
    stream = job_events(jobs, jobs.get(session, job_id))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nginx would hold events back
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


@router.get("/v1/jobs/{job_id}/preview", responses=_PNG | _ERRORS, response_class=Response)
def job_preview(request: Request, session: Session, job_id: JobId) -> Response:
    """A coarse fill of the job's box; what is outside the hole is transparent."""
    return _png(service_of(request).jobs.get(session, job_id).preview)


@router.get("/v1/jobs/{job_id}/uncertainty", responses=_PNG | _ERRORS, response_class=Response)
def job_uncertainty(request: Request, session: Session, job_id: JobId) -> Response:
    """Where the samples of a job differ."""
    return _png(service_of(request).jobs.get(session, job_id).uncertainty)


@router.delete("/v1/jobs/{job_id}", responses=_ERRORS)
def cancel(request: Request, session: Session, job_id: JobId) -> JobAnswer:
    """Cancel a job; one that is over stays as it is."""
    jobs = service_of(request).jobs
    job = jobs.get(session, job_id)
    jobs.cancel(job)
    return job_answer(job, jobs.place(job))


def _begin(
    service: Service,
    kind: str,
    stored: StoredPhoto,
    fields: FillFields,
    read: Callable[[], tuple[Picture, np.ndarray, np.ndarray]],
) -> BegunAnswer:
    """Begin a job that makes new photos of a stored one.

    Args:
        service: where.
        kind: fill or expand.
        stored: the photo.
        fields: the options.
        read: gives the picture, its hole and what was filled before, each of the new photo's size.
    """
    inpainter = fields.choose_model(service.models)
    filling = FillWork(inpainter, fields.options(inpainter, service.limits), wants_preview=True)

    def work(job: Job) -> None:
        picture, hole, filled = read()
        samples, changed = filling.run(job, picture, hole)
        if fields.uncertainty and len(samples) > 1:
            job.uncertainty = uncertainty_overlay(samples, changed)
        for sample in samples:
            new = service.store.add(stored.owner, sample, stored.file_format, filled | changed)
            job.results.append(new.id)

    return BegunAnswer(id=service.jobs.submit(kind, stored.owner, work).id)


def _covered(mask_box: str | None, photo: StoredPhoto) -> Box:
    """The part of a photo that a mask covers."""
    if mask_box is None:
        return Box(0, 0, photo.height, photo.width)
    return parsed_box(mask_box, "mask_box")


def _png(content: bytes | None) -> Response:
    if content is None:
        raise Refused(404, "this job has no such picture")
    return Response(content, media_type="image/png", headers={"cache-control": "private, max-age=3600"})

"""Routes for photos that stay on the server: upload, previews, download, examples."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_format import JPEG, PNG
from latentinpaint.images.picture import Picture
from latentinpaint.inference.crops import Box
from latentinpaint.service.answers import (
    NOT_FOUND,
    PHOTO_ERRORS,
    ExampleAnswer,
    PhotoAnswer,
    file_response,
    photo_answer,
)
from latentinpaint.service.example_photos import ExamplePhoto, example_photos
from latentinpaint.service.incoming import sent_photo
from latentinpaint.service.outgoing import (
    SAME,
    answer_response,
    file_answer,
    mask_png,
    part_of,
    preview_answer,
)
from latentinpaint.service.photo_drawings import latent_drawing
from latentinpaint.service.refused import Refused
from latentinpaint.service.request_fields import BOX_PATTERN, ImageFile, ModelQuery, named_model, parsed_box
from latentinpaint.service.service import service_of
from latentinpaint.service.sessions import BegunSession, Session

router = APIRouter(tags=["photos"])
MAX_SIDE = 8192
_PICTURE = file_response("a picture", "image/png", "image/jpeg")
_ERRORS = PHOTO_ERRORS | NOT_FOUND
_KEPT = "private, max-age=86400, immutable"

PhotoId = Annotated[str, Path(description="of a photo of this visitor", max_length=64)]
ExampleName = Annotated[str, Path(max_length=64, examples=["rocket"])]
PreviewSide = Annotated[int, Query(ge=1, le=MAX_SIDE, description="longer side in pixels, at most")]
BoxText = Annotated[
    str | None,
    Query(description="left,top,right,bottom: a part of the photo", pattern=BOX_PATTERN),
]
FormatName = Annotated[str, Query(description="same (the photo's own), png, jpeg, webp or tiff")]
QualityNumber = Annotated[int | None, Query(ge=1, le=100, description="of a JPEG; by default the photo's own")]


@router.post("/v1/photos", status_code=201, responses=_ERRORS)
def send(request: Request, session: BegunSession, image: ImageFile) -> PhotoAnswer:
    """Send a photo. It is kept for this visitor alone, upright, at its own size and depth."""
    service = service_of(request)
    with service.slot():
        photo = sent_photo(image, service.limits)
        return photo_answer(service.store.add(session, photo.picture, photo.file_format))


@router.get("/v1/photos/{photo_id}", responses=_ERRORS)
def describe(request: Request, session: Session, photo_id: PhotoId) -> PhotoAnswer:
    """What a photo is."""
    return photo_answer(service_of(request).store.get(session, photo_id))


@router.get("/v1/photos/{photo_id}/preview", responses=_PICTURE | _ERRORS, response_class=Response)
def preview(
    request: Request, session: Session, photo_id: PhotoId, side: PreviewSide = 2048, box: BoxText = None
) -> Response:
    """A photo, or a part of it, as a browser can show it; never larger than it is."""
    service = service_of(request)
    photo = service.store.get(session, photo_id)
    tag = f'"{photo_id}-{side}-{box}"'
    headers = {"etag": tag, "cache-control": _KEPT}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    with service.slot():
        picture = service.store.picture(photo)
        if box is not None:
            picture = _part(picture, box)
        answer = preview_answer(picture, side)
    return Response(answer.content, media_type=answer.media_type, headers=headers)


@router.get("/v1/photos/{photo_id}/file", responses=_PICTURE | _ERRORS, response_class=Response)
def download(
    request: Request, session: Session, photo_id: PhotoId, format: FormatName = SAME, quality: QualityNumber = None
) -> Response:
    """A photo as a file with its metadata; known pixels are exact unless the format is lossy."""
    service = service_of(request)
    photo = service.store.get(session, photo_id)
    with service.slot():
        filled = service.store.filled(photo).any()
        ending = "_filled" if filled else ""
        answer = file_answer(service.store.picture(photo), photo.file_format, format, quality, ending)
    return answer_response(answer)


@router.get("/v1/photos/{photo_id}/mask", responses=_PICTURE | _ERRORS, response_class=Response)
def filled_mask(request: Request, session: Session, photo_id: PhotoId) -> Response:
    """All that was filled since the original, white."""
    service = service_of(request)
    photo = service.store.get(session, photo_id)
    with service.slot():
        content = mask_png(service.store.filled(photo))
    return Response(content, media_type="image/png", headers={"cache-control": _KEPT})


@router.get("/v1/photos/{photo_id}/latent-difference", responses=_PICTURE | _ERRORS, response_class=Response)
def filled_latent_difference(
    request: Request, session: Session, photo_id: PhotoId, model: ModelQuery = None
) -> Response:
    """What a model's latent would lose of a photo without all that was filled since the original, drawn."""
    service = service_of(request)
    inpainter = named_model(service.models, model)
    photo = service.store.get(session, photo_id)
    with service.slot():
        filled = service.store.filled(photo)
        if not filled.any():
            raise Refused(422, "nothing of this photo has been filled yet: fill a part of it first")
        content = latent_drawing(inpainter, service.store.picture(photo), filled)
    return Response(content, media_type="image/png", headers={"cache-control": _KEPT})


@router.get("/v1/examples")
def examples() -> list[ExampleAnswer]:
    """Photos to try."""
    answers = []
    for example in example_photos().values():
        thumbnail = f"v1/examples/{example.name}/thumbnail"
        answers.append(ExampleAnswer(name=example.name, title=example.title, thumbnail=thumbnail))
    return answers


@router.post("/v1/examples/{name}", status_code=201, responses=_ERRORS)
def open_example(request: Request, session: BegunSession, name: ExampleName) -> PhotoAnswer:
    """Open an example as a photo of this visitor."""
    example = _example(name)
    picture = replace(Picture.from_pil(example.photo), name=f"{name}.png")
    photo = service_of(request).store.add(session, picture, PNG, is_example=True)
    return photo_answer(photo, f"v1/examples/{name}/mask")


@router.get("/v1/examples/{name}/mask", responses=_PICTURE | NOT_FOUND, response_class=Response)
def example_mask(name: ExampleName) -> Response:
    """A mask of what to remove in an example, white."""
    return Response(encode_image(_example(name).mask, PNG), media_type="image/png")


@router.get("/v1/examples/{name}/thumbnail", responses=_PICTURE | NOT_FOUND, response_class=Response)
def example_thumbnail(name: ExampleName) -> Response:
    """An example, small."""
    return Response(encode_image(_example(name).thumbnail, JPEG, quality=88), media_type="image/jpeg")


def _example(name: str) -> ExamplePhoto:
    found = example_photos().get(name)
    if found is None:
        raise Refused(404, "there is no such example")
    return found


def _part(picture: Picture, box: str) -> Picture:
    """The part of a picture that is inside a box."""
    wanted = parsed_box(box, "box")
    inside = Box(wanted.top, wanted.left, min(wanted.bottom, picture.height), min(wanted.right, picture.width))
    if inside.top >= inside.bottom or inside.left >= inside.right:
        raise Refused(422, f"the box is outside the photo, which has {picture.width}x{picture.height} pixels")
    return part_of(picture, inside)

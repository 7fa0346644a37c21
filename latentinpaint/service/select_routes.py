"""The route that selects an object of a photo, and its shadow."""

import base64
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, FiniteFloat

from latentinpaint.inference.crops import Box
from latentinpaint.inference.object_selection import Selection, select_by_line, select_in_box
from latentinpaint.service.answers import NOT_FOUND, PHOTO_ERRORS, box_list
from latentinpaint.service.outgoing import mask_png
from latentinpaint.service.refused import Refused
from latentinpaint.service.service import service_of
from latentinpaint.service.sessions import Session

router = APIRouter(tags=["photos"])
_MOST_POINTS = 10_000
_PIXELS_A_GROWTH = 700  # of a photo's longer side, for every pixel that a selection is grown by
_LEAST_GROWTH = 2

Coordinate = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]


class SelectFields(BaseModel):
    """What is pointed at: a box around an object, or a line around it or over it."""

    photo: str = Field(description="id of the photo", max_length=64, examples=["kQ3…"])
    box: Annotated[list[Coordinate], Field(min_length=4, max_length=4)] | None = Field(
        default=None, description="left, top, right, bottom", examples=[[364, 200, 412, 330]]
    )
    scribble: Annotated[list[Point], Field(min_length=1, max_length=_MOST_POINTS)] | None = Field(
        default=None, description="the points x, y of a line; if its ends are near each other, it is an outline"
    )
    width: float = Field(default=20, ge=1, le=2000, description="of the line in pixels")
    grow: int | None = Field(default=None, ge=0, le=500, description="pixels that are added around what is found")


class MaskAnswer(BaseModel):
    """A part of a photo."""

    mask: str = Field(description="a PNG of the size of the box as a data: address, white where the part is")
    box: list[int] = Field(description="left, top, right, bottom")


class SelectAnswer(BaseModel):
    """What was found."""

    object: MaskAnswer
    shadow: MaskAnswer | None = Field(description="null where there is none")


@router.post("/v1/select", responses=PHOTO_ERRORS | NOT_FOUND)
def select(request: Request, session: Session, fields: SelectFields) -> SelectAnswer:
    """Find an object, and its shadow on the ground, by a box or a line around it."""
    service = service_of(request)
    stored = service.store.get(session, fields.photo)
    grow = fields.grow
    if grow is None:
        grow = max(_LEAST_GROWTH, round(max(stored.width, stored.height) / _PIXELS_A_GROWTH))
    with service.slot():
        found = _found(service.store.picture(stored).rgb8(), fields, grow)
        shadow = None
        if found.shadow is not None:
            shadow = _mask_answer(found.shadow)
        return SelectAnswer(object=_mask_answer(found.object), shadow=shadow)


def _found(pixels: np.ndarray, fields: SelectFields, grow: int) -> Selection:
    if fields.box is not None and fields.scribble is None:
        height, width = pixels.shape[:2]
        left, right = np.clip(np.rint(fields.box[::2]), 0, width).astype(int).tolist()
        top, bottom = np.clip(np.rint(fields.box[1::2]), 0, height).astype(int).tolist()
        return select_in_box(pixels, Box(top, left, bottom, right), grow)
    if fields.scribble is not None and fields.box is None:
        return select_by_line(pixels, np.array(fields.scribble), fields.width, grow)
    raise Refused(422, "give either box or scribble")


def _mask_answer(mask: np.ndarray) -> MaskAnswer:
    around = Box.around(mask)
    assert around is not None
    encoded = base64.b64encode(mask_png(mask[around.index])).decode("ascii")
    return MaskAnswer(mask=f"data:image/png;base64,{encoded}", box=box_list(around))

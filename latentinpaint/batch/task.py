"""One picture: read it and its mask, fill it, write the answers, and say what was lost on the way."""

import re
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latentinpaint.batch.plan import Job
from latentinpaint.doctor import FindingCode, Severity, examine
from latentinpaint.errors import InputError
from latentinpaint.images.image_files import binary_mask, read_picture, write_picture
from latentinpaint.images.picture import Picture
from latentinpaint.inference.outpainting import Margins, Side

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter


@dataclass(frozen=True)
class Wishes:
    """What is asked of every picture.

    Attributes:
        seed: the same for all, so that a picture's answer does not depend on the others.
        how: what `Inpainter.fill` is asked besides samples and seed.
        invert_mask: whether the hole is where the mask is black.
        sides: what the picture grows by; None if it does not.
        quality: of a JPEG, 1 to 100; None keeps that of the picture.
    """

    seed: int = 0
    how: dict[str, Any] = field(default_factory=dict)
    invert_mask: bool = False
    sides: tuple[Side, ...] | None = None
    quality: int | None = None


@dataclass(frozen=True)
class Remark:
    """Something to be said of a picture that was filled.

    Attributes:
        kind: "note" or "warning".
        text: the sentence, with {image}, {mask} and {target} for names, so that equal ones can be told together.
        names: what stands for these.
    """

    kind: str
    text: str
    names: tuple[tuple[str, str], ...] = ()

    @property
    def sentence(self) -> str:
        text = self.text
        for name, value in self.names:
            text = text.replace(f"{{{name}}}", value)
        return text


@dataclass(frozen=True)
class Outcome:
    """What became of a job: remarks if it is done, or else the reason why not."""

    remarks: tuple[Remark, ...] = ()
    reason: str | None = None


def fill(inpainter: "Inpainter", job: Job, wishes: Wishes) -> list[Remark]:
    """Do a job.

    Raises:
        InputError: if a file cannot be used.
    """
    picture = read_picture(job.image)
    names = (("image", str(job.image)), ("mask", str(job.mask)), ("target", str(job.targets[0])))
    mask = None if job.mask is None else read_picture(job.mask)
    painted = _painted(job, picture, mask, wishes)
    if wishes.sides is None:
        grown, hole = picture, painted
    else:
        margins = Margins.of(wishes.sides, picture.height, picture.width)
        grown, hole = picture.expanded(*astuple(margins)), margins.hole(painted)
    said = [Remark("warning", text, names) for text in _doubts(picture, mask, wishes)]
    how = wishes.how | _reporting(wishes.how, lambda text: said.append(Remark("note", f"{{image}}: {text}", names)))
    answers = inpainter.fill(grown, hole, len(job.targets), wishes.seed, **how)
    for answer, target in zip(answers, job.targets, strict=True):
        named = (*names[:2], ("target", str(target)))
        for note in write_picture(_with_quality(answer, wishes.quality), target):
            said.append(Remark("note", f"{{target}}: {note.replace(str(job.image), '{image}')}", named))
    return said


def attempt(inpainter: "Inpainter", job: Job, wishes: Wishes) -> Outcome:
    """`fill`, with whatever goes wrong as a reason: one picture must not stop the rest."""
    try:
        return Outcome(tuple(fill(inpainter, job, wishes)))
    except InputError as error:
        return Outcome(reason=str(error))
    except MemoryError:
        return Outcome(reason=_TOO_LARGE)
    except Exception as error:
        text = " ".join(str(error).split())
        if "out of memory" in text.lower() or "not enough memory" in text.lower():  # PyTorch's own words
            return Outcome(reason=_TOO_LARGE)
        return Outcome(reason=f"it could not be filled ({type(error).__name__}: {text[:200]})")


_TOO_LARGE = "there is not enough memory for it: fewer --jobs or a smaller --crop need less"


def _painted(job: Job, picture: Picture, mask: Picture | None, wishes: Wishes) -> np.ndarray:
    """The hole that the mask paints, of the size of the picture as it is."""
    if mask is None:
        return np.zeros((picture.height, picture.width), bool)
    painted = binary_mask(mask, wishes.invert_mask)
    if painted.shape != (picture.height, picture.width):
        raise InputError(
            f"the mask {job.mask} is {painted.shape[1]}x{painted.shape[0]} pixels, "
            f"the picture {job.image} {picture.width}x{picture.height}: they have to be equal"
        )
    if not painted.any() and wishes.sides is None:
        raise InputError(no_hole(job.mask))
    return painted


def no_hole(mask: Path) -> str:
    """What is said of a mask that paints nothing."""
    return f"the mask {mask} has no hole: paint it white; dark colours and transparent parts are kept"


def _doubts(picture: Picture, mask: Picture | None, wishes: Wishes) -> list[str]:
    """What is probably not meant."""
    if mask is None:
        return []
    found = [
        finding for finding in examine(picture, mask, wishes.invert_mask) if finding.severity is not Severity.NOTE
    ]
    found = [finding for finding in found if not (finding.code is FindingCode.NO_HOLE and wishes.sides is not None)]
    return [f"{{mask}}: {'; '.join(filter(None, (finding.seen, finding.advice)))}" for finding in found]


def _reporting(how: dict[str, Any], note: Callable[[str], None]) -> dict[str, Any]:
    """Where `how` refines without telling anybody, `note` is told what is not done as asked."""
    refinement = how.get("refine")
    if not refinement or refinement.report is not None:
        return {}

    def report(text: str) -> None:
        if "scaled up in the hole" in text:  # the other sentences tell how far it is
            note(text)

    return {"refine": replace(refinement, report=report)}


def _with_quality(picture: Picture, quality: int | None) -> Picture:
    if quality is None:
        return picture
    kept = {name: value for name, value in (picture.jpeg_options or {"subsampling": 0}).items() if name != "qtables"}
    return replace(picture, jpeg_options=kept | {"quality": quality})


def leftovers(job: Job, since: float) -> list[Path]:
    """Half-written files of a job that was ended in the middle, see `files.write_beside`; none older than `since`."""
    found = []
    for target in job.targets:
        pattern = re.compile(rf"\.{re.escape(target.stem)}-\w{{8}}{re.escape(target.suffix)}")
        near = target.parent.iterdir() if target.parent.is_dir() else ()
        found += [path for path in near if pattern.fullmatch(path.name) and path.stat().st_mtime >= since]
    return found

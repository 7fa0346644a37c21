"""Which pictures of a folder to fill, with which masks, and what the answers are called.

An answer lies in the same sub-folder as its picture and keeps its suffix, unless another format is asked for. It has
the picture's name; but a mask with a number (`photo_mask001.png`) gives the answer its own, so that a picture can
have several. The two files alone decide on a name, so no file that is added later changes it.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from latentinpaint.errors import InputError
from latentinpaint.images.encode import FORMATS_BY_SUFFIX, JPEG, format_of
from latentinpaint.images.image_files import list_pictures
from latentinpaint.images.pairing import Matches, find_matches

_NUMBERED = re.compile(r"_mask\d+$")


@dataclass(frozen=True)
class Job:
    """One hole to fill, and the files that the answers go to; without a mask the margin alone is filled."""

    image: Path
    mask: Path | None
    targets: tuple[Path, ...]

    @property
    def done(self) -> bool:
        """Whether all answers are there; they are renamed when they are whole, so one that is there is whole."""
        return all(target.is_file() for target in self.targets)


@dataclass(frozen=True)
class Failure:
    """A file that could not be used, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return self.reason if str(self.path) in self.reason else f"{self.path}: {self.reason}"


@dataclass
class Plan:
    """What a folder holds: jobs, files that cannot be used, and pictures that no mask names."""

    jobs: list[Job] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    bare: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Folders:
    """What is asked of a folder.

    Attributes:
        indir: pictures, with sub-folders.
        outdir: where answers go.
        maskdir: masks with the same sub-folders; None if they lie beside the pictures.
        mask: one mask for all pictures.
        bare: whether pictures without a mask are to be done too (their margin is filled).
        samples: answers for every hole.
        format: a key of `FORMATS`.
    """

    indir: Path
    outdir: Path
    maskdir: Path | None = None
    mask: Path | None = None
    bare: bool = False
    samples: int = 1
    format: str = "keep"

    def plan(self) -> Plan:
        """Everything there is to do, done or not.

        Raises:
            InputError: if a folder cannot be read, the answers would be taken for pictures or masks the next time, or
                there is nothing to do at all.
        """
        for option, folder in (("--indir", self.indir), ("--maskdir", self.maskdir)):
            if folder is not None and self.outdir.resolve().is_relative_to(folder.resolve()):
                raise InputError(
                    f"--outdir {self.outdir} lies inside {option}: results would be taken for masks or pictures the "
                    "next time"
                )
        plan = self._with_one_mask() if self.mask is not None else self._with_masks_by_name()
        if not plan.jobs:
            self._refuse(plan)
        _resolve_meetings(plan)
        return plan

    def _with_one_mask(self) -> Plan:
        there = self.mask.resolve()
        photos = [path for path in list_pictures(self.indir) if path.resolve() != there]
        return Plan([self._job(photo, self.mask) for photo in photos])

    def _with_masks_by_name(self) -> Plan:
        found = find_matches(self.indir, self.maskdir)
        plan = Plan([self._job(pair.image, pair.mask) for pair in found.pairs])
        plan.failures = self._unusable(found)
        if self.bare:
            plan.jobs += [self._job(photo, None) for photo in found.images_without_mask]
        else:
            plan.bare = found.images_without_mask
        return plan

    def _unusable(self, found: Matches) -> list[Failure]:
        failures = [Failure(unclear.mask, unclear.reason) for unclear in found.ambiguous]
        for mask in found.masks_without_image:
            folder = self.indir / mask.relative_to(self.maskdir or self.indir).parent
            names = {mask.stem, re.sub(r"_mask\d*$", "", mask.stem)}
            hint = _what_is_there(folder, names, mask)
            failures.append(Failure(mask, f"the mask {mask} matches no picture in {folder}{hint}"))
        return failures

    def _job(self, photo: Path, mask: Path | None) -> Job:
        place = self.outdir / photo.relative_to(self.indir).parent
        own_name = mask is not None and mask.stem != photo.stem and _NUMBERED.search(mask.stem) and self.mask is None
        target = place / f"{mask.stem if own_name else photo.stem}{FORMATS[self.format](photo.suffix)}"
        return Job(photo, mask, targets(target, self.samples))

    def _refuse(self, plan: Plan) -> None:
        if plan.failures:
            more = f" ({len(plan.failures)} such masks)" if len(plan.failures) > 1 else ""
            raise InputError(f"there is nothing to fill in {self.indir}: {plan.failures[0]}{more}")
        if plan.bare:
            raise InputError(
                f"{self.maskdir or self.indir} holds no mask: a mask for photo.png is photo_mask.png or "
                "photo_mask001.png; --mask takes one for all pictures"
            )
        raise InputError(f"{self.indir} holds no picture: {', '.join(FORMATS_BY_SUFFIX)} are read")


def targets(path: Path, samples: int) -> tuple[Path, ...]:
    """The files of several answers."""
    if samples == 1:
        return (path,)
    return tuple(path.with_name(f"{path.stem}_{k}{path.suffix}") for k in range(1, samples + 1))


def _as(suffix: str) -> Callable[[str], str]:
    """A format: pictures that have it keep their own spelling of the suffix."""
    return lambda own: own if format_of(f"x{own}") is format_of(f"x{suffix}") else suffix


# What becomes of a picture's suffix.
FORMATS: dict[str, Callable[[str], str]] = {
    "keep": lambda own: own,
    "exact": lambda own: ".png" if format_of(f"x{own}") is JPEG else own,
    "png": _as(".png"),
    "webp": _as(".webp"),
    "tiff": _as(".tif"),
}


def _resolve_meetings(plan: Plan) -> None:
    """Let no two answers have one name: a.jpg becomes a.jpg.png where there is an a.png too; the rest cannot be."""
    count = Counter(job.targets[0] for job in plan.jobs)
    taken: dict[Path, Job] = {}
    jobs = []
    for job in plan.jobs:
        first = job.targets[0]
        if count[first] > 1 and job.image.suffix != first.suffix:
            job = replace(job, targets=tuple(_with_own_suffix(target, job.image.suffix) for target in job.targets))
        other = taken.setdefault(job.targets[0], job)
        if other is job:
            jobs.append(job)
        else:
            reason = (
                f"{_spoken(job)} would be written to {job.targets[0]}, as {_spoken(other)} is: rename one of them"
            )
            plan.failures.append(Failure(job.image, reason))
    plan.jobs = jobs


def _with_own_suffix(target: Path, suffix: str) -> Path:
    return target.with_name(f"{target.stem}{suffix}{target.suffix}")


def _spoken(job: Job) -> str:
    return str(job.image) if job.mask is None else f"{job.image} with {job.mask.name}"


def _what_is_there(folder: Path, names: set[str], mask: Path) -> str:
    """Why a file that has the name of a mask's picture is none."""
    try:
        near = [path for path in folder.iterdir() if path.stem in names and path != mask]
    except OSError:
        return ""
    for path in near:
        if path.is_dir() and path.suffix.lower() in FORMATS_BY_SUFFIX:
            return f": {path.name} is a folder"
        if path.is_symlink() and not path.exists():
            return f": {path.name} is a link to nothing"
        if path.is_file() and path.suffix.lower() not in FORMATS_BY_SUFFIX:
            return f": {path.name} is not of a kind that can be read"
    return ""

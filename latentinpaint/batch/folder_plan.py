"""Which pictures of a folder to fill, with which masks, and the names of the output files.

An output lies in the same sub-folder as its picture and keeps its suffix, unless another format is asked for. It has
the picture's name; but a mask with a number (`photo_mask001.png`) gives the output its own, so that a picture can
have several. The two files alone decide on a name, so no file that is added later changes it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from latentinpaint.batch.output_names import FORMATS, numbered_paths
from latentinpaint.errors import InputError, check_suffix, printable
from latentinpaint.files import check_name, check_writable
from latentinpaint.images.completeness import is_complete, picture_size
from latentinpaint.images.folders import PICTURE_SUFFIXES, LeftOut, read_folder
from latentinpaint.images.image_format import FORMATS_BY_SUFFIX, READ_ONLY_SUFFIXES
from latentinpaint.images.pairing import Matches, find_matches
from latentinpaint.inference.outpainting import Padding, Side
from latentinpaint.runtime.addresses import address, is_address

_NUMBERED = re.compile(r"_mask\d+$")


@dataclass(frozen=True)
class FillTask:
    """One mask of one picture, and the files that the samples go to; without a mask only new margins are filled.

    uncertainty: file for the uncertainty of the fill, see `fill_files`.
    """

    image: Path
    mask: Path | None
    outputs: tuple[Path, ...]
    uncertainty: Path | None = None

    def has_outputs(self) -> bool:
        """Whether there are files of the names of all outputs."""
        return all(output.is_file() for output in self.outputs)

    def is_done(self, expand: Sequence[Side] | None = None) -> bool:
        """Whether all outputs are whole pictures of the right size.

        Args:
            expand: what the picture grows by, see `Padding.of`; None if it does not.
        """
        if not self.has_outputs():
            return False
        size = picture_size(self.image)
        if size is None:
            return False
        if expand is not None:
            try:
                size = Padding.of(expand, *size).padded_size(*size)
            except InputError:  # doing the task says why
                return False
        return all(is_complete(output, size) for output in self.outputs)

    def check_outputs(self) -> None:
        """Raise an `InputError` if an output cannot be written, or is one of the inputs, under whatever name."""
        outputs = self.outputs
        if self.uncertainty is not None:
            check_suffix("the file of the uncertainty", str(self.uncertainty), ".png")
            outputs = (*outputs, self.uncertainty)
        for output in outputs:
            check_writable(output)
            for source in (self.image, self.mask):
                if source is not None and output.exists() and source.exists() and output.samefile(source):
                    raise InputError(f"{output} is an input: choose another output, nothing is overwritten")

    def __str__(self) -> str:
        if self.mask is None:
            return address(self.image)
        return f"{address(self.image)} with {self.mask.name}"


@dataclass(frozen=True)
class Failure:
    """A file that could not be used, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        path = printable(address(self.path))
        if path in self.reason:
            return self.reason
        return f"{path}: {self.reason}"


@dataclass
class FolderPlan:
    """What a folder holds: tasks, files that cannot be used, and pictures without a mask."""

    tasks: list[FillTask] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    images_without_mask: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class FolderNames:
    """What messages call the caller's arguments, by the names of `FolderOptions`, `select_tasks` and so on.

    `processes` is that of `run_tasks`, `crop` that of `FillOptions`.
    """

    indir: str = "indir"
    outdir: str = "outdir"
    maskdir: str = "maskdir"
    mask: str = "mask"
    format: str = "format"
    limit: str = "limit"
    processes: str = "processes"
    crop: str = "crop"


DEFAULT_FOLDER_NAMES = FolderNames()


@dataclass(frozen=True)
class FolderOptions:
    """Which folder to fill, and where to write.

    Attributes:
        indir: pictures, with sub-folders.
        outdir: where outputs go.
        maskdir: masks with the same sub-folders; None if they lie beside the pictures.
        mask: one mask for all pictures.
        fill_without_mask: whether pictures without a mask are tasks too (their new margins are filled).
        num_samples: samples for every mask.
        format: a key of `output_names.FORMATS`.
        names: what messages call the caller's arguments.
    """

    indir: Path
    outdir: Path
    maskdir: Path | None = None
    mask: Path | None = None
    fill_without_mask: bool = False
    num_samples: int = 1
    format: str = "keep"
    names: FolderNames = DEFAULT_FOLDER_NAMES

    def plan(self) -> FolderPlan:
        """All tasks, those that are done already included.

        Raises:
            InputError: if a folder cannot be read, outputs would be taken for inputs, or there is no task at all.
        """
        for name, folder in ((self.names.indir, self.indir), (self.names.maskdir, self.maskdir)):
            if folder is not None:
                self._check_outdir(folder, name)
        plan = self._match_by_name() if self.mask is None else self._one_mask_for_all(self.mask)
        if not plan.tasks:
            raise InputError(self._why_no_task(plan))
        return _with_possible_names(_with_unique_outputs(plan))

    def check_writable(self) -> None:
        """Raise an `InputError` if nothing can be written to outdir; at an address the first output shows it."""
        if is_address(self.outdir):
            return
        check_writable(self.outdir / "picture.png", f"to {self.names.outdir} {self.outdir}")

    def _check_outdir(self, folder: Path, name: str) -> None:
        if self.outdir.resolve().is_relative_to(folder.resolve()):
            raise InputError(
                f"{self.names.outdir} {self.outdir} lies inside {name}: outputs would be taken for masks or "
                "pictures the next time"
            )

    def _one_mask_for_all(self, mask: Path) -> FolderPlan:
        contents = read_folder(self.indir)
        plan = FolderPlan(failures=self._unusable_files(contents.left_out, contents.linked_folders))
        for image in contents.pictures:
            if image.resolve() != mask.resolve():
                plan.tasks.append(self._task(image, mask, image.stem))
        return plan

    def _match_by_name(self) -> FolderPlan:
        found = find_matches(self.indir, self.maskdir)
        unusable = self._unusable_files(found.left_out, found.linked_folders)
        plan = FolderPlan(failures=[*unusable, *self._unusable_masks(found)])
        for pair in found.pairs:
            has_number = pair.mask.stem != pair.image.stem and _NUMBERED.search(pair.mask.stem)
            stem = pair.mask.stem if has_number else pair.image.stem
            plan.tasks.append(self._task(pair.image, pair.mask, stem))
        if not self.fill_without_mask:
            plan.images_without_mask = found.images_without_mask
            return plan
        for image in found.images_without_mask:
            plan.tasks.append(self._task(image, None, image.stem))
        return plan

    def _unusable_files(self, left_out: list[LeftOut], linked_folders: list[Path]) -> list[Failure]:
        """What could not be looked at; an `InputError` if outdir lies in a folder that a link leads to."""
        for linked in linked_folders:
            self._check_outdir(linked, f"{linked}, to which a link in {self.names.indir} leads")
        failures: list[Failure] = []
        for item in left_out:
            failures.append(Failure(item.path, str(item)))
        return failures

    def _unusable_masks(self, found: Matches) -> list[Failure]:
        failures: list[Failure] = []
        for ambiguous in found.ambiguous:
            failures.append(Failure(ambiguous.mask, ambiguous.reason))
        for mask in found.masks_without_image:
            folder = self.indir / mask.relative_to(self.maskdir or self.indir).parent
            names = {mask.stem, re.sub(r"_mask\d*$", "", mask.stem)}
            hint = _why_not_an_image(folder, names, mask)
            failures.append(Failure(mask, f"the mask {mask} matches no picture in {folder}{hint}"))
        return failures

    def _task(self, image: Path, mask: Path | None, stem: str) -> FillTask:
        folder = self.outdir / image.relative_to(self.indir).parent
        suffix = FORMATS[self.format](image.suffix)
        return FillTask(image, mask, numbered_paths(folder / f"{stem}{suffix}", self.num_samples))

    def _why_no_task(self, plan: FolderPlan) -> str:
        if len(plan.failures) > 1:
            return f"there is nothing to fill in {self.indir}: {plan.failures[0]} ({len(plan.failures)} such masks)"
        if plan.failures:
            return f"there is nothing to fill in {self.indir}: {plan.failures[0]}"
        if plan.images_without_mask:
            return (
                f"{self.maskdir or self.indir} holds no mask: a mask for photo.png is photo_mask.png or "
                f"photo_mask001.png; {self.names.mask} takes one for all pictures"
            )
        return f"{self.indir} holds no picture: {', '.join((*FORMATS_BY_SUFFIX, *READ_ONLY_SUFFIXES))} are read"


def _with_unique_outputs(plan: FolderPlan) -> FolderPlan:
    """No two tasks with one output: a.jpg gives a.jpg.png where there is an a.png too; what still meets fails."""
    count = Counter(task.outputs[0] for task in plan.tasks)
    unique: dict[Path, FillTask] = {}
    failures = list(plan.failures)
    for task in plan.tasks:
        if count[task.outputs[0]] > 1 and task.image.suffix != task.outputs[0].suffix:
            task = _with_image_suffix(task)
        output = task.outputs[0]
        if output in unique:
            reason = f"{task} would be written to {output}, as {unique[output]} is: rename one of them"
            failures.append(Failure(task.image, reason))
        else:
            unique[output] = task
    return FolderPlan(list(unique.values()), failures, plan.images_without_mask)


def _with_possible_names(plan: FolderPlan) -> FolderPlan:
    """What has an output whose name the file system does not take fails before it is filled."""
    possible: list[FillTask] = []
    failures = list(plan.failures)
    for task in plan.tasks:
        try:
            for output in task.outputs:
                check_name(output)
        except InputError as error:
            failures.append(Failure(task.image, str(error)))
        else:
            possible.append(task)
    return FolderPlan(possible, failures, plan.images_without_mask)


def _with_image_suffix(task: FillTask) -> FillTask:
    suffix = task.image.suffix
    outputs: list[Path] = []
    for output in task.outputs:
        outputs.append(output.with_name(f"{output.stem}{suffix}{output.suffix}"))
    return replace(task, outputs=tuple(outputs))


def _why_not_an_image(folder: Path, names: set[str], mask: Path) -> str:
    """Why a file that has the name of a mask's picture is none."""
    try:
        files = list(folder.iterdir())
    except OSError:
        return ""
    for path in files:
        if path.stem not in names or path == mask:
            continue
        is_readable = path.suffix.lower() in PICTURE_SUFFIXES
        if path.is_dir() and is_readable:
            return f": {path.name} is a folder"
        if path.is_symlink() and not path.exists():
            return f": {path.name} is a link to nothing"
        if path.is_file() and not is_readable:
            return f": {path.name} is not of a type that can be read"
    return ""

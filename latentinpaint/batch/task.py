"""One picture: read it and its mask, fill it, write the samples, and report what was lost on the way."""

import re
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields, replace
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from PIL import Image

from latentinpaint.batch.folder_plan import DEFAULT_FOLDER_NAMES, FillTask, FolderNames
from latentinpaint.batch.task_files import TaskInput, read_input, write_file
from latentinpaint.doctor import examine
from latentinpaint.doctor.findings import DEFAULT_NAMES, ArgumentNames, FindingCode, Severity
from latentinpaint.doctor.refusal import refuse_problems
from latentinpaint.errors import InputError, check_has_hole, check_same_size, printable
from latentinpaint.images.encode import encode_image
from latentinpaint.images.format_fitting import LOSSY
from latentinpaint.images.geometry import with_margins
from latentinpaint.images.image_files import binary_mask, decode_picture, encode_picture
from latentinpaint.images.image_format import PNG, format_of
from latentinpaint.images.picture import Picture
from latentinpaint.inference.fill_uncertainty import as_levels
from latentinpaint.inference.options import FillOptions
from latentinpaint.inference.outpainting import Padding, Side
from latentinpaint.runtime.addresses import address

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter

Result = TypeVar("Result")
UNCERTAIN_SAMPLES = 8  # at least, of which the spread is taken


@dataclass(frozen=True)
class TaskOptions:
    """How to fill every picture.

    Attributes:
        fill: the same for all, so that a picture's output does not depend on the others.
        invert_mask: whether the hole is where the mask is black.
        expand: what the picture grows by; None if it does not.
        quality: of a JPEG, 1 to 100; None keeps that of the picture.
        names: what warnings call the caller's arguments.
        folder_names: what reasons call those of a whole folder.
    """

    fill: FillOptions = FillOptions()
    invert_mask: bool = False
    expand: tuple[Side, ...] | None = None
    quality: int | None = None
    names: ArgumentNames = DEFAULT_NAMES
    folder_names: FolderNames = DEFAULT_FOLDER_NAMES


class MessageLevel(Enum):
    """How important a message is; the value is what a person reads."""

    NOTE = "note"
    WARNING = "warning"


class MessageCode(Enum):
    """What a message is about, where that decides how it is shown."""

    OTHER = auto()
    LOSSY_FORMAT = auto()


@dataclass(frozen=True)
class Message:
    """Something to tell about a picture that was filled.

    Attributes:
        level: note or warning.
        text: the sentence, with {image}, {mask} and {output} for names, so that equal ones can be grouped.
        names: the values of these.
        code: what it is about.
    """

    level: MessageLevel
    text: str
    names: tuple[tuple[str, str], ...] = ()
    code: MessageCode = MessageCode.OTHER

    def __str__(self) -> str:
        values = dict(self.names)
        text = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), self.text)
        return f"{self.level.value}: {printable(text)}"


@dataclass(frozen=True)
class TaskResult:
    """What became of a task: messages if it is done, or else the reason why not."""

    messages: tuple[Message, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class FilledFiles:
    """A task that is filled: its output files with their bytes, and messages."""

    files: tuple[tuple[Path, bytes], ...]
    messages: tuple[Message, ...]


def fill_files(inpainter: "Inpainter", task: FillTask, options: TaskOptions) -> list[Message]:
    """Read, fill and write the files of a task; see `fill_contents`.

    Raises:
        InputError: if a file cannot be used.
    """
    filled = fill_contents(inpainter, task, read_input(task), options)
    write_filled(filled)
    return list(filled.messages)


def fill_contents(inpainter: "Inpainter", task: FillTask, given: TaskInput, options: TaskOptions) -> FilledFiles:
    """Fill a task's picture, from the bytes of its files to those of its outputs.

    The uncertainty, see `Inpainter.uncertainty`, is a PNG of 16 bits with `fill_uncertainty.LEVELS` levels for 1. For
    a model with several fills it is that of as many samples as are written, 8 at least.

    Raises:
        InputError: if a file cannot be used.
    """
    image = address(task.image)
    picture = decode_picture(given.image, image)
    mask = None
    if given.mask is not None:
        mask = decode_picture(given.mask, address(task.mask or ""))
    hole = _hole(picture, mask, options)
    grown = picture
    if options.expand is not None:
        padding = Padding.of(options.expand, picture.height, picture.width)
        grown = with_margins(picture, *astuple(padding))
        hole = padding.pad_mask(hole)
    names = (("image", image), ("mask", address(task.mask or "")), ("output", address(task.outputs[0])))
    messages = []
    for text in _mask_warnings(picture, mask, options):
        messages.append(Message(MessageLevel.WARNING, text, names))

    def warn(text: str) -> None:
        messages.append(Message(MessageLevel.NOTE, f"{{image}}: {text}", names))

    files: list[tuple[Path, bytes]] = []
    if task.uncertainty is not None:
        files.append((task.uncertainty, _uncertainty_map(inpainter, grown, hole, options.fill)))
    samples = inpainter.fill(grown, hole, _with_warnings(options.fill, warn))
    for sample, output in zip(samples, task.outputs, strict=True):
        content, notes = _encode(sample, output, options.quality)
        files.append((output, content))
        output_names = (*names[:2], ("output", address(output)))
        for note in notes:
            code = MessageCode.LOSSY_FORMAT if note == LOSSY else MessageCode.OTHER
            text = note.replace(image, "{image}")
            messages.append(Message(MessageLevel.NOTE, f"{{output}}: {text}", output_names, code))
    return FilledFiles(tuple(files), tuple(messages))


def write_filled(filled: FilledFiles) -> None:
    """Write the outputs of a task.

    Raises:
        InputError: if one cannot be written.
    """
    for path, content in filled.files:
        write_file(path, content)


def _uncertainty_map(inpainter: "Inpainter", picture: Picture, hole: np.ndarray, options: FillOptions) -> bytes:
    """A PNG of where the fill may be off."""
    arguments = {field.name: getattr(options, field.name) for field in fields(options)}
    count = max(UNCERTAIN_SAMPLES, arguments.pop("num_samples"))
    arguments["ignore_problems"] = True  # what is one was refused before
    uncertainty = inpainter.uncertainty(picture, hole, count, **arguments)
    return encode_image(Image.fromarray(as_levels(uncertainty)), PNG)


def try_fill_files(inpainter: "Inpainter", task: FillTask, options: TaskOptions) -> TaskResult:
    """`fill_files`, with whatever goes wrong as a reason."""

    def fill() -> TaskResult:
        return TaskResult(tuple(fill_files(inpainter, task, options)))

    return result_or_reason(fill, options)


def result_or_reason(step: Callable[[], Result], options: TaskOptions) -> Result | TaskResult:
    """What a step returns, or whatever goes wrong in it as a reason: one picture must not stop the rest."""
    try:
        return step()
    except InputError as error:
        return TaskResult(reason=str(error))
    except MemoryError:
        return TaskResult(reason=_out_of_memory(options.folder_names))
    except Exception as error:
        text = " ".join(str(error).split())
        if "out of memory" in text.lower() or "not enough memory" in text.lower():  # PyTorch's own words
            return TaskResult(reason=_out_of_memory(options.folder_names))
        return TaskResult(reason=f"it could not be filled ({type(error).__name__}: {text[:200]})")


def _out_of_memory(names: FolderNames) -> str:
    return f"there is not enough memory for it: a smaller number of {names.processes} or {names.crop} needs less"


def _hole(picture: Picture, mask: Picture | None, options: TaskOptions) -> np.ndarray:
    """The hole that the mask paints, (H, W) bool of the size of the picture as it is."""
    if mask is None:
        return np.zeros((picture.height, picture.width), bool)
    hole = binary_mask(mask, options.invert_mask)
    name = f"the mask {mask.name}"
    check_same_size(hole.shape, (picture.height, picture.width), name, f"the picture {picture.name}")
    if options.expand is None:
        check_has_hole(hole, name)
    return hole


def _mask_warnings(picture: Picture, mask: Picture | None, options: TaskOptions) -> Iterator[str]:
    """What is probably a mistake in a mask; what is one is an `InputError`."""
    if mask is None:
        return
    findings = examine(picture, mask, options.invert_mask, options.names)
    if not options.fill.ignore_problems:
        refuse_problems(findings, options.names)
    for finding in findings:
        if finding.severity is Severity.NOTE:
            continue
        if finding.code is FindingCode.NO_HOLE and options.expand is not None:
            continue
        yield f"{{mask}}: {'; '.join(filter(None, (finding.seen, finding.advice)))}"


def _with_warnings(options: FillOptions, warn: Callable[[str], None]) -> FillOptions:
    """The options with `warn` called by a refinement that does not warn anybody yet."""
    refinement = options.refinement
    if refinement is None or refinement.warn is not None:
        return options
    return replace(options, refine=replace(refinement, warn=warn))


def _encode(sample: Picture, output: Path, quality: int | None) -> tuple[bytes, list[str]]:
    """The bytes of a sample's file, and a sentence for each thing that its format cannot hold."""
    if quality is not None:
        sample = sample.with_jpeg_quality(quality)
    return encode_picture(sample, format_of(output), address(output))

"""The bytes of a picture's files, apart from filling it: other processes may read and write them."""

from dataclasses import dataclass
from pathlib import Path

from latentinpaint.batch.folder_plan import FillTask
from latentinpaint.files import write_bytes
from latentinpaint.images.image_files import read_bytes
from latentinpaint.runtime.addresses import is_address, write_address


@dataclass(frozen=True)
class TaskInput:
    """The bytes of a task's picture, and of its mask if it has one."""

    image: bytes
    mask: bytes | None


def read_input(task: FillTask) -> TaskInput:
    """Read the files of a task.

    Raises:
        InputError: if one cannot be read.
    """
    image = read_bytes(task.image)
    if task.mask is None:
        return TaskInput(image, None)
    return TaskInput(image, read_bytes(task.mask))


def write_file(path: Path, content: bytes) -> None:
    """Write a file of this machine, or one at an address, whole or not at all.

    Raises:
        InputError: if it cannot be written.
    """
    if is_address(path):
        write_address(path, content)
    else:
        write_bytes(path, content)

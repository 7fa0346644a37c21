"""A table of what became of every picture of a folder: a Parquet file beside the outputs, a row a picture.

A second run keeps the rows of what an earlier one did and adds its own, so that the newest table is about all.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentinpaint.batch.folder_plan import Failure, FillTask, FolderPlan
from latentinpaint.batch.task import TaskResult
from latentinpaint.batch.task_files import write_file
from latentinpaint.errors import InputError, MissingPackageError
from latentinpaint.images.image_files import read_bytes
from latentinpaint.runtime.addresses import address, is_address
from latentinpaint.runtime.ray_pool import Placed

if TYPE_CHECKING:
    import pyarrow

OUTCOMES_FILE = "outcomes.parquet"


class OutcomeKind(Enum):
    """What became of a picture; the value stands in the table."""

    FILLED = "filled"
    ALREADY_THERE = "already there"
    FAILED = "failed"
    POSTPONED = "left for later"
    WITHOUT_MASK = "without mask"


@dataclass(frozen=True)
class PictureOutcome:
    """A row of the table.

    Attributes:
        image: path or address of the picture, or of another file that could not be used.
        mask: of its mask, None without one.
        outputs: of the files of the samples.
        outcome: a value of `OutcomeKind`.
        reason: why it failed, else None.
        notes: what was lost on the way, one sentence each.
        node: Ray's name of the machine that filled it.
        attempt: 1, or more where machines or processes were lost with it before.
        fetch_seconds, work_seconds, store_seconds: reading its bytes, filling it, writing its bytes.
        run: when the run began that it is of, ISO 8601.
    """

    image: str
    mask: str | None
    outputs: tuple[str, ...]
    outcome: str
    reason: str | None = None
    notes: tuple[str, ...] = ()
    node: str | None = None
    attempt: int = 0
    fetch_seconds: float = 0.0
    work_seconds: float = 0.0
    store_seconds: float = 0.0
    run: str = ""


class OutcomeTable:
    """The rows of a folder, by picture and mask.

    Args:
        rows: those of an earlier run.
        run: when this run began, ISO 8601.
    """

    def __init__(self, rows: Iterable[PictureOutcome], run: str) -> None:
        self.earlier = {(row.image, row.mask): row for row in rows}
        self.run = run
        self.rows: dict[tuple[str, str | None], PictureOutcome] = {}

    def begin(self, plan: FolderPlan, selected: Iterable[FillTask], postponed: Iterable[FillTask]) -> None:
        """Rows of what this run does not do; of what is there already, the row of the run that made it.

        Args:
            plan: of the folder.
            selected: the tasks of this run.
            postponed: the tasks that a limit left for another.
        """
        for failure in plan.failures:
            self._add_failure(failure)
        for image in plan.images_without_mask:
            self._add(PictureOutcome(address(image), None, (), OutcomeKind.WITHOUT_MASK.value))
        for task in plan.tasks:
            earlier = self.earlier.get(_key(task))
            if earlier is not None and earlier.outcome == OutcomeKind.FILLED.value:
                self.rows[_key(task)] = earlier
            else:
                self._add(_row(task, OutcomeKind.ALREADY_THERE))
        for task in postponed:
            self._add(_row(task, OutcomeKind.POSTPONED))
        for task in selected:
            self.rows.pop(_key(task))

    def add(self, task: FillTask, result: TaskResult, placed: Placed | None) -> None:
        """The row of a task that is done; `placed` is None if no worker lived to the end of it."""
        kind = OutcomeKind.FILLED
        if result.reason is not None:
            kind = OutcomeKind.FAILED
        how: dict[str, Any] = {}
        if placed is not None:
            how = {"node": placed.node, "attempt": placed.attempt}
            for step, seconds in placed.seconds.items():
                how[f"{step}_seconds"] = seconds
        notes = tuple(map(str, result.messages))
        self._add(_row(task, kind, reason=result.reason, notes=notes, **how))

    def write(self, path: Path) -> None:
        """Write the table to a file or address, by pictures."""
        from pyarrow import parquet

        content = BytesIO()
        parquet.write_table(as_arrow(sorted(self.rows.values(), key=_order)), content)
        write_file(path, content.getvalue())

    def _add_failure(self, failure: Failure) -> None:
        outcome = PictureOutcome(address(failure.path), None, (), OutcomeKind.FAILED.value, failure.reason)
        self._add(outcome)

    def _add(self, outcome: PictureOutcome) -> None:
        self.rows[outcome.image, outcome.mask] = replace(outcome, run=self.run)


def as_arrow(rows: Iterable[PictureOutcome]) -> "pyarrow.Table":
    """Rows as a table of Arrow."""
    import pyarrow

    text = pyarrow.string()
    texts = pyarrow.list_(text)
    number = pyarrow.float64()
    schema = pyarrow.schema(
        {
            "image": text,
            "mask": text,
            "outputs": texts,
            "outcome": text,
            "reason": text,
            "notes": texts,
            "node": text,
            "attempt": pyarrow.int32(),
            "fetch_seconds": number,
            "work_seconds": number,
            "store_seconds": number,
            "run": text,
        }
    )
    return pyarrow.Table.from_pylist([asdict(row) for row in rows], schema=schema)


def read_outcomes(path: Path) -> list[PictureOutcome]:
    """The rows of a table, none if there is no file.

    Raises:
        InputError: if the file is no such table.
        MissingPackageError: if pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            "a table of outcomes needs the package pyarrow: pip install 'latentinpaint[ray]'"
        ) from error
    content = _content(path)
    if content is None:
        return []
    try:
        rows = parquet.read_table(BytesIO(content)).to_pylist()
        return [_from_table(row) for row in rows]
    except (pyarrow.ArrowException, TypeError, KeyError) as error:
        raise InputError(f"{address(path)} is no table of outcomes: move it elsewhere") from error


def _content(path: Path) -> bytes | None:
    """The bytes of a file, None if there is none; a store that cannot be reached is no missing file."""
    if not is_address(path) and not path.exists():
        return None
    try:
        return read_bytes(path)
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _from_table(row: dict[str, Any]) -> PictureOutcome:
    row["outputs"] = tuple(row["outputs"])
    row["notes"] = tuple(row["notes"])
    return PictureOutcome(**row)


def _key(task: FillTask) -> tuple[str, str | None]:
    if task.mask is None:
        return address(task.image), None
    return address(task.image), address(task.mask)


def _row(task: FillTask, kind: OutcomeKind, **more: Any) -> PictureOutcome:
    image, mask = _key(task)
    outputs = tuple(map(address, task.outputs))
    return PictureOutcome(image, mask, outputs, kind.value, **more)


def _order(row: PictureOutcome) -> tuple[str, str]:
    return row.image, row.mask or ""

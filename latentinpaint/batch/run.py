"""All pictures of a folder: what is left to do, by how many processes, and what is said at the end."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from latentinpaint.batch.plan import Failure, Job, Plan
from latentinpaint.batch.pool import Crew, Lost
from latentinpaint.batch.task import Outcome, Remark, Wishes, attempt, leftovers
from latentinpaint.cli.terminal import named_bar
from latentinpaint.images.encode import LOSSY

if TYPE_CHECKING:
    from latentinpaint.inpainter import Inpainter

LISTED = 20  # names in a note; failures are all named


@dataclass
class Tally:
    """What became of a folder.

    Attributes:
        there: answers that were there already.
        later: pictures that a limit left for another run.
        filled: pictures done now.
        failures: files that could not be used.
        bare: pictures that no mask names.
        remarks: all remarks on pictures that were filled.
    """

    there: int = 0
    later: int = 0
    filled: int = 0
    failures: list[Failure] = field(default_factory=list)
    bare: list[Path] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def count(self, job: Job, outcome: Outcome) -> None:
        """Add what became of a job."""
        if outcome.reason is None:
            self.filled += 1
            self.remarks += outcome.remarks
        else:
            self.failures.append(Failure(job.image, outcome.reason))

    def tell(self) -> None:
        """Say it: notes and warnings, the counts, and every failure by name."""
        for sentence in told_together(self.remarks):
            print(sentence, file=sys.stderr)
        if self.bare:
            names = ", ".join(map(str, self.bare[:LISTED])) + (" …" if len(self.bare) > LISTED else "")
            print(f"note: no mask names {_counted(len(self.bare))}: {names}", file=sys.stderr)
        parts = [f"{self.filled} filled", f"{self.there} already there", f"{len(self.failures)} failed"]
        parts += [f"{len(self.bare)} without mask"] if self.bare else []
        parts += [f"{self.later} left for later by --limit"] if self.later else []
        print(", ".join(parts), flush=True)
        if self.failures:
            files = "1 file" if len(self.failures) == 1 else f"{len(self.failures)} files"
            print(f"latentinpaint inpaint: {files} could not be used:", file=sys.stderr)
            for failure in sorted(self.failures, key=lambda failure: str(failure.path)):
                print(f"  {' '.join(str(failure).split())}", file=sys.stderr)


def told_together(remarks: list[Remark]) -> list[str]:
    """Sentences for remarks; those that differ by their names alone are one sentence."""
    alike: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        alike.setdefault((remark.kind, remark.text), []).append(remark)
    sentences = []
    for (kind, text), same in alike.items():
        if text.endswith(LOSSY):
            sentences.append(
                f"note: {_counted(len(same))} {'was' if len(same) == 1 else 'were'} written as JPEG, which is lossy: "
                "known pixels change slightly; --format exact writes PNG in its place, which keeps them"
            )
        else:
            others = f" (and so for {len(same) - 1} more)" if len(same) > 1 else ""
            sentences.append(f"{kind}: {same[0].sentence}{others}")
    return sentences


@dataclass(frozen=True)
class Manner:
    """How a folder is gone through.

    overwrite: whether answers that are there are done again. limit: pictures done at most.
    """

    overwrite: bool = False
    limit: int | None = None

    def left(self, plan: Plan, tally: Tally) -> list[Job]:
        """The jobs that are to be done now; the tally learns of the others."""
        open_jobs = [job for job in plan.jobs if self.overwrite or not job.done]
        tally.there = len(plan.jobs) - len(open_jobs)
        now = open_jobs[: self.limit]
        tally.later = len(open_jobs) - len(now)
        return now


def fill_all(
    load: Callable[[], "Inpainter"],
    jobs: list[Job],
    wishes: Wishes,
    tally: Tally,
    processes: int = 1,
    threads: int = 1,
) -> None:
    """Do jobs one after the other, or by several processes, and count them; nothing half-written is left behind.

    Args:
        load: gives the model; called in every process.
        jobs: what to do.
        wishes: what is asked of every picture.
        tally: learns what became of each.
        processes: how many; 1 is this one.
        threads: of each process, if there are several.
    """
    under_way: dict[int, float] = {}
    with named_bar(len(jobs)) as bar:

        def taken(index: int) -> None:
            under_way[index] = time.time() - 2  # file systems round their times
            bar.begin(jobs[index].image.name)

        try:
            with closing(_outcomes(load, jobs, wishes, taken, processes, threads)) as outcomes:
                for number, (index, outcome) in enumerate(outcomes, start=1):
                    _clear(jobs[index], under_way.pop(index), outcome)
                    tally.count(jobs[index], outcome)
                    bar.done()
                    if not sys.stdout.isatty():
                        done = outcome.reason is None
                        said = jobs[index].targets[0] if done else f"{jobs[index].image}: not filled"
                        print(f"{number}/{len(jobs)} {said}", flush=True)
        finally:
            for index, since in under_way.items():
                _clear(jobs[index], since)


def _outcomes(
    load: Callable[[], "Inpainter"],
    jobs: list[Job],
    wishes: Wishes,
    taken: Callable[[int], None],
    processes: int,
    threads: int,
) -> Iterator[tuple[int, Outcome]]:
    if processes > 1:
        for index, outcome in Crew(partial(_begin, load, wishes, threads), processes, taken).work(jobs):
            yield index, _LOST if isinstance(outcome, Lost) else outcome
        return
    inpainter = load()
    for index, job in enumerate(jobs):
        taken(index)
        yield index, attempt(inpainter, job, wishes)


def _begin(load: Callable[[], "Inpainter"], wishes: Wishes, threads: int) -> Callable[[Job], Outcome]:
    """In a process of its own: the model, on so many threads, and what does a job."""
    import cv2
    import torch

    from latentinpaint.cli.dispatch import quieten

    quieten()
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    return partial(_attempt, load(), wishes)


def _attempt(inpainter: "Inpainter", wishes: Wishes, job: Job) -> Outcome:
    return attempt(inpainter, job, wishes)


_LOST = Outcome(
    reason="the process that filled it was ended from outside, perhaps for want of memory: fewer --jobs need less"
)


def _clear(job: Job, since: float, outcome: Outcome = _LOST) -> None:
    """Remove what a process that was ended had begun to write."""
    if outcome is _LOST:
        for path in leftovers(job, since):
            with suppress(OSError):
                path.unlink()


def _counted(number: int) -> str:
    return "1 picture" if number == 1 else f"{number} pictures"

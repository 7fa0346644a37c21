"""The one folder that the page's files live in: uploads, pictures shown, results. It is deleted at the end."""

import os
import shutil
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path


class Store:
    """A temporary folder that holds no more than a given number of bytes for long.

    Args:
        limit: bytes that `tidy` leaves at most, the newest files first.

    Attributes:
        folder: its absolute path, without links.
    """

    def __init__(self, limit: int = 2 * 2**30) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="latentinpaint-app-")).resolve()
        self.limit = limit
        self._kept: set[Path] = set()
        self._tidying = threading.Lock()

    def new_folder(self, kept: bool = False) -> Path:
        """A new empty folder inside; if it is `kept`, `tidy` leaves it alone."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if kept:
            self._kept.add(folder)
        return folder

    def holds(self, path: str | Path) -> bool:
        """Whether a path lies inside, after all links and dots are followed."""
        try:
            return Path(path).resolve().is_relative_to(self.folder)
        except (OSError, RuntimeError, ValueError):  # a zero byte, a name too long, links in a circle
            return False

    def tidy(self) -> list[Path]:
        """Remove the oldest files until the rest is within the limit; answers what was removed."""
        with self._tidying:  # the page's functions and the server's own round may meet
            return self._tidy()

    def _tidy(self) -> list[Path]:
        files = [path for path in self.folder.rglob("*") if not self._kept & set(path.parents)]
        states = ((_file_state(path), path) for path in files)
        newest = sorted(((state.st_mtime_ns, state.st_size, path) for state, path in states if state), reverse=True)
        total, removed = 0, []
        for _, size, path in newest:
            total += size
            if total > self.limit:
                path.unlink(missing_ok=True)
                removed.append(path)
        for folder in {path.parent for path in removed} - {self.folder}:
            with suppress(OSError):  # it has other files, or is gone already
                folder.rmdir()
        return removed

    def close(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _file_state(path: Path) -> os.stat_result | None:
    """None for what is no file, or no longer: gradio's own come and go meanwhile."""
    try:
        state = path.lstat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None

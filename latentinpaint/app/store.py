"""The one folder that holds the page's files: uploads, previews, results. It is deleted at the end."""

import os
import shutil
import stat
import tempfile
import threading
from contextlib import suppress
from pathlib import Path


class Store:
    """A temporary folder whose total size is limited.

    Args:
        limit: bytes that remain after `prune`; the oldest files are removed first.

    Attributes:
        folder: its absolute path, with links resolved.
    """

    def __init__(self, limit: int = 2 * 2**30) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="latentinpaint-app-")).resolve()
        self.limit = limit
        self._permanent: set[Path] = set()
        self._lock = threading.Lock()

    def new_folder(self, permanent: bool = False) -> Path:
        """Make an empty folder inside; `prune` never removes files of a permanent one."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if permanent:
            self._permanent.add(folder)
        return folder

    def contains(self, path: str | Path) -> bool:
        """Whether a path lies inside, after all links and dots are resolved."""
        try:
            return Path(path).resolve().is_relative_to(self.folder)
        except (OSError, RuntimeError, ValueError):  # a null byte, a name too long, circular links
            return False

    def prune(self) -> list[Path]:
        """Remove the oldest files until the rest is within the limit; returns the removed files."""
        with self._lock:  # handlers and the server's own thread call this
            removed = self._remove_oldest()
            for folder in {path.parent for path in removed} - {self.folder}:
                with suppress(OSError):  # it has other files, or is gone already
                    folder.rmdir()
            return removed

    def _remove_oldest(self) -> list[Path]:
        total = 0
        removed = []
        for _, size, path in sorted(self._files(), reverse=True):
            total += size
            if total > self.limit:
                path.unlink(missing_ok=True)
                removed.append(path)
        return removed

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of the last change in nanoseconds, size in bytes and path of every file that may be removed."""
        files = []
        for path in list(self.folder.rglob("*")):
            if not self._permanent.isdisjoint(path.parents):
                continue
            state = _file_state(path)
            if state is not None:
                files.append((state.st_mtime_ns, state.st_size, path))
        return files

    def close(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _file_state(path: Path) -> os.stat_result | None:
    """None if the path is not a regular file or no longer exists: gradio removes its temporary files meanwhile."""
    try:
        state = path.lstat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None

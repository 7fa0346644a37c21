"""What decoders warn of and tolerate, set for a while: Python and Pillow keep both for the whole process.

Only one thread at a time may change them, and has to set them back before another does: else the settings of one
would stay behind, and the calling program's would be lost.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import ImageFile

_LOCK = threading.RLock()  # a thread that holds it may change them again


@contextmanager
def caught_warnings(category: type[Warning] = Warning) -> Iterator[list[warnings.WarningMessage]]:
    """All warnings of a category that are raised inside are listed, in place of being shown."""
    with _LOCK, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category)
        yield caught


@contextmanager
def truncated_files_refused() -> Iterator[None]:
    """A picture file that is cut short is an error inside, whatever the calling program tolerates."""
    with _LOCK:
        was_tolerant = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = was_tolerant

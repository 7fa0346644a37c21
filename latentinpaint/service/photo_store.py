"""Photos that visitors work on: in one temporary folder of limited size, each for its owner alone.

Of a photo the folder holds the samples and what of it has been filled; everything else, its metadata, is small and
stays in memory. A photo never changes: a fill makes a new one. The folder is deleted at the end.
"""

import secrets
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from latentinpaint.images.image_format import ImageFormat
from latentinpaint.images.modes import DEEP_MODES
from latentinpaint.images.picture import Picture
from latentinpaint.service.refused import Refused

LONGEST_IDLE = 24 * 3600  # seconds after which a photo that nobody used goes
_LEAST_BYTES = 65_536  # that a photo counts for: many small ones fill the memory with what belongs to them


@dataclass(frozen=True)
class StoredPhoto:
    """A photo of a visitor.

    Attributes:
        id: nobody can guess it.
        owner: the visitor's session.
        file_format: of the file that it came in.
        is_example: whether it is one of the examples.
        details: the picture without its samples.
        height, width: in pixels.
        stem: of files in the folder.
        size: bytes that it counts for.
    """

    id: str
    owner: str
    file_format: ImageFormat
    is_example: bool
    details: Picture
    height: int
    width: int
    stem: Path
    size: int

    @property
    def name(self) -> str:
        """The name of the file that it came in."""
        return self.details.name

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        if self.details.bits is not None:
            return self.details.bits
        samples = self.details.samples
        return 1 if samples.dtype == bool else 8 * samples.itemsize

    @property
    def samples_file(self) -> Path:
        return self.stem.with_suffix(".npy")

    @property
    def hole_file(self) -> Path:
        return self.stem.with_suffix(".hole")


@dataclass
class PhotoStore:
    """The photos of all visitors.

    Attributes:
        limit: bytes of all photos together; the one that was not used for the longest time goes first.
        folder: where they are.
    """

    limit: int
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="latentinpaint-")).resolve())

    def __post_init__(self) -> None:
        self._photos: dict[str, StoredPhoto] = {}
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def size(self) -> int:
        """Bytes of all photos together."""
        with self._lock:
            return self._size()

    def _size(self) -> int:
        return sum(photo.size for photo in self._photos.values())

    def add(
        self,
        owner: str,
        picture: Picture,
        file_format: ImageFormat,
        filled: np.ndarray | None = None,
        is_example: bool = False,
    ) -> StoredPhoto:
        """Keep a picture for its owner.

        Args:
            owner: the visitor's session.
            picture: upright.
            file_format: of the file that it came in.
            filled: (H, W) bool, what of it has been filled; None for nothing.
            is_example: whether it is one of the examples.

        Raises:
            InputError: if its samples are no intensities.
        """
        if picture.mode in DEEP_MODES:
            picture = replace(picture, known_range=picture.sample_range)  # so that parts of it look as the whole does
        photo_id = secrets.token_urlsafe(16)
        photo = StoredPhoto(
            photo_id,
            owner,
            file_format,
            is_example,
            replace(picture, samples=picture.samples[:0].copy()),
            picture.height,
            picture.width,
            self.folder / photo_id,
            max(_LEAST_BYTES, picture.samples.nbytes + _metadata_bytes(picture)),
        )
        if filled is None:
            filled = np.zeros((picture.height, picture.width), bool)
        np.save(photo.samples_file, picture.samples, allow_pickle=False)
        photo.hole_file.write_bytes(np.packbits(filled).tobytes())
        with self._lock:
            self._photos[photo_id] = photo
            self._used[photo_id] = time.monotonic()
            self._prune()
        return photo

    def get(self, owner: str | None, photo_id: str) -> StoredPhoto:
        """A visitor's photo, which counts as used now.

        Raises:
            Refused: if the visitor has no such photo.
        """
        with self._lock:
            photo = self._photos.get(photo_id)
            if photo is None or photo.owner != owner:
                raise _gone()
            self._used[photo_id] = time.monotonic()
            return photo

    def picture(self, photo: StoredPhoto) -> Picture:
        """The whole picture.

        Raises:
            Refused: if it has gone meanwhile.
        """
        try:
            samples = np.load(photo.samples_file, allow_pickle=False)
        except OSError as error:
            raise _gone() from error
        return replace(photo.details, samples=samples)

    def filled(self, photo: StoredPhoto) -> np.ndarray:
        """What has been filled since the original, (H, W) bool.

        Raises:
            Refused: if it has gone meanwhile.
        """
        try:
            packed = np.frombuffer(photo.hole_file.read_bytes(), np.uint8)
        except OSError as error:
            raise _gone() from error
        count = photo.height * photo.width
        return np.unpackbits(packed, count=count).astype(bool).reshape(photo.height, photo.width)

    def prune(self) -> None:
        """Remove what nobody used for long, and the oldest above the limit."""
        with self._lock:
            self._prune()

    def _prune(self) -> None:
        oldest_first = sorted(self._photos.values(), key=lambda photo: self._used[photo.id])
        total = self._size()
        deadline = time.monotonic() - LONGEST_IDLE
        for photo in oldest_first:
            fits = total <= self.limit or len(self._photos) == 1  # the newest is in use, whatever its size
            if fits and self._used[photo.id] > deadline:
                return
            total -= photo.size
            self._remove(photo)

    def _remove(self, photo: StoredPhoto) -> None:
        del self._photos[photo.id], self._used[photo.id]
        for path in (photo.samples_file, photo.hole_file):
            with suppress(OSError):  # in use on a system that then keeps it; the folder goes at the end
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Delete the folder and everything in it."""
        with self._lock:
            self._photos.clear()
            self._used.clear()
            shutil.rmtree(self.folder, ignore_errors=True)


def _gone() -> Refused:
    return Refused(404, "there is no such photo, or it is no longer on the server: send it again")


def _metadata_bytes(picture: Picture) -> int:
    texts = [picture.icc_profile, picture.exif, picture.xmp, picture.iptc, picture.comment]
    texts += [content for _, content in picture.png_chunks]
    return sum(len(text) for text in texts if text)

"""The output folder of a benchmark: where its records and fills are, and how they are written and read.

output/records/methods/<method>/<item>.json     what `evaluator` found, written when an item is done
output/records/cases/<item>.json                the description of an item
output/fills/<row>/<item>.png                   the fills as files
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentinpaint.errors import InputError
from latentinpaint.evaluation.dataset import ItemSource
from latentinpaint.evaluation.evaluator import Record
from latentinpaint.images.encode import encode_image
from latentinpaint.images.image_format import PNG
from latentinpaint.runtime.addresses import address, is_address

WHITE_STANDARD_DEVIATION = 0.25  # the standard deviation that is white in a map


class OutputFolder:
    """The paths of a benchmark's files.

    Args:
        path: the folder.
        sources: the items.

    Raises:
        InputError: if the path is an address.
    """

    def __init__(self, path: str | Path, sources: Sequence[ItemSource]) -> None:
        if is_address(path):
            raise InputError(f"{address(path)} is an address: records and report are written to a folder")
        self.path = Path(path)
        self.stems = output_stems(sources)

    def fill_path(self, row: str, name: str) -> Path:
        """The file of a row's fill of an item."""
        return self.path / "fills" / slug(row) / f"{self.stems[name]}.png"

    def record_path(self, method: str, name: str) -> Path:
        """The file of a method's record of an item."""
        return self.path / "records" / "methods" / slug(method) / f"{slug(name)}.json"

    def item_path(self, name: str) -> Path:
        """The file of an item's description."""
        return self.path / "records" / "cases" / f"{slug(name)}.json"

    def has_fills(self, record: Record) -> bool:
        """Whether the fills of a record's rows are there."""
        for row in record["rows"]:
            if not self.fill_path(row["row"], record["case"]).is_file():
                return False
        return True

    def deviation_file(self, method: str, name: str, deviation: Tensor) -> tuple[Path, bytes]:
        """The map (1, 1, H, W) of a method's standard deviation between samples of an item, beside the fills."""
        scaled = (deviation / WHITE_STANDARD_DEVIATION).clamp(0, 1)
        return self.fill_path(deviation_row(method), name), picture_file(scaled)

    def remove_fills(self, rows: Iterable[str]) -> None:
        """Remove the fills of these rows, and nothing else."""
        for row in rows:
            shutil.rmtree(self.path / "fills" / slug(row), ignore_errors=True)
        with suppress(OSError):
            (self.path / "fills").rmdir()


def deviation_row(method: str) -> str:
    """The name under which the maps of the samples' standard deviation are kept among the fills."""
    return f"{method}, deviation"


def output_stems(sources: Sequence[ItemSource]) -> dict[str, str]:
    """For each item's name the path of its files without suffix.

    It is the name without its own suffix, or with it where two would meet.
    """
    stems = {}
    for source in sources:
        stems[source.name] = source.name
        if source.mask is None:
            stems[source.name] = Path(source.name).with_suffix("").as_posix()
    counts = Counter(stems.values())
    for name, stem in stems.items():
        if counts[stem] > 1:
            stems[name] = name
    return stems


def slug(text: str) -> str:
    """A file name for any text: itself if it is one, else something like it and a checksum."""
    plain = re.sub(r"[^\w.,() +-]", "_", text).strip(". ") or "_"
    if plain == text and len(text.encode()) < 100:
        return plain
    return plain.encode()[:80].decode(errors="ignore") + "-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def read_record(path: Path) -> Record:
    """The record in a file."""
    return json.loads(path.read_text())


def lasting_record(path: Path) -> Record | None:
    """The record in a file, unless it cannot be read, or is of a failure that may pass."""
    try:
        record = read_record(path)
    except (OSError, ValueError):
        return None
    if record.get("again"):
        return None
    return record


def record_file(record: Record) -> bytes:
    """A record as the bytes of its file."""
    return json.dumps(record).encode("utf-8", errors="backslashreplace")


def picture_file(picture: Tensor) -> bytes:
    """A picture (1, 1 or 3, H, W) in [0, 1] as the bytes of a PNG of 8 bits."""
    pixels = (picture[0] * 255).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
    return encode_image(Image.fromarray(np.ascontiguousarray(pixels)), PNG, compress_level=1)

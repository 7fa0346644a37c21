"""What shards hold altogether: ``manifest.json`` beside them, written when all are whole.

{"pictures": 2000, "shards": [{"name": "0000.tar", "bytes": 52428800, "sha256": "…", "pictures": 1000}, …]}
"""

import json
from dataclasses import asdict, dataclass

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ShardEntry:
    """A shard: the name of its file, its bytes, its SHA-256 in hexadecimal, and how many pictures it holds."""

    name: str
    bytes: int
    sha256: str
    pictures: int


@dataclass(frozen=True)
class ShardManifest:
    """The shards of a folder, in their order."""

    shards: list[ShardEntry]

    @property
    def pictures(self) -> int:
        """How many pictures all shards hold."""
        total = 0
        for entry in self.shards:
            total += entry.pictures
        return total

    def as_json(self) -> str:
        """The text of the file."""
        return json.dumps({"pictures": self.pictures, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "ShardManifest":
        """The manifest that `as_json` wrote; raises `ValueError` for anything else."""
        try:
            entries = []
            for entry in json.loads(text)["shards"]:
                entries.append(ShardEntry(**entry))
            return cls(entries)
        except (KeyError, TypeError) as error:
            raise ValueError("no manifest of shards") from error

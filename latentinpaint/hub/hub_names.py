"""Names of models on the Hugging Face Hub: ``org/name``, at a revision ``org/name@revision``.

What exists on disk is a path, whatever it looks like; anything else of this form is a name of the Hub. A
`pathlib.Path` is a path always.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from latentinpaint.errors import InputError, shown
from latentinpaint.files import user_path

# What the Hub takes: letters, digits, - _ and dots, but neither -- nor .. and no dot or hyphen at an end.
_PART = r"(?![^/@]*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?P<name>{_PART}/{_PART})(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_FILES = (".safetensors", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class HubName:
    """A model on the Hub.

    Attributes:
        name: ``org/name``.
        revision: a commit, a tag or a branch; None is the newest commit of the main branch.
    """

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        if self.revision is None:
            return self.name
        return f"{self.name}@{self.revision}"


def hub_name(model: str | Path) -> HubName | None:
    """The model on the Hub that a text names; None if it is a path, or cannot be such a name."""
    if not isinstance(model, str):
        return None
    found = _NAME.fullmatch(model)
    if found is None or found["name"].endswith(_FILES) or user_path(model).exists():
        return None
    return HubName(found["name"], found["revision"])


def repository_name(name: str) -> HubName:
    """A name ``org/name`` to write to, whatever is here on disk.

    Raises:
        InputError: if it is none.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["revision"] is not None:
        raise InputError(f"a model of the Hugging Face Hub is called org/name, like me/my-model, not {shown(name)}")
    return HubName(name)


def at_revision(model: str | Path, revision: str | None) -> str | Path:
    """The name of a model on the Hub at a revision; without one it is as given.

    Raises:
        InputError: if something else than a model on the Hub has a revision, or it has two.
    """
    if revision is None:
        return model
    found = hub_name(model)
    if found is None:
        raise InputError(f"a revision belongs to a model of the Hugging Face Hub, org/name, and {model} is none")
    if found.revision is not None:
        raise InputError(f"{model} names its revision: leave the argument revision out, or the part behind @")
    pinned = f"{model}@{revision}"
    if hub_name(pinned) is None:
        raise InputError(f"the revision {revision} is no commit, tag or branch: a commit is 40 letters and digits")
    return pinned

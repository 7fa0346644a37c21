"""Weights of the networks that judge: where their files are looked for, and how they are fetched when asked to.

Nothing is downloaded unless a person asks for it; what is downloaded is checked against the first eight digits of its
SHA-256, which its publisher wrote into its name. Without a path, a file is looked for where torch keeps such files,
`torch.hub.get_dir()/checkpoints`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

from latentinpaint.errors import InputError
from latentinpaint.files import write_beside


@dataclass(frozen=True)
class WeightFile:
    """A published file of weights; `owner` is whose it is, for people."""

    url: str
    owner: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def checksum(self) -> str:
        """The first digits of the file's SHA-256."""
        return self.file_name.rsplit(".", 1)[0].rsplit("-", 1)[-1]

    @property
    def place(self) -> Path:
        """Where the file is looked for, and fetched to."""
        return Path(torch.hub.get_dir(), "checkpoints", self.file_name)

    def find(self, purpose: str, given: str | Path | None = None) -> Path:
        """The file: the one given, or the one in its place.

        Raises:
            InputError: if it is not there; the sentence says what to fetch and where to put it.
        """
        path = Path(given) if given else self.place
        if not path.is_file():
            raise InputError(
                f"{purpose} needs {self.owner}'s weights, and {path} is not there: "
                f"fetch {self.url} and save it as {self.place}."
            )
        return path

    def fetch(self) -> Path:
        """Download the file to its place, unless it is there, and check it.

        Raises:
            InputError: if it cannot be had or is not what was published.
        """
        if not self.place.is_file():
            with write_beside(self.place) as temporary:
                try:
                    torch.hub.download_url_to_file(self.url, str(temporary), self.checksum)
                except Exception as error:  # no network, no such address, another checksum, a full disk
                    raise InputError(f"cannot download {self.url} to {self.place}: {error}") from error
        return self.place


SQUEEZENET = WeightFile(SqueezeNet1_1_Weights.IMAGENET1K_V1.url, "torchvision")
ALEXNET = WeightFile(AlexNet_Weights.IMAGENET1K_V1.url, "torchvision")
VGG = WeightFile(VGG16_Weights.IMAGENET1K_V1.url, "torchvision")
INCEPTION = WeightFile(URL_INCEPTION_V3, "torch-fidelity")


def read_state(path: Path, purpose: str) -> dict[str, Any]:
    """The state dict in a file, read without running anything that is pickled in it.

    Raises:
        InputError: if there is none.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load fails in many ways: unpickling, zip, end of file, permission
        raise InputError(f"{path} cannot be read as weights for {purpose}.") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise InputError(f"{path} does not hold a state dict, so it cannot serve {purpose}.")
    return state

"""Weights of the networks that metrics look through: where their files are looked for, and how they are downloaded.

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
from latentinpaint.files import mistaken_weights, write_beside


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
    def path(self) -> Path:
        """Where the file is looked for, and downloaded to."""
        return Path(torch.hub.get_dir(), "checkpoints", self.file_name)

    def find(self, purpose: str, file: str | Path | None = None) -> Path:
        """The file: `file` if that is set, or the one in torch's cache.

        Raises:
            InputError: if it is not there; the sentence says what to fetch and where to put it.
        """
        path = self.path
        if file:
            path = Path(file)
        if not path.is_file():
            raise InputError(
                f"{purpose} needs {self.owner}'s weights, and {path} is not there: "
                f"fetch {self.url} and save it as {self.path}."
            )
        return path

    def fetch(self) -> Path:
        """Download the file to `path`, unless it is there, and check it.

        Raises:
            InputError: if it cannot be had or is not what was published.
        """
        if not self.path.is_file():
            with write_beside(self.path) as temporary:
                try:
                    torch.hub.download_url_to_file(self.url, str(temporary), self.checksum)
                except Exception as error:  # no network, no such address, another checksum, a full disk
                    raise InputError(f"cannot download {self.url} to {self.path}: {error}") from error
        return self.path


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
        raise InputError(f"{path} cannot be read as weights for {purpose}{mistaken_weights(path)}.") from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise InputError(f"{path} does not hold a state dict, so it cannot serve {purpose}.")
    return state

"""Running commands inside the test process, and files for them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning  # noqa: F401  its log handler takes hold of standard error when it is imported
from PIL import Image

from latentinpaint.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command said; `complaints` are its lines on standard error but for notes and warnings."""

    status: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        lines = [line for line in self.err.splitlines() if line.strip()]
        return [line for line in lines if not line.startswith(("note:", "warning:"))]


@pytest.fixture
def command(capsys, monkeypatch):
    """Call it with a command's name and its arguments; answers an `Answer`."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))

    def call(name: str | None, *arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(name, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(ending.value.code or 0, said.out, said.err)

    return call


@pytest.fixture
def done(command):
    """As `command`, for what has to succeed."""

    def call(name: str | None, *arguments: object) -> Answer:
        answer = command(name, *arguments)
        assert answer.status == 0, answer.err
        assert not answer.complaints, answer.err
        return answer

    return call


def smooth(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    """A coloured picture (H, W, C) uint8 with large and small structure."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, channels)
    waves = np.stack([np.sin(rows / 9 + p) + np.cos(columns / 7 - p) for p in phases], axis=-1)
    return np.clip(127 + 50 * waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)


def write_hole(path: Path, hole: np.ndarray) -> Path:
    """A mask file, white where `hole` (H, W) bool."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(hole.astype(np.uint8) * 255).save(path)
    return path


@pytest.fixture(scope="session")
def helpers():
    """`smooth` and `write_hole` for test files, which cannot import from each other."""
    from types import SimpleNamespace

    return SimpleNamespace(smooth=smooth, write_hole=write_hole)


@pytest.fixture(scope="session")
def lively_flow(model_files, tmp_path_factory) -> Path:
    """An untrained flow whose answer depends on the noise by more than the 8 bits of a file hide."""
    import torch

    from latentinpaint.weights import load_pipeline, save_pipeline

    pipeline = load_pipeline(model_files["flow"])
    with torch.no_grad():
        pipeline.refiner.network.answer.weight.mul_(20)
        for module in pipeline.autoencoder.decoder:
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.weight.mul_(3)
    path = tmp_path_factory.mktemp("lively") / "flow" / "model.safetensors"
    save_pipeline(pipeline, path)
    return path

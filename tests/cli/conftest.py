"""Running commands inside the test process, and files for them."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytorch_lightning  # noqa: F401  its log handler takes hold of standard error when it is imported

from latentinpaint.cli import main


@dataclass(frozen=True)
class CommandResult:
    """What a command printed; `complaints` are its lines on standard error but for notes and warnings."""

    status: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        lines = [line for line in self.err.splitlines() if line.strip()]
        return [line for line in lines if not line.startswith(("note:", "warning:"))]


@pytest.fixture
def command(capsys, monkeypatch):
    """Call it with a command's name and its arguments; returns a `CommandResult`."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))

    def call(name: str | None, *arguments: object) -> CommandResult:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main(name, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return CommandResult(ending.value.code or 0, said.out, said.err)

    return call


@pytest.fixture
def done(command):
    """As `command`, for what has to succeed."""

    def call(name: str | None, *arguments: object) -> CommandResult:
        answer = command(name, *arguments)
        assert answer.status == 0, answer.err
        assert not answer.complaints, answer.err
        return answer

    return call


@pytest.fixture(scope="session")
def lively_flow(model_files, tmp_path_factory) -> Path:
    """An untrained flow whose answer depends on the noise by more than the 8 bits of a file hide."""
    import torch

    from latentinpaint.weights import Model, load_pipeline, save_model

    pipeline = load_pipeline(model_files["flow"])
    with torch.no_grad():
        pipeline.refiner.network.answer.weight.mul_(20)
        for module in pipeline.autoencoder.decoder:
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
                module.weight.mul_(3)
    path = tmp_path_factory.mktemp("lively") / "flow" / "model.safetensors"
    save_model(Model(pipeline), path)
    return path

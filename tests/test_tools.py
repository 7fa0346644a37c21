"""The scripts in `tools/`: one for every command, and nothing else than that command."""

import runpy
from pathlib import Path

import pytest

import latentinpaint.cli
from latentinpaint.cli import COMMANDS

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def test_every_command_has_its_script():
    assert sorted(path.stem for path in TOOLS.glob("*.py")) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_script_runs_the_command_of_its_name(name, monkeypatch):
    called = []
    monkeypatch.setattr(latentinpaint.cli, "main", lambda *arguments: called.append(arguments))
    runpy.run_path(str(TOOLS / f"{name}.py"), run_name="__main__")
    assert called == [(name,)]

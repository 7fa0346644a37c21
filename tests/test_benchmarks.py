"""The scripts of `benchmarks/` are not run by the tests; what they import has to be there."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def missing_names(path):
    """The names that a script imports from this package, or from another script, and that are not there."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom):
            continue
        beside = (BENCHMARKS / f"{node.module}.py").is_file()
        if not beside and not node.module.startswith("latentinpaint"):
            continue
        module = importlib.import_module(node.module)
        for name in node.names:
            if not hasattr(module, name.name):
                found.append(f"{node.module}.{name.name}")
    return found


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_what_a_benchmark_imports_exists(path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    assert missing_names(path) == []


def test_a_name_that_is_gone_is_found(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from latentinpaint.evaluation.methods import eight_bits, to_eight_bits\n")
    assert missing_names(script) == ["latentinpaint.evaluation.methods.eight_bits"]

"""The documentation names what exists: links, configurations, tools, options, and the names it imports."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
CONFIGS = sorted(ROOT.glob("configs/**/*.yaml"))

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="the pages are not here")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, *CONFIGS], ids=lambda p: p.name)
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"\b(?:configs|tools|benchmarks|docs)/[\w/]+\.(?:yaml|py|md)\b", text):
        assert (ROOT / name).is_file(), name


def commands(text):
    """The commands of code blocks, and of comments in configurations: tool and options."""
    text = re.sub(r"\\\n\s*#?\s*", " ", text)
    for line in text.splitlines():
        found = re.match(r"#?\s*python tools/(\w+)\.py (.*)", line)
        if found:
            yield found[1], re.findall(r"--[\w.-]+", found[2])


@pytest.mark.parametrize("page", [*PAGES, *CONFIGS], ids=lambda p: p.name)
def test_options_that_are_named_exist(page, capsys):
    from latentinpaint.cli import main

    for tool, options in commands(page.read_text(encoding="utf-8")):
        with pytest.raises(SystemExit):
            main(tool, ["--help"])
        known = capsys.readouterr().out
        for option in options:
            if ".init_args." not in option and not option.startswith("--model.refiner."):
                assert re.search(rf"{re.escape(option)}(?![\w.-])", known), f"{tool} {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_that_is_shown_can_be_imported(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)

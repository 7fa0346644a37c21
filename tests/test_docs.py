"""The documentation names what exists: links, configurations, tools, options, imports, and the package's layout."""

import ast
import contextlib
import functools
import importlib
import io
import re
from pathlib import Path

import pytest
import yaml
from test_architecture import FLOORS

from latentinpaint.cli import COMMANDS, main
from latentinpaint.training.recipe_files import CONFIGS, recipe_names

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
RECIPES = sorted(CONFIGS.rglob("*.yaml"))

pytestmark = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="the pages are not here")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, *RECIPES], ids=lambda p: p.name)
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"\b(?:tools|benchmarks|docs)/[\w/]+\.(?:yaml|py|md)\b", text):
        assert (ROOT / name).is_file(), name


def commands(text):
    """The commands of code blocks, and of comments in configurations: command and the words behind it."""
    text = re.sub(r"\\\n\s*#?\s*", " ", text)
    for line in text.splitlines():
        found = re.match(rf"#?\s*(?:.* && )?latentinpaint ({'|'.join(COMMANDS)}) (.*)", line)
        if found:
            yield found[1], found[2].split()


@functools.cache
def known_options(command):
    """All that a command's help says."""
    out = io.StringIO()
    with pytest.raises(SystemExit), contextlib.redirect_stdout(out):
        main(command, ["--help-all"])
    return out.getvalue()


@pytest.mark.parametrize("page", [*PAGES, *RECIPES], ids=lambda p: p.name)
def test_options_that_are_named_exist(page):
    for command, words in commands(page.read_text(encoding="utf-8")):
        known = known_options(command)
        for option in re.findall(r"--[\w.-]+", " ".join(words)):
            if ".init_args." not in option and not option.startswith(("--model.refiner.", "--trainer.logger.")):
                assert re.search(rf"{re.escape(option)}(?![\w.-])", known), f"{command} {option}"


@pytest.mark.parametrize("page", [*PAGES, *RECIPES], ids=lambda p: p.name)
def test_recipes_that_are_named_exist(page):
    for command, words in commands(page.read_text(encoding="utf-8")):
        for option, value in zip(words, words[1:], strict=False):
            if option == "--config" and not value.endswith(".yaml"):
                assert value in recipe_names(), f"{command} --config {value}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_that_is_shown_can_be_imported(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def pages_in(entries):
    """The files that a navigation names, in its order."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for value in entry.values():
            yield from pages_in([value] if isinstance(value, str) else value)


def outside_links(page):
    """Links of a page of the site to files that are no part of it, and files that are missing."""
    docs = ROOT / "docs"
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path = (page.parent / target).resolve()
        if docs.resolve() not in path.parents or not path.is_file():
            yield target


def test_the_site_has_every_page_once_and_links_stay_in_it():
    """What `mkdocs build --strict` checks, without its packages."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = list(pages_in(site["nav"]))
    assert sorted(named) == sorted(path.name for path in ROOT.glob("docs/*.md"))
    for path in ROOT.glob("docs/*.md"):
        assert list(outside_links(path)) == [], path.name


def test_what_the_reference_names_exists():
    names = re.findall(r"^::: latentinpaint\.([\w.]+)$", (ROOT / "docs" / "reference.md").read_text(), re.MULTILINE)
    assert len(names) > 5
    for name in names:
        assert resolve(name).__doc__, name


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


ARCHITECTURE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "latentinpaint"


def block(heading, text=None):
    """The lines of the first code block under a heading of the architecture's document."""
    text = ARCHITECTURE.read_text(encoding="utf-8") if text is None else text
    section = text.split(f"\n## {heading}\n", 1)[1]
    return section.split("```\n", 2)[1].splitlines()


def documented_paths(lines):
    """The paths of a tree whose first line is the root and whose levels are two spaces deep; folders end with /."""
    parents = []
    paths = set()
    for line in lines[1:]:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        parents = [*parents[:depth], name]
        paths.add("".join(parents))
    return paths


def package_paths(package):
    """Every folder that holds modules, and every module at the root but Python's own names for a package's doors."""
    paths = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}
    for path in package.rglob("*.py"):
        for folder in path.relative_to(package).parents:
            paths.add(f"{folder.as_posix()}/")
    return paths - {"./"}


def test_the_tree_is_that_of_the_package():
    lines = block("Layout")
    assert lines[0] == "latentinpaint/"
    assert documented_paths(lines) == package_paths(PACKAGE)
    assert all(len(line.split(maxsplit=1)) == 2 for line in lines[1:]), "every entry has a description"


@pytest.mark.parametrize("fault", ["missing folder", "missing module", "extra folder"])
def test_a_wrong_tree_is_found(tmp_path, fault):
    lines = ["latentinpaint/", "  errors.py   one", "  models/   two", "    fast/   three", "  images/   four"]
    for name in ("__init__.py", "errors.py", "models/unet.py", "models/fast/fuse.py", "images/picture.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert documented_paths(lines) == package_paths(tmp_path) == {"errors.py", "models/", "models/fast/", "images/"}
    if fault == "missing folder":
        (tmp_path / "images" / "new").mkdir()
        (tmp_path / "images" / "new" / "x.py").touch()
    elif fault == "missing module":
        (tmp_path / "device.py").touch()
    else:
        lines.append("    gone/   five")
    assert documented_paths(lines) != package_paths(tmp_path)


def test_the_documented_import_order_is_the_enforced_one():
    assert [set(line.split()) for line in block("Import order")] == FLOORS


def documented_names(text):
    """Dotted names of the package's modules, classes and functions, with or without `latentinpaint.` in front."""
    rooms = "|".join(sorted({name for floor in FLOORS for name in floor}))
    return re.findall(rf"(?<![\w./-])(?:latentinpaint\.)?((?:{rooms})(?:\.[A-Za-z_]\w*)+)(?![\w/])", text)


def resolve(name):
    """What a dotted name of the package stands for.

    Raises:
        AttributeError: if there is no such thing.
    """
    found = importlib.import_module("latentinpaint")
    for part in name.split("."):
        if not hasattr(found, part) and hasattr(found, "__path__"):
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def test_names_in_the_architecture_exist():
    names = documented_names(ARCHITECTURE.read_text(encoding="utf-8"))
    assert len(names) > 40
    for name in names:
        if not name.endswith((".py", ".md")):
            resolve(name)


def test_a_wrong_name_is_found():
    text = "`pipeline.InpaintPipeline.condition` of latentinpaint.models.unet.Nothing, `flows/`, tests/models/x.py"
    right, wrong = documented_names(text)
    assert callable(resolve(right))
    with pytest.raises(AttributeError, match="Nothing"):
        resolve(wrong)


def test_tests_that_the_architecture_names_exist():
    names = re.findall(r"\btests/[\w/]+\.py\b", ARCHITECTURE.read_text(encoding="utf-8"))
    assert names
    for name in names:
        assert (ROOT / name).is_file(), name

"""The house: imports point downwards only, importing the package costs nothing."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imported_names import imported

import latentinpaint

PACKAGE = Path(latentinpaint.__file__).parent

# Rooms of one floor know nothing of each other; a room imports from itself and from lower floors.
FLOORS = [
    {"errors"},
    {"files", "hole", "runtime"},
    {"hub"},
    {"images", "models", "interpolants", "metrics", "pretrained"},
    {"lattice"},
    {"data", "refiners"},
    {"flows", "doctor", "pipeline"},
    {"inference"},
    {"weights"},
    {"lama", "export", "trained_model"},
    {"inpainter"},
    {"visualization"},
    {"evaluation", "training", "batch"},
    {"experiments", "app", "maze", "restoration", "service"},
    {"cli"},
]
FLOOR = {room: number for number, floor in enumerate(FLOORS) for room in floor}

# What a room may know of the outside.
OUTSIDE = {
    "errors": set(),
    "files": set(),
    "hole": {"numpy", "torch"},
    "hub": {"huggingface_hub", "jinja2"},
    "pretrained": set(),
    "runtime": {"fsspec", "ray", "torch"},
    "models": {"diffusers", "torch"},
    "interpolants": {"torch", "torchdiffeq"},
    "lattice": {"numpy", "torch"},
    "refiners": {"torch"},
    "flows": {"torch"},
    "doctor": {"cv2", "numpy"},
    "pipeline": {"torch"},
    "inference": {"cv2", "numba", "numpy", "scipy", "torch"},
    "lama": {"torch", "safetensors", "yaml"},
    "export": {"torch", "onnxruntime"},
}

# The package's doors and what each may import: `import latentinpaint`, `python -m latentinpaint`.
DOORS = {"__init__": {"inpainter"}, "__main__": {"cli"}}

MODULES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = {
    "latentinpaint": ["Inpainter", "__version__"],
    "latentinpaint.models": ["Autoencoder", "LamaAutoencoder", "IdentityAutoencoder", "MaskControl"],
    "latentinpaint.refiners": ["FFCRefiner", "FlowRefiner", "NoiseRefiner"],
    "latentinpaint.pipeline": ["InpaintPipeline", "composite"],
    "latentinpaint.data.masks": ["WideMask", "BoxMask", "MixedMask", "mask_preset"],
    "latentinpaint.visualization": ["latent_difference"],
}


def room_of(path):
    """The part of the package a file belongs to, or one of its doors."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path):
    parts = [name.split(".") for name in imported(path) if name.split(".")[0] == "latentinpaint"]
    return {part[1] for part in parts if part[1:] and not part[1].startswith("__")}


def test_every_module_has_a_room():
    rooms = {room_of(path) for path in MODULES} - set(DOORS)
    assert rooms <= set(FLOOR), f"give {rooms - set(FLOOR)} a floor in FLOORS"
    assert {"data", "models", "interpolants", "refiners", "pipeline", "training", "cli"} <= rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    room = room_of(path)
    if room in DOORS:
        assert rooms_imported(path) <= DOORS[room]
        return
    wrong = {other for other in rooms_imported(path) if other != room and FLOOR[other] >= FLOOR[room]}
    assert not wrong, f"{room} (floor {FLOOR[room]}) imports {wrong}"


def test_the_rule_can_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    (tmp_path / "models").mkdir()
    module = tmp_path / "models" / "new.py"
    for line in (
        "from latentinpaint.images.image_files import Picture",
        "def f():\n    import latentinpaint.cli.dispatch",
    ):
        module.write_text(line)
        with pytest.raises(AssertionError, match="models .* imports"):
            test_imports_point_downwards(module)
    for line in ("from latentinpaint.models import FFC", "from latentinpaint.errors import InputError"):
        module.write_text(line)
        test_imports_point_downwards(module)


@pytest.mark.parametrize("room", OUTSIDE)
def test_lower_rooms_know_little_of_the_outside(room):
    allowed = OUTSIDE[room] | {"latentinpaint"} | set(sys.stdlib_module_names)
    for path in MODULES:
        if room_of(path) == room:
            assert {name.split(".")[0] for name in imported(path)} <= allowed, path


def fresh(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_help_loads_nothing_heavy():
    """Every command explains itself in a fraction of a second."""
    code = """
import contextlib, io, sys
from latentinpaint.cli import COMMANDS, main
for name in COMMANDS:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main(name, ["--help"])
    for heavy in ("torch", "numpy", "PIL", "cv2", "scipy", "pytorch_lightning", "matplotlib"):
        if heavy in sys.modules:
            sys.exit(f"{name} --help loads {heavy}")
print("done")
"""
    assert fresh(code) == ["done"]


def test_loading_a_model_imports_nothing_that_filling_does_not_use():
    unused = ["jinja2", "fsspec", "huggingface_hub", "pyarrow", "pytorch_lightning", "ray", "albumentations"]
    code = f"import sys, latentinpaint.inpainter; print(*(set({unused}) & set(sys.modules)))"
    assert fresh(code) == []


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["torch", "numpy", "PIL", "torchvision", "pytorch_lightning", "jsonargparse", "rich", "matplotlib"]
    code = f"import sys, latentinpaint; latentinpaint.__version__; print(*(set({heavy}) & set(sys.modules)))"
    assert fresh(code) == []
    assert fresh(f"import sys, numpy; print(*(set({heavy}) & set(sys.modules)))") == ["numpy"]


def test_the_door_gives_its_names_and_no_others():
    assert latentinpaint.Inpainter.__module__ == "latentinpaint.inpainter"
    with pytest.raises(AttributeError, match="Outpainter"):
        _ = latentinpaint.Outpainter


@pytest.mark.parametrize("module", PUBLIC)
def test_promised_names(module):
    found = importlib.import_module(module)
    for name in PUBLIC[module]:
        assert getattr(found, name) is not None


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=lambda p: str(p.parent.name))
def test_all_lists_what_is_there(path):
    relative = path.parent.relative_to(PACKAGE.parent)
    module = importlib.import_module(".".join(relative.parts))
    for name in getattr(module, "__all__", []):
        assert hasattr(module, name), name


OPTION = re.compile(r"(?<![\w-])--[a-z]")
TRAINING_COMMANDS = [
    PACKAGE / "training" / f"{name}.py"
    for name in ("cli", "aliases", "option_order", "help_page", "run_options", "run_messages")
]
COMMAND_LINES = [*TRAINING_COMMANDS, *(PACKAGE / "cli").glob("*.py")]


def docstrings(tree):
    """The nodes of a module's docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def options_named(path):
    """The strings of a module, f-strings included, that name a command-line option; docstrings may."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = set(docstrings(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            if OPTION.search(node.value):
                yield f"{path.name}:{node.lineno}: {node.value}"


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p not in COMMAND_LINES], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_only_the_command_line_names_options(path):
    """A library's message names the argument; the command line says the option where it matters."""
    assert list(options_named(path)) == []


@pytest.mark.parametrize("line", ['raise ValueError("give --size")', 'message = f"{count} with (--jobs 1)"'])
def test_a_named_option_is_found(line, tmp_path):
    module = tmp_path / "new.py"
    module.write_text(line)
    with pytest.raises(AssertionError):
        test_only_the_command_line_names_options(module)
    module.write_text('def f():\n    """See --size."""\n    g("a -- dash, --- a rule", "data.size")')
    test_only_the_command_line_names_options(module)

"""The house in numbers: names that stand for one thing, short functions, one thought a line, a test for every module.

Every rule is a function from paths to what breaks it; `test_each_rule_can_fail` plants a fault for each.
"""

import ast
import importlib.util
from collections import defaultdict
from pathlib import Path

import pytest

import latentinpaint

PACKAGE = Path(latentinpaint.__file__).parent
ROOT = Path(__file__).parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))

MOST_ROOT_MODULES = 8
MOST_COMMAND_LINES = 2300
LONGEST_FUNCTION = 60

# Modules that no test file of their own would suit, and the test that holds them.
TESTED_ELSEWHERE = {
    # Commands and their frame are tested by running commands.
    "__main__.py": "cli/test_bad_input.py",
    "cli/adopt.py": "experiments/test_adoption.py",
    "cli/comparison.py": "cli/test_benchmark.py",
    "cli/dispatch.py": "cli/test_bad_input.py",
    "cli/inpaint_options.py": "cli/test_inpaint.py",
    "cli/inpaint_run.py": "cli/test_inpaint_folder.py",
    "cli/inpaint_tasks.py": "cli/test_inpaint.py",
    "cli/make_default.py": "experiments/test_model_making.py",
    "cli/make_masks.py": "cli/test_benchmark.py",
    "cli/record_maze.py": "cli/test_plan.py",
    "cli/terminal.py": "cli/test_inpaint_folder.py",
    # What a check of the doctor looks at, tested through the checks.
    "doctor/examined_mask.py": "doctor/test_mask_checks.py",
    "doctor/unmatched.py": "doctor/test_pairs.py",
    # Commands that are tested together.
    "cli/serve.py": "cli/test_app.py",
    # What the service's routes are made of, tested by requests.
    "service/answers.py": "service/test_job_routes.py",
    "service/filling.py": "service/test_job_routes.py",
    "service/refused.py": "service/test_program_routes.py",
    "service/service.py": "service/test_program_routes.py",
    # Tested through what runs them.
    "flows/sampling_tasks.py": "flows/test_session.py",
    "training/run_options.py": "training/test_help_page.py",
    "restoration/restorers.py": "restoration/test_base.py",
    "models/fast/modules.py": "models/fast/test_fuse.py",
}


def load_density():
    """`.ci/density.py`, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("density", ROOT / ".ci" / "density.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repeated_stems(package):
    """Module names that several modules have, but `base` and the command lines' `cli`."""
    found = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        found[path.stem].append(path.relative_to(package))
    for name in ("base", "cli", "__init__"):
        found.pop(name, None)
    return {stem: paths for stem, paths in found.items() if len(paths) > 1}


def repeated_classes(package):
    """Public class names that several modules define, but `Options` of the commands."""
    found = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name != "Options":
                found[node.name].append(path.relative_to(package))
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def root_modules(package):
    return [path.name for path in package.glob("*.py") if path.name != "__init__.py"]


def long_functions(package):
    """Functions of more lines than `LONGEST_FUNCTION`, their docstrings included."""
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    found.append(f"{path.relative_to(package)}:{node.name} has {lines} lines")
    return found


def command_lines(package):
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (package / "cli").rglob("*.py"))


def dense_files(package):
    """Files above a limit of `.ci/density.py`, and the whole package if it is."""
    density = load_density()
    found, parts = [], []
    for path in sorted(package.rglob("*.py")):
        measured = density.measure(path.read_text(encoding="utf-8"))
        parts.append(measured)
        found += [f"{path.relative_to(package)}: {name}" for name in measured.excess()]
    whole = density.total(parts)
    found += [f"all files: {name}" for name, limit in density.LIMITS.items() if whole.per_thousand(name) > limit]
    return found


def untested_modules(package, tests, elsewhere):
    """Modules without `tests/<same folder>/test_<same name>.py` that are not in `elsewhere`."""
    found = []
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package)
        if path.name == "__init__.py" or str(module) in elsewhere:
            continue
        if not (tests / module.parent / f"test_{path.name}").is_file():
            found.append(str(module))
    return found


def stale_exceptions(package, tests, elsewhere):
    """Entries of `elsewhere` without their module, without their test file, or with a test file of their own."""
    found = []
    for module, test in elsewhere.items():
        own = tests / Path(module).parent / f"test_{Path(module).name}"
        if not (package / module).is_file() or not (tests / test).is_file() or own.is_file():
            found.append(module)
    return found


def test_no_two_modules_share_a_name():
    assert repeated_stems(PACKAGE) == {}


def test_no_two_public_classes_share_a_name():
    assert repeated_classes(PACKAGE) == {}


def test_the_root_is_small():
    assert len(root_modules(PACKAGE)) <= MOST_ROOT_MODULES


def test_functions_are_short():
    assert long_functions(PACKAGE) == []


def test_commands_are_thin():
    assert command_lines(PACKAGE) <= MOST_COMMAND_LINES


def test_one_thought_a_line():
    assert dense_files(PACKAGE) == []


def test_every_module_has_its_tests():
    tests = ROOT / "tests"
    assert untested_modules(PACKAGE, tests, TESTED_ELSEWHERE) == []
    assert stale_exceptions(PACKAGE, tests, TESTED_ELSEWHERE) == []


@pytest.fixture
def small_house(tmp_path):
    """A package and its tests that keep every rule."""
    package, tests = tmp_path / "package", tmp_path / "tests"
    own = "class Options:\n    pass\n\n\nclass _Inner:\n    pass\n"
    modules = {
        "cli/run.py": own,
        "models/base.py": own,
        "flows/base.py": own,
        "models/unet.py": own,
    }
    for name, text in modules.items():
        for path in (package / name, tests / Path(name).parent / f"test_{Path(name).name}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return package, tests


def test_each_rule_can_fail(small_house):
    package, tests = small_house

    def broken():
        return {
            "stems": bool(repeated_stems(package)),
            "classes": bool(repeated_classes(package)),
            "root": len(root_modules(package)) > MOST_ROOT_MODULES,
            "long": bool(long_functions(package)),
            "cli": command_lines(package) > MOST_COMMAND_LINES,
            "dense": bool(dense_files(package)),
            "untested": bool(untested_modules(package, tests, {})),
            "stale": bool(stale_exceptions(package, tests, {})),
        }

    assert not any(broken().values())
    function = "def long():\n" + "    print()\n" * LONGEST_FUNCTION
    faults = {
        "stems": {"flows/unet.py": "", "../tests/flows/test_unet.py": ""},
        "classes": {"models/unet.py": "class Net:\n    pass\n", "models/base.py": "class Net:\n    pass\n"},
        "root": {f"{letter}.py": "" for letter in "abcdefghi"}
        | {f"../tests/test_{letter}.py": "" for letter in "abcdefghi"},
        "long": {"models/unet.py": function},
        "cli": {"cli/run.py": "print()\n" * (MOST_COMMAND_LINES + 1)},
        "dense": {"models/unet.py": "a, b = 1, 2\nb, a = 1, 2\n"},
        "untested": {"models/new.py": ""},
    }
    for rule, files in faults.items():
        kept = {}
        for name, text in files.items():
            path = package / name
            kept[path] = path.read_text() if path.is_file() else None
            path.write_text(text)
        assert [name for name, bad in broken().items() if bad] == [rule]
        for path, text in kept.items():
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
    assert stale_exceptions(package, tests, {"models/unet.py": "models/test_unet.py"}) == ["models/unet.py"]
    assert stale_exceptions(package, tests, {"models/gone.py": "models/test_unet.py"}) == ["models/gone.py"]

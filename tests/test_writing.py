"""Every file is written through `latentinpaint.files`: no module goes around it."""

import ast
from pathlib import Path

import pytest

import latentinpaint

PACKAGE = Path(latentinpaint.__file__).parent
# What writes a file by itself: methods and functions by their last name.
WRITERS = {
    "write_text",
    "write_bytes",
    "savefig",
    "save_file",
    "imwrite",
    "imsave",
    "tofile",
    "to_csv",
    "dump",
}
TEMPORARY = {"mkstemp", "NamedTemporaryFile"}
# What may, and why.
ALLOWED = {
    ("files.py", "write_bytes"),
    ("files.py", "open"),  # to have it written at once
    ("data/shard_writing.py", "open"),  # a tar, put in place when it is whole
    ("evaluation/profiling.py", "write_text"),  # a switch of the kernel's, not a file
    ("evaluation/report/plots.py", "savefig"),  # into memory
    ("experiments/queue.py", "open"),  # the log of a process, which grows line by line
    ("images/high_depth.py", "imwrite"),  # into memory
    ("service/photo_store.py", "save"),  # into a temporary folder that goes with the process
    ("service/photo_store.py", "write_bytes"),
    ("training/cli.py", "dump"),  # gives a text
}


def names_in_memory(function):
    """The variables of a function that are files in memory."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            if ast.unparse(node.value.func).rsplit(".", 1)[-1] in ("BytesIO", "StringIO"):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def writes(call, in_memory):
    """The name under which a call writes a file by itself, None if it does not."""
    if not isinstance(call.func, ast.Attribute):
        return "open" if ast.unparse(call.func) == "open" and for_writing(call, 1) else None
    name = call.func.attr
    module = ast.unparse(call.func.value)
    if name in TEMPORARY or (name in WRITERS and module != "files"):
        return name
    if name == "open" and for_writing(call, 0):
        return name
    if name == "save" and not any(isinstance(word, ast.Name) and word.id in in_memory for word in call.args):
        return name
    return None


def for_writing(call, position):
    modes = [word.value for word in call.args[position:] if isinstance(word, ast.Constant)]
    modes += [keyword.value.value for keyword in call.keywords if isinstance(keyword.value, ast.Constant)]
    return any(isinstance(mode, str) and set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)


def writers_of(text):
    tree = ast.parse(text)
    in_memory = set(names_in_memory(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = writes(node, in_memory)
            if name is not None:
                yield name


def test_no_module_writes_by_itself():
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in writers_of(path.read_text(encoding="utf-8")):
            found.add((path.relative_to(PACKAGE).as_posix(), name))
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("image.save(path)", "save"),
        ("image.save(path, quality=3)", "save"),
        ("torch.save(state, path)", "save"),
        ("np.save(file, values)", "save"),
        ("open(path, 'w')", "open"),
        ("open(path, mode='wb')", "open"),
        ("path.open('a')", "open"),
        ("path.write_text(text)", "write_text"),
        ("figure.savefig(path)", "savefig"),
        ("json.dump(a, file)", "dump"),
        ("open(path)", None),
        ("open(path, 'rb')", None),
        ("file = io.BytesIO()\nimage.save(file)", None),
        ("file = io.BytesIO()\ntorch.save(state, file)", None),
    ],
)
def test_the_rule_can_fail(line, name):
    assert list(writers_of(line)) == ([] if name is None else [name])

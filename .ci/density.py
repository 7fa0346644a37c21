"""Print how dense the package's code is, file by file: constructs per 1000 lines of code.

    python .ci/density.py [--all] [FOLDER]

Counted are conditional expressions (`a if b else c`), comprehensions (generator expressions included) and parallel
assignments (`a, b = c, d`). A line of code is one that is neither blank, nor a comment, nor a docstring's. A file is
too dense when it is above a limit by more than one construct, so that a short file may have a few.
`tests/test_architecture.py` asserts the same limits.
"""

import argparse
import ast
from dataclasses import dataclass
from pathlib import Path

LIMITS = {"conditional expressions": 16, "comprehensions": 20, "parallel assignments": 5}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Density:
    """What was counted in a file or in several: lines of code, and constructs by the names in `LIMITS`."""

    lines: int
    counts: dict[str, int]

    def per_thousand(self, name: str) -> float:
        """Constructs per 1000 lines of code."""
        return 1000 * self.counts[name] / max(1, self.lines)

    def excess(self) -> list[str]:
        """The names in `LIMITS` that there is too much of."""
        return [name for name, limit in LIMITS.items() if self.counts[name] > self.lines * limit / 1000 + 1]


def measure(text: str) -> Density:
    """The density of one file's text."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    counts = {
        "conditional expressions": sum(isinstance(node, ast.IfExp) for node in nodes),
        "comprehensions": sum(isinstance(node, _COMPREHENSIONS) for node in nodes),
        "parallel assignments": sum(_is_parallel(node) for node in nodes),
    }
    return Density(_code_lines(text, nodes), counts)


def total(parts: list[Density]) -> Density:
    """The density of several files together."""
    counts = {name: sum(part.counts[name] for part in parts) for name in LIMITS}
    return Density(sum(part.lines for part in parts), counts)


def _is_parallel(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in node.targets)


def _code_lines(text: str, nodes: list[ast.AST]) -> int:
    documentation: set[int] = set()
    for node in nodes:
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            documentation |= set(range(docstring.lineno, docstring.end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    code = [number for number, line in lines if line.strip() and not line.strip().startswith("#")]
    return len(set(code) - documentation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=Path(__file__).parents[1] / "latentinpaint", type=Path)
    parser.add_argument("--all", action="store_true", help="print every file, not only those above a limit")
    options = parser.parse_args()
    found = {path: measure(path.read_text(encoding="utf-8")) for path in sorted(options.folder.rglob("*.py"))}
    print(f"{'per 1000 lines of code':<50} {'lines':>6} {'cond.':>6} {'compr.':>6} {'par.':>6}")
    for path, density in found.items():
        if options.all or density.excess():
            print(_row(str(path.relative_to(options.folder)), density))
    print(_row("all files", total(list(found.values()))))
    print(f"{sum(bool(density.excess()) for density in found.values())} of {len(found)} files are above a limit")


def _row(name: str, density: Density) -> str:
    figures = " ".join(f"{density.per_thousand(kind):>6.1f}" for kind in LIMITS)
    return f"{name:<50} {density.lines:>6} {figures}"


if __name__ == "__main__":
    main()

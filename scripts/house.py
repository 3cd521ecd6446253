"""Print how readable the package is, as numbers with a bar for each, and the lines that miss a bar.

    python scripts/house.py                    # all of synth/, with the bars
    python scripts/house.py synth/dsp --list   # one room, with every offending line

Exits with code 1 if a bar is missed. All figures come from the syntax tree; nothing is imported.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "synth"

_WORDS = """
    found told said heard made mine there known here held wanted whole done gone left asked again one other
"""
#: Words that do not say what a variable holds.
VAGUE: Final = frozenset(_WORDS.split())
#: Lines of code of the package when the bar was set, counted as `code_lines` does.
LINES_BEFORE: Final = 27_169
GROUND: Final = 6  # modules that may lie directly in the package

Function = ast.FunctionDef | ast.AsyncFunctionDef

_ARRAY = re.compile(r"\b(Samples|Values|Vector|Matrix|Frames|Indices|Spectrum|Powers|ndarray|NDArray)\b")
_SHAPE = re.compile(r"shape|scalar|same length|one per|per clip|\(n,|\([a-z_]+, [a-z_]+\)", re.IGNORECASE)
_UNIT = re.compile(
    r"\bdB|\bHz\b|seconds|\bms\b|samples|full scale|unit|share|0 to 1|radians|octave|indices|index|count|weights|"
    r"probabilit|cents|semitones|power|amplitude|bool|int\d|ratio|distance|scale|score|labels?\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"(?<!docs/)\b(science|matching|performance|trials|field|peers|DESIGN|review_house)\.md\b")
_UNSOURCED = re.compile(r"from memory|not re-read|own guess", re.IGNORECASE)


@dataclass
class Module:
    """A module: its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The dotted name, `synth.dsp.levels`."""
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

    def at(self, node: ast.AST) -> str:
        """`synth/dsp/levels.py:12`."""
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@dataclass
class Bar:
    """One figure with its bar, and the places that count against it."""

    name: str
    figure: str
    bar: str
    met: bool
    places: list[str] = field(default_factory=list)


def read_modules(paths: Iterable[Path]) -> list[Module]:
    """Parse all modules below the paths."""
    files = sorted({file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))})
    texts = [(file.resolve(), file.read_text(encoding="utf-8")) for file in files]
    return [Module(file, text, ast.parse(text)) for file, text in texts]


def functions(module: Module) -> Iterator[Function]:
    """All functions and methods, nested ones too."""
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Lines from the first statement to the last, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or body[0].lineno) - body[0].lineno + 1


def docstring_lines(module: Module) -> set[int]:
    """Lines that belong to the docstrings of the module, its classes and its functions."""
    documented = (n for n in ast.walk(module.tree) if isinstance(n, ast.Module | ast.ClassDef | Function))
    first = (node.body[0] for node in documented if ast.get_docstring(node, clean=False) is not None)
    return {line for node in first for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def comments(module: Module) -> tuple[set[int], int]:
    """(lines that hold nothing but a comment, number of all comments that are no instructions to a tool)."""
    alone, count = set(), 0
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            if not token.line[: token.start[1]].strip():
                alone.add(token.start[0])
            count += not re.match(r"#\s*(noqa|type:|fmt:|pragma)", token.string)
    return alone, count


def code_lines(module: Module) -> int:
    """Lines that are neither blank, nor a comment, nor part of a docstring."""
    skipped = docstring_lines(module) | comments(module)[0]
    lines = enumerate(module.text.splitlines(), start=1)
    return sum(bool(line.strip()) and number not in skipped for number, line in lines)


def bindings(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that is bound to a value: variables, parameters, fields."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.arg):
            yield node, node.arg


def is_vague(name: str) -> bool:
    """Return whether a name, without its underscores, is one of the vague words."""
    return name.strip("_") in VAGUE


def public_definitions(module: Module) -> Iterator[ast.AST]:
    """Public classes, functions and methods of the module, without those inside functions."""
    for node in module.tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (part for part in node.body if isinstance(part, Function) and not part.name.startswith("_"))


def array_arguments(function: Function) -> list[str]:
    """Names of the parameters that are arrays by their annotation."""
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return [arg.arg for arg in every if arg.annotation is not None and _ARRAY.search(ast.unparse(arg.annotation))]


def imports(module: Module, names: set[str]) -> set[str]:
    """Names of the modules that this one imports when it runs (also inside functions)."""
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    wanted = set()
    skipped = {
        id(inner)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in skipped:
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            wanted |= {f"{start}.{alias.name}" if f"{start}.{alias.name}" in names else start for alias in node.names}
        elif isinstance(node, ast.Import) and id(node) not in skipped:
            wanted |= {alias.name for alias in node.names}
    return wanted & names - {module.name}


def import_cycles(modules: list[Module]) -> list[str]:
    """Groups of modules that import each other, directly or not, one text per group (Tarjan's components)."""
    names = {module.name for module in modules}
    graph = {module.name: sorted(imports(module, names)) for module in modules}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in graph[name]:
            if target not in index:
                visit(target)
            if target in stack:
                low[name] = min(low[name], low[target])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                cycles.append(" <-> ".join(sorted(group)))

    sys.setrecursionlimit(10_000)
    for name in sorted(graph):
        if name not in index:
            visit(name)
    return cycles


def bars_of_names(modules: list[Module]) -> Iterator[Bar]:
    """Variables and classes."""
    every = [(module, node, name) for module in modules for node, name in bindings(module)]
    vague = [f"{module.at(node)} {name}" for module, node, name in every if is_vague(name)]
    vague += [f"{m.at(f)} def {f.name}" for m in modules for f in functions(m) if is_vague(f.name)]
    share = len(vague) / max(1, len(every))
    yield Bar("vague names", f"{share:.2%} of {len(every)}", "<= 0.30%", share <= 0.003, vague)

    classes = defaultdict(list)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(module.at(node))
    twins = [f"{name}: {', '.join(places)}" for name, places in sorted(classes.items()) if len(places) > 1]
    yield Bar("class names in two modules", str(len(twins)), "<= 3", len(twins) <= 3, twins)


def bars_of_shape(modules: list[Module]) -> Iterator[Bar]:
    """Functions, expressions, lines."""
    nested = [
        module.at(node)
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.IfExp)
        and any(isinstance(inner, ast.IfExp) for inner in ast.walk(node) if inner is not node)
    ]
    yield Bar("nested conditional expressions", str(len(nested)), "0", not nested, nested)

    lines = sum(len(module.text.splitlines()) for module in modules)
    private = [
        f"{module.at(node)} {node.name}"
        for module in modules
        for node in module.tree.body
        if isinstance(node, Function) and node.name.startswith("_")
    ]
    rate = 1000 * len(private) / max(1, lines)
    yield Bar("private helpers per 1,000 lines", f"{rate:.1f} ({len(private)})", "< 20", rate < 20, private)

    every = [(module, function) for module in modules for function in functions(module)]
    short = [f"{module.at(function)} {function.name}" for module, function in every if body_lines(function) == 1]
    share = len(short) / max(1, len(every))
    yield Bar("one-line functions", f"{share:.1%} of {len(every)}", "< 15%", share < 0.15, short)

    long = [f"{module.at(function)} {function.name}" for module, function in every if body_lines(function) > 60]
    yield Bar("functions over 60 lines", str(len(long)), "0", not long, long)


def bars_of_docs(modules: list[Module]) -> Iterator[Bar]:
    """Docstrings and comments."""
    rooms = [m for m in modules if m.path.name == "__init__.py"]
    silent = [m.at(m.tree) for m in rooms if not ast.get_docstring(m.tree)]
    yield Bar("rooms without a docstring", f"{len(silent)} of {len(rooms)}", "0", not silent, silent)

    public = [(m, node) for m in modules for node in public_definitions(m)]
    silent = [f"{m.at(n)} {n.name}" for m, n in public if not ast.get_docstring(n)]  # type: ignore[arg-type, attr-defined]
    yield Bar("public definitions without a docstring", f"{len(silent)} of {len(public)}", "0", not silent, silent)

    arrays = [(m, n) for m, n in public if isinstance(n, Function) and array_arguments(n)]
    unclear = []
    for module, function in arrays:
        text = ast.get_docstring(function) or ""
        missing = [*(["shape"] if not _SHAPE.search(text) else []), *(["unit"] if not _UNIT.search(text) else [])]
        missing += [name for name in array_arguments(function) if not re.search(rf"\b{name}\b", text)]
        if missing:
            unclear.append(f"{module.at(function)} {function.name}: {', '.join(missing)}")
    yield Bar("array functions without shape and unit", f"{len(unclear)} of {len(arrays)}", "0", not unclear, unclear)

    lines = sum(len(module.text.splitlines()) for module in modules)
    count = sum(comments(module)[1] for module in modules)
    yield Bar("comments", f"{count / max(1, lines):.2%} of lines", ">= 1.50%", count >= 0.015 * lines)

    for name, pattern in (("references outside the repository", _ELSEWHERE), ("claims without a source", _UNSOURCED)):
        hits = [
            f"{module.path.relative_to(ROOT)}:{number} {line.strip()}"
            for module in modules
            for number, line in enumerate(module.text.splitlines(), start=1)
            if pattern.search(line)
        ]
        yield Bar(name, str(len(hits)), "0", not hits, hits)


def bars_of_package(modules: list[Module]) -> Iterator[Bar]:
    """What only makes sense for the whole package."""
    cycles = import_cycles(modules)
    yield Bar("import cycles", str(len(cycles)), "0", not cycles, cycles)
    loose = [m.at(m.tree) for m in modules if m.path.parent == PACKAGE and m.path.name != "__init__.py"]
    yield Bar("loose modules", str(len(loose)), f"<= {GROUND}", len(loose) <= GROUND, loose)
    strays = stray_tests()
    yield Bar("test files that mirror nothing", str(len(strays)), "0", not strays, strays)
    lines = sum(code_lines(module) for module in modules)
    change = lines / LINES_BEFORE - 1
    yield Bar("lines of code", f"{lines} ({change:+.1%} of {LINES_BEFORE})", "<= -8%", change <= -0.08)


def stray_tests() -> list[str]:
    """Test files that mirror no module or room of the package, and are not of promises, fuzzing or consumers."""
    tests = ROOT / "tests"
    strays = []
    for path in sorted(tests.rglob("test_*.py")):
        room = path.parent.relative_to(tests)
        if room.parts[:1] in (("promises",), ("fuzz",), ("consumers",)):
            continue
        stem = path.stem.removeprefix("test_")
        folder = PACKAGE / room
        if not any((folder / name).exists() for name in (f"{stem}.py", f"{stem}/__init__.py")):
            strays.append(str(path.relative_to(ROOT)))
    return strays


def rank(modules: list[Module]) -> str:
    """The vague words in use, most frequent first."""
    counts = Counter(name.strip("_") for module in modules for _, name in bindings(module) if is_vague(name))
    return ", ".join(f"{word} {count}" for word, count in counts.most_common())


def main() -> int:
    """Print the table; list the offending lines if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="modules or rooms (default: the package)")
    parser.add_argument("--list", action="store_true", help="list the lines that count against each bar")
    options = parser.parse_args()
    modules = read_modules(options.paths or [PACKAGE])
    bars = [*bars_of_names(modules), *bars_of_shape(modules), *bars_of_docs(modules)]
    if not options.paths:
        bars += bars_of_package(modules)
    else:
        print(f"{sum(code_lines(module) for module in modules)} lines of code")
    for bar in bars:
        print(f"{'met  ' if bar.met else 'UNMET'}  {bar.name:40} {bar.figure:28} {bar.bar}")
        if options.list:
            print("".join(f"         {place}\n" for place in bar.places), end="")
    words = rank(modules)
    if words:
        print(f"vague words: {words}")
    return 0 if all(bar.met for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The floors of the house: who may import whom, what stays out of the command line's start, how long functions are."""

from __future__ import annotations

import ast
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "synth"

# From the ground up; what stands in one line is one floor. A module may import its own floor and those below.
FLOORS = (
    ("errors", "draws", "units", "files", "text", "version"),
    ("paths", "processes"),
    ("archives", "dsp", "stats"),
    ("audio", "lists"),
    ("recipe",),
    ("catalog",),
    ("plan",),
    ("dev_test", "render"),
    ("dataset",),
    ("execute", "export"),
    ("match",),
    ("diagnose",),
    ("report",),
    ("commands",),
    ("training",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}

# A room may be divided into sub-rooms. Those in one line do not import each other, nor those of a later line.
SUB_ROOMS = {
    "dsp": (
        ("kernels",),
        ("analysis", "effects", "events", "generators"),
    ),
    "match": (("measure",), ("compare", "fit"), ("select",)),
    "diagnose": (("ladder",), ("review",)),
    "lists": (("formats",),),
    "cli": (("show",),),
    "export": (("formats",),),
}

# Slow to import; they are imported inside the functions that need them.
HEAVY = ("audiomentations", "librosa", "numba", "pyarrow", "pydantic", "scipy", "sklearn")
# Modules of this room load numba, so they are imported inside functions too.
KERNELS = "synth.dsp.kernels"
# What `synth --help` must not have loaded. (typer itself may load pydantic.)
NOT_IN_HELP = ("audiomentations", "librosa", "numba", "pyarrow", "scipy", "sklearn")


@cache
def modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def room_of(path: Path) -> str:
    """`synth/dsp/levels.py` stands in the room dsp, `synth/errors.py` is a room of its own; `synth/__init__.py` is ""."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").removeprefix("__init__").removeprefix("__main__")


def imported(node: ast.stmt, path: Path) -> Iterator[str]:
    """Dotted names that an import statement asks for; `from synth import files` asks for `synth.files`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = path.relative_to(ROOT).parent.parts
        base = package[: len(package) - node.level + 1] if node.level else ()
        start = ".".join((*base, *((node.module,) if node.module else ())))
        yield from (f"{start}.{alias.name}" for alias in node.names)


def imports_of(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in imported(node, path))


def at_module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported; not the bodies of functions, nor of `if TYPE_CHECKING`."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            for name in ("body", "handlers", "finalbody"):
                yield from at_module_level(getattr(node, name, []))
        yield from at_module_level(getattr(node, "orelse", []))


def upward(path: Path, tree: ast.Module) -> list[str]:
    own = LEVEL[room_of(path)]
    wrong = []
    for line, name in imports_of(path, tree):
        parts = name.split(".")
        if parts[0] == "synth" and len(parts) > 1 and LEVEL.get(parts[1], -1) > own:
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    return wrong


def test_every_room_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} - {""} <= set(LEVEL)


def test_lower_floors_never_import_higher_ones() -> None:
    wrong = [text for path, tree in modules().items() if room_of(path) for text in upward(path, tree)]
    assert wrong == []


def test_the_floor_test_sees_a_wrong_import_wherever_it_hides() -> None:
    tree = ast.parse("def f():\n    from synth import commands\n\nfrom ..plan.plan import Plan\nimport synth.units\n")
    path = PACKAGE / "dsp" / "levels.py"
    assert upward(path, tree) == [
        "synth/dsp/levels.py:4 imports synth.plan.plan.Plan",
        "synth/dsp/levels.py:2 imports synth.commands",
    ]


def folders() -> dict[str, str]:
    """The first line of the docstring of each room and sub-room that is a folder, such as "dsp" or "dsp/effects"."""
    packages = {
        path.parent.relative_to(PACKAGE).as_posix(): tree for path, tree in modules().items() if path.stem == "__init__"
    }
    docstrings = {name: ast.get_docstring(tree, clean=False) or "" for name, tree in packages.items() if name != "."}
    return {name: text.partition("\n")[0] for name, text in docstrings.items()}


def test_each_room_says_in_one_line_what_it_is_and_what_it_may_import() -> None:
    wrong = {name: text for name, text in folders().items() if not re.fullmatch(r"[A-Z`].+[.)] Imports .+\.", text)}
    assert wrong == {}


def test_what_a_room_says_of_its_imports_is_its_floor() -> None:
    """ "Imports nothing above `plan`" names a room of the floor below, or of its own."""
    for name, text in folders().items():
        level = LEVEL[name.split("/")[0]]
        limit = re.search(r"nothing above `(\w+)`", text)
        if limit is None:
            assert re.search(r"Imports (only|`dsp` and) the ground\.$", text), name
            assert level <= LEVEL["dsp"], name
        else:
            assert level - 1 <= LEVEL[limit[1]] <= level, name


def test_sub_rooms_import_each_other_in_one_direction() -> None:
    sub_rooms = {name for name in folders() if name.count("/") == 1}
    assert {f"{room}/{name}" for room, lines in SUB_ROOMS.items() for line in lines for name in line} >= sub_rooms
    assert sideways() == []


def sideways() -> list[str]:
    """Imports between sub-rooms of one room that are not allowed; `dsp/events` and `dsp/generators` share sounds."""
    order = {f"{room}.{name}": n for room, lines in SUB_ROOMS.items() for n, line in enumerate(lines) for name in line}
    wrong = []
    for path, tree in modules().items():
        own = ".".join(path.relative_to(PACKAGE).parts[:2])
        for line, name in imports_of(path, tree):
            target = ".".join(name.split(".")[1:3])
            same_room = own.split(".")[0] == target.split(".")[0] != "dsp"
            if own in order and target in order and own != target and same_room and order[target] >= order[own]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    return wrong


def test_slow_libraries_are_imported_only_inside_functions() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno} imports {name}"
        for path, tree in modules().items()
        for node in at_module_level(tree.body)
        for name in imported(node, path)
        if name.split(".")[0] in HEAVY or name.startswith(f"{KERNELS}.")
        if not (name.split(".")[0] == "numba" and path.parent == PACKAGE / "dsp" / "kernels")
        if not (name.startswith(f"{KERNELS}.") and path.parent == PACKAGE / "dsp" / "kernels")
    ]
    assert wrong == []


def test_nothing_is_called_utils() -> None:
    assert [path.name for path in modules() if path.stem in ("utils", "util", "helpers", "common", "misc")] == []


def lengths() -> list[tuple[int, str]]:
    """(lines from the first statement to the last, without the docstring; name) of every function and method."""
    found = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                count = (node.end_lineno or first.lineno) - first.lineno + 1
                found.append((count, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return found


def test_functions_are_short() -> None:
    counts = lengths()
    assert [name for count, name in counts if count > 60] == []
    assert statistics.median(count for count, _ in counts) < 10


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["generate", "--help"]])
def test_help_loads_no_slow_library(arguments: list[str]) -> None:
    program = (
        "import sys, json\n"
        "from synth.cli import main\n"
        f"sys.argv = ['synth', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert "synth" in loaded
    assert [name for name in NOT_IN_HELP if name in loaded] == []

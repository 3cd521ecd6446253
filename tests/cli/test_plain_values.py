"""Values of the command line are read as typer reads them, and without pydantic as long as they are plain."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperGroup

from synth.cli.plain_values import PlainValue


def command(
    text: str = "a",
    folder: Path = Path("b"),
    number: Annotated[int, typer.Option(min=1, max=40)] = 2,
    words: list[str] | None = None,
    files: list[Path] | None = None,
    share: float = 0.5,
    flag: bool = False,
) -> None:
    """Nothing."""


def params(*, plain: bool) -> dict[str, Any]:
    app = typer.Typer()
    app.command()(command)
    app.command("other")(command)
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    by_name: dict[str, Any] = {str(param.name): param for param in root.commands["command"].params}
    for param in by_name.values() if plain else ():
        param._runtime_param = PlainValue()
    return by_name


VALUES: dict[str, list[Any]] = {
    "text": ["", "x y", None, "\udc80", "7"],
    "folder": ["", "/nowhere/x", ".", None, Path("c")],
    "number": ["1", "40", "007", "0", "41", "-3", "1.5", "x", " 3 ", "٣", "9" * 30, 2, None, True],
    "words": [("a", "b"), [], None, "ab"],
    "files": [("a", "."), None],
    "share": ["0.25", "x", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
def test_as_typer_reads_it(name: str, value: Any) -> None:
    outcomes = []
    for plain in (False, True):
        param = params(plain=plain)[name]
        try:
            result = param.get_runtime_param().coerce(value, param=param, ctx=None)
            outcomes.append((type(result), result))
        except typer.BadParameter as error:
            outcomes.append((typer.BadParameter, error.message))
    assert outcomes[0] == outcomes[1]


def test_a_folder_that_may_not_be_read_is_refused_by_typer(monkeypatch: pytest.MonkeyPatch) -> None:
    param, refused = params(plain=True)["folder"], []
    monkeypatch.setattr("os.access", lambda *_: False)
    param.get_runtime_param = lambda: SimpleNamespace(coerce=lambda value, **_: refused.append(value))
    PlainValue().coerce(".", param, None)
    assert refused == ["."]


def test_a_usual_command_line_does_not_import_pydantic(tmp_path: Path) -> None:
    words = ["generate", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "out"), "--jobs", "2", "--set", "seed=1"]
    code = "import sys; from synth.cli import run; print(run(sys.argv[1:]), 'pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"], done.stderr

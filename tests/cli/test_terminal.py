"""Tables and long lines fit the terminal; in a pipe nothing is shortened."""

from __future__ import annotations

import random
import re

import pytest

from synth.cli import terminal
from synth.cli.terminal import shortened, table, wrapped

WIDTHS = [60, 80, 100, 200]


@pytest.fixture
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    monkeypatch.setattr(terminal, "width", lambda stream=None: request.param)
    return request.param


def figures(text: str) -> list[str]:
    return sorted(re.findall(r"(?<![\w.])[-+]?\d+\.\d+(?![\w.])", text))


def random_rows(seed: int) -> list[list[str]]:
    """A head and rows of one id, words, and figures with one to three parts."""
    rng = random.Random(seed)
    width = rng.randint(3, 14)
    kinds = ["id", *rng.choices(["id", "words", "figure", "three"], [1, 1, 5, 2], k=width - 1)]

    def cell(kind: str) -> str:
        value = f"{rng.uniform(-999, 9999):.2f}"
        if kind == "id":
            return "x" * rng.randint(3, 60)
        if kind == "words":
            return " ".join("w" * rng.randint(1, 12) for _ in range(rng.randint(1, 9)))
        return value if kind == "figure" else f"{value} / {rng.uniform(0, 9):.1f}"

    head = [" ".join("h" * rng.randint(1, 8) for _ in range(rng.randint(1, 3))) for _ in kinds]
    return [head, *([cell(kind) for kind in kinds] for _ in range(4))]


@pytest.mark.parametrize("columns", WIDTHS, indirect=True)
@pytest.mark.parametrize("seed", range(40))
def test_no_line_is_wider_than_the_terminal_and_every_figure_is_whole(seed: int, columns: int) -> None:
    """D14: plan was 209 columns wide; at 80 every row broke inside a number."""
    rows = random_rows(seed)
    text = [i for i, cell in enumerate(rows[1]) if not re.search(r"\d", cell)]
    lines = table(rows, text=text, indent=2)
    assert max(len(line) for line in lines) <= columns
    assert figures("\n".join(lines)) == figures("\n".join("  ".join(row) for row in rows))


@pytest.mark.parametrize("columns", [None], indirect=True)
@pytest.mark.parametrize("seed", range(10))
def test_in_a_pipe_every_row_is_one_line_with_all_of_its_text(seed: int, columns: None) -> None:
    rows = random_rows(seed)
    lines = table(rows)
    assert len(lines) == len(rows)
    assert all(cell in line for row, line in zip(rows, lines, strict=True) for cell in row)


@pytest.mark.parametrize("columns", [30], indirect=True)
def test_a_table_that_must_give_way(columns: int) -> None:
    rows = [["clip", "SNR dB", "noise"], ["speaker00_utterance0_c03b302d-v0", "8.98", "car_1 + car_2"]]
    assert table(rows, text=(0, 2)) == [
        "clip",
        "     SNR  noise",
        "      dB",
        "speaker00_utte...0_c03b302d-v0",
        "    8.98  car_1 + car_2",
    ]


def test_shortened() -> None:
    assert shortened("speaker00_utterance0_c03b302d-v0", 16) == "speaker...02d-v0"
    assert shortened("short", 16) == "short"


def test_long_lines_are_broken_between_words() -> None:
    """D14: `16000 Hz` was broken into `1` and `6000`."""
    text = "  warning: speech/a.wav: the file has 8000 Hz, the data set 16000 Hz"
    assert wrapped(text, 40) == "  warning: speech/a.wav: the file has\n    8000 Hz, the data set 16000 Hz"
    assert wrapped(text, None) == text
    command = "  $ synth errors sample predictions.csv --manifest list.jsonl --out review.csv"
    assert wrapped(command, 40) == command


class Terminal:
    def __init__(self, is_terminal: bool) -> None:
        self.isatty = lambda: is_terminal


@pytest.mark.parametrize(("stated", "used"), [("100", 100), ("7", 40)])
def test_the_width_is_that_of_the_terminal(stated: str, used: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", stated)
    assert terminal.width(Terminal(True)) == used  # type: ignore[arg-type]
    assert terminal.width(Terminal(False)) is None  # type: ignore[arg-type]

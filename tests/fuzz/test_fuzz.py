"""The short form of the fuzzing: a few mutants of each kind, the same in each run. The long form is `python -m tests.fuzz`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import archives, audio, datasets, documents, lists, recipes
from tests.fuzz.bench import Bench, Run
from tests.fuzz.mutators import mutate_bytes, mutate_field, mutate_text
from tests.fuzz.ogg_pages import with_checksums
from tests.fuzz.outcome import problems_of
from tests.warm_process import Ended, WarmProcess

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks")
SEED = 1


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmProcess]:
    with WarmProcess() as process:
        yield process


@pytest.mark.parametrize(
    ("run", "count"),
    [
        (audio.run, 90),
        (archives.run, 36),
        (lists.run, 20),
        (recipes.run, 12),
        (datasets.run, 10),
        (datasets.run_tars, 10),
        (documents.run, 24),
    ],
    ids=["audio", "archives", "lists", "recipes", "datasets", "tar-datasets", "profiles"],
)
def test_no_mutant_does_harm(run: Run, count: int, warm: WarmProcess, tmp_path: Path) -> None:
    """No traceback, hang or memory beyond 300 MB; documented exit codes; every refusal names file and reason."""
    campaign = run(Bench(tmp_path, warm), SEED, range(count))
    assert campaign.violations == []
    assert campaign.tried == count
    assert 0 < campaign.accepted < count  # neither is every mutant refused nor is it none


def test_a_mutant_is_a_function_of_seed_and_index(tmp_path: Path) -> None:
    paths = audio.bases(tmp_path, real=False)
    assert audio.mutant(paths, 1, 7) == audio.mutant(paths, 1, 7) != audio.mutant(paths, 2, 7)
    contents = archives.bases()
    assert archives.mutant(contents, 1, 7) == archives.mutant(contents, 1, 7) != archives.mutant(contents, 2, 7)
    assert lists.mutant(1, 7) == lists.mutant(1, 7) != lists.mutant(2, 7)
    assert recipes.mutant(1, 8) == recipes.mutant(1, 8) != recipes.mutant(2, 8)
    assert len({audio.mutant(paths, 1, index)[1] for index in range(100)}) > 95


@pytest.mark.parametrize("mutate", [mutate_bytes, mutate_text, mutate_field])
def test_mutators_take_anything(mutate: documents.Mutate) -> None:
    for data in (b"", b"\n", b"{}", b"[]\n", b"x", bytes(range(256)), b'{"a": [1, {"b": null}]}\n{"a": 2}\n'):
        for k in range(40):
            changed, name = mutate(data, Random(k))
            assert isinstance(changed, bytes)
            assert name


def test_the_encoders_draw_nothing(tmp_path: Path) -> None:
    """Bases are the same bytes in each run, those of OGG with a serial number of ours."""
    one, other = audio.bases(tmp_path / "1", real=False), audio.bases(tmp_path / "2", real=False)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    ogg = next(path.read_bytes() for path in one if path.suffix == ".ogg")
    assert with_checksums(ogg) == ogg


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        (Ended(0, "", "", 100, 0, 0, False), None),
        (Ended(2, "", "synth: a.csv:3: no path", 100, 0, 0, False), None),
        (Ended(2, "", "synth: no path", 100, 0, 0, False), "the refusal names no file"),
        (Ended(1, "", "synth: a.csv: x", 100, 0, 0, False), "exit code 1"),
        (Ended(-9, "", "", 100, 0, 20, True), "hung"),
        (Ended(-11, "", "a.csv", 100, 0, 0, False), "exit code -11"),
        (Ended(2, "", "a.csv\nThis is a bug of synth", 100, 0, 0, False), "bug of synth"),
        (Ended(0, "", "x.py:3: RuntimeWarning: overflow", 100, 0, 0, False), "litter on stderr"),
        (Ended(0, "", "Note: Illegal Audio-MPEG-Header", 100, 0, 0, False), "litter on stderr"),
        (Ended(0, "\x1b[2J", "", 100, 0, 0, False), "control character"),
        (Ended(0, "", "", 301, 0, 0, False), "301 MB"),
        (Ended(2, "", "a.csv" + "x" * 30_000, 100, 0, 0, False), "a message of 30005 characters"),
    ],
)
def test_what_counts_as_a_violation(ended: Ended, problem: str | None) -> None:
    """The judge is tested, too: it would be quiet if it were broken."""
    problems = problems_of(ended, codes=(0, 2), names=["a.csv"])
    assert problems == [] if problem is None else problem in problems[0]

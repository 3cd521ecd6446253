"""Measured once: what the cache keeps, what it forgets, and what an interrupted run leaves in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from synth.audio.cache import key_of, open_cache
from synth.audio.measured import ToMeasure, measure_once
from synth.errors import BadInput
from synth.processes.pool import Pool


class HerePool:
    """A pool that works in this process, and notes what it was given."""

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.paths: list[str] = []
        self._answer = answer

    def map(self, function: str, tasks: Sequence[tuple[str]], **options: object) -> Iterator[tuple[int, Any]]:
        for index, (path,) in enumerate(tasks):
            self.paths.append(path)
            yield index, self._answer(path)


def measure(folder: Path, pool: HerePool, names: str = "ab", changed_ns: int = 0, **options: Any) -> dict[str, Any]:
    items = {name: ToMeasure(name, key_of(name), (f"/file/{name}",), 1.0, changed_ns) for name in names}
    cache = open_cache(folder)
    try:
        return measure_once(items, "module:function", pool=cast("Pool", pool), cache=cache, **options)
    finally:
        cache.close()


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    first, second = HerePool(len), HerePool(len)
    assert measure(tmp_path, first) == measure(tmp_path, second) == {"a": 7, "b": 7}
    assert (first.paths, second.paths) == (["/file/a", "/file/b"], [])


def test_an_answer_that_does_not_hold_is_measured_again(tmp_path: Path) -> None:
    measure(tmp_path, HerePool(len))
    pool = HerePool(len)
    measure(tmp_path, pool, is_usable=lambda name, answer: name == "a")
    assert pool.paths == ["/file/b"]


def test_a_refusal_names_the_file_as_the_list_does_and_is_remembered(tmp_path: Path) -> None:
    def refuse(path: str) -> BadInput:
        return BadInput("not_audio", path, "no sound")

    pool = HerePool(len)
    fresh = measure(tmp_path, HerePool(refuse), step="plan")["a"]
    recalled = measure(tmp_path, pool, step="plan")["a"]
    assert [(e.code, e.path, e.message, e.step) for e in (fresh, recalled)] == [
        ("not_audio", "a", "no sound", "plan")
    ] * 2
    assert pool.paths == []


@pytest.mark.parametrize("code", ["timeout", "decode_crash", "missing", "changed_during_run"])
def test_a_refusal_that_may_pass_is_forgotten(tmp_path: Path, code: str) -> None:
    measure(tmp_path, HerePool(lambda path: BadInput(code, path, "")))
    pool = HerePool(len)
    assert measure(tmp_path, pool) == {"a": 7, "b": 7}


@pytest.mark.parametrize("answer", [7, BadInput("not_audio", "", "")])
def test_a_file_that_has_just_changed_is_measured_again(tmp_path: Path, answer: object) -> None:
    """Within the same tick of the clock it may change again."""
    measure(tmp_path, HerePool(lambda path: answer), changed_ns=time.time_ns())
    pool = HerePool(len)
    measure(tmp_path, pool)
    assert pool.paths == ["/file/a", "/file/b"]


def test_an_interrupted_run_keeps_what_it_has(tmp_path: Path) -> None:
    def interrupt_at_b(path: str) -> int:
        if path.endswith("b"):
            raise KeyboardInterrupt
        return len(path)

    with pytest.raises(KeyboardInterrupt):
        measure(tmp_path, HerePool(interrupt_at_b))
    pool = HerePool(len)
    assert measure(tmp_path, pool) == {"a": 7, "b": 7}
    assert pool.paths == ["/file/b"]

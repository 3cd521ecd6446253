"""Measure each item once: the answer is from the cache if its file has not changed, otherwise from a worker process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from synth.audio.cache import Cache
from synth.errors import BadInput
from synth.processes.pool import Pool

# A file that changed less than 2 s ago may change again within the same tick of its file system's clock (2 s on FAT):
# its time would be the same, and the cache would answer for other samples.
_FRESH_NS: Final = 2_000_000_000
_TRANSIENT: Final = frozenset(("timeout", "decode_crash", "missing", "changed_during_run"))
_SAVE_EVERY: Final = 500  # answers: an interrupted run has lost at most these

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ToMeasure:
    """One item, and how to measure it."""

    path: str  #: what a refusal names
    key: bytes | None  #: what the cache knows the answer by (`key_of`); None: do not remember it
    arguments: tuple[Any, ...]  #: of the function; the first is the path of the file
    timeout_s: float  #: for how long a worker may be silent over it
    changed_ns: int = 0  #: when the file changed last, ns since 1970; 0: it cannot change


def measure_once(
    items: Mapping[Item, ToMeasure],
    function: str,
    *,
    pool: Pool,
    cache: Cache,
    step: str = "scan",
    batch: int = 64,
    is_usable: Callable[[Item, Any], bool] | None = None,
    progress: Callable[[int], object] | None = None,
) -> dict[Item, Any]:
    """Measure items that the cache does not know, and remember what was measured.

    Refusals are remembered as well, except those that may be different next time, such as a timeout.

    Args:
        items: by whatever the caller calls them.
        function: `module:name`; called in a worker process, returns what JSON can hold or raises BadInput.
        pool: the worker processes.
        cache: answers of earlier runs.
        step: of the refusals: "scan", "plan" or "render".
        batch: tasks that a worker gets at once.
        is_usable: whether an answer from the cache still holds (default: always).
        progress: called with the number of items that have an answer, after each that was measured.

    Returns:
        Item -> its answer, or the BadInput that refuses it; in no particular order. What comes from the cache is as
        JSON has it (a list for a tuple).

    Raises:
        SynthError: the function failed, and no file is to blame.
    """
    remembered = cache.get([item.key for item in items.values() if item.key is not None])
    answers: dict[Item, Any] = {}
    for name, item in items.items():
        if item.key is not None and item.key in remembered:
            answer = remembered[item.key]
            if isinstance(answer, dict) and "refused" in answer:
                code, message = answer["refused"]
                answers[name] = BadInput(code, item.path, message, step)
            elif is_usable is None or is_usable(name, answer):
                answers[name] = answer
    missing = [name for name in items if name not in answers]
    fresh_from = time.time_ns() - _FRESH_NS
    unsaved: dict[bytes, object] = {}
    tasks = [items[name].arguments for name in missing]
    limits = [items[name].timeout_s for name in missing]
    try:
        for index, answer in pool.map(function, tasks, timeout_s=limits, batch=batch):
            name = missing[index]
            item, is_lasting = items[name], items[name].changed_ns < fresh_from
            if isinstance(answer, BadInput):  # the worker knows the file by its absolute path only
                answers[name] = BadInput(answer.code, item.path, answer.message, step)
                memory = {"refused": [answer.code, answer.message]}
                is_lasting = is_lasting and answer.code not in _TRANSIENT
            else:
                answers[name] = memory = answer
            if item.key is not None and is_lasting:
                unsaved[item.key] = memory
            if len(unsaved) >= _SAVE_EVERY:
                cache.put(unsaved)
                unsaved.clear()
            if progress is not None:
                progress(len(answers))
    finally:  # an interrupted run keeps what it has
        cache.put(unsaved)
    return answers

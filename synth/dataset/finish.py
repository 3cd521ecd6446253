"""The merge: from the parts of all shards to the manifests, the quarantine list, and at last `dataset.json`.

It reads nothing but the parts and the plan, writes the same bytes whenever and wherever it runs, and may be run again
at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synth import files
from synth.dataset.card import card_text
from synth.dataset.commit import present_shards, read_part
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.labels import LabelCounts
from synth.dataset.ledger import MadeLedger
from synth.dataset.plan_file import PlanHeader, read_plan_header
from synth.dataset.saved_plan import load_pools
from synth.dataset.stages import StageCounts, is_trained_on
from synth.errors import SynthError, TooManyBadInputs, VerifyMismatch

SCHEMA_VERSION: Final = 1
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sums:
    """What is counted while the rows pass by."""

    ledger: MadeLedger
    stages: StageCounts
    labels: LabelCounts = field(default_factory=LabelCounts)
    clips: Counter[str] = field(default_factory=Counter)
    samples: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    columns: tuple[str, ...] = ()
    bad_inputs: set[tuple[object, object, object]] = field(default_factory=set)
    source: Mapping[str, Any] | None = None  # of the row before: rows of one file are neighbors
    changed_sources: list[str] = field(default_factory=list)

    def add_row(self, row: Mapping[str, Any]) -> None:
        self.columns = self.columns or tuple(row)
        self.clips[row["split"]] += 1
        self.samples[row["split"]] += row["num_samples"]
        self.ledger.add(row)
        self.labels.add(row)
        self.stages.add(row)
        source, before = row["source"], self.source or row["source"]
        same_file = (source["name"], source["path"]) == (before["name"], before["path"])
        if same_file and source["sha256"] != before["sha256"] and source["path"] not in self.changed_sources[-1:]:
            self.changed_sources.append(source["path"])
        self.source = source

    def add_refusal(self, refusal: Mapping[str, Any]) -> None:
        self.codes[refusal["code"]] += 1
        if refusal["code"] != "data_set":
            self.bad_inputs.add((refusal.get("source"), refusal["path"], refusal.get("offset")))


class _HashedFile:
    """A file being written, and the hash of what went into it."""

    def __init__(self, out: files.Writer) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= 1000:
            self.flush()

    def flush(self) -> None:
        data = "".join(f"{line}\n" for line in self._lines).encode()
        self._lines.clear()
        self._hash.update(data)
        if data:
            self._out.write(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextlib.contextmanager
def _merged(dataset: DatasetDir, paths: list[Path]) -> Iterator[dict[str, _HashedFile]]:
    """The files of the merge by name; they appear under their names when the block ends well."""
    files.make_folder(dataset.temp)
    with contextlib.ExitStack() as stack:
        found = {p.name: _HashedFile(stack.enter_context(files.writing(p, temp_folder=dataset.temp))) for p in paths}
        yield found
        for out in found.values():
            out.flush()


def _merge(dataset: DatasetDir, plan: PlanHeader, sums: _Sums) -> dict[str, str]:
    """Write the manifests and the quarantine list; their hashes by file name."""
    splits = {split: dataset.split_manifest(split) for split in plan.splits}
    stages = {stage: dataset.stage_manifest(stage) for stage in plan.stages}
    with _merged(dataset, [dataset.manifest, dataset.quarantine, *splits.values(), *stages.values()]) as out:
        quarantine = out[dataset.quarantine.name]
        for refusal in plan.refused:
            sums.add_refusal(refusal)
            quarantine.add(json.dumps(refusal, sort_keys=True, ensure_ascii=False))
        for shard in range(plan.shards):
            _, rows, refusals = read_part(dataset.part(shard))
            for line in rows:
                row = json.loads(line)
                sums.add_row(row)
                out[dataset.manifest.name].add(line)
                out[splits[row["split"]].name].add(line)
                if row["stage"] is not None and is_trained_on(row):
                    out[stages[row["stage"]].name].add(line)
            for line in refusals:
                sums.add_refusal(json.loads(line))
                quarantine.add(line)
    return {name: file.sha256 for name, file in out.items()}


def finish(dataset: DatasetDir, *, accept_timeouts: bool = False) -> dict[str, Any]:
    """Merge the parts of a data set whose shards are all done; the content of its `dataset.json`.

    The caller holds the directory's lock. What is refused here has its manifests and `quarantine.jsonl` written, but no
    `dataset.json`. A time-out may be the fault of a busy machine, so it is not accepted unless somebody says so.

    Raises:
        UsageError: nothing was planned here.
        SynthError: shards are missing, or inputs timed out.
        VerifyMismatch: rows of one source file have different hashes of it.
        TooManyBadInputs: more inputs were refused than the recipe allows, or no clip could be made.
    """
    plan = read_plan_header(dataset)
    _check_all_present(dataset, plan)
    files.remove_folder(dataset.temp)
    sums = _Sums(MadeLedger(load_pools(dataset), sample_rate=plan.sample_rate), StageCounts(plan.stages))
    hashes = _merge(dataset, plan, sums)
    recipe = plan.recipe_text.encode()
    files.write_file(dataset.recipe, recipe, temp_folder=dataset.temp)
    hashes[dataset.recipe.name] = hashlib.sha256(recipe).hexdigest()
    _check_sources(dataset, sums)
    _check_timeouts(dataset, sums, accept_timeouts)
    _check_bad_inputs(dataset, plan, sums)
    card = card_text(_content(plan, sums, {}), sums.columns).encode()
    files.write_file(dataset.card, card, temp_folder=dataset.temp)
    hashes[dataset.card.name] = hashlib.sha256(card).hexdigest()
    content = _content(plan, sums, hashes)
    files.write_file(dataset.dataset_json, to_text(content).encode(), temp_folder=dataset.temp)
    return content


def _check_all_present(dataset: DatasetDir, plan: PlanHeader) -> None:
    missing = sorted(set(range(plan.shards)) - set(present_shards(dataset)))
    if missing:
        first = ", ".join(str(shard) for shard in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise SynthError(f"{len(missing)} of {plan.shards} shards are not done ({first}): run generate again")


def _check_sources(dataset: DatasetDir, sums: _Sums) -> None:
    if not sums.changed_sources:
        return
    count = len(sums.changed_sources)
    names = ", ".join(sums.changed_sources[:5]) + (f" and {count - 5} more" if count > 5 else "")
    raise VerifyMismatch(
        f"{dataset.path}: clips of one source file were made from different contents of it ({names}): the file was "
        "changed while the data set was made. Generate the data set again in a new directory."
    )


def _check_timeouts(dataset: DatasetDir, sums: _Sums, accept: bool) -> None:
    if (count := sums.codes["timeout"]) and not accept:
        clips = "1 clip" if count == 1 else f"{count} clips"
        raise SynthError(
            f"{clips} timed out (see {dataset.quarantine}): run again to try once more, raise limits.timeout_s, or "
            "leave the files out of the sources"
        )


def _check_bad_inputs(dataset: DatasetDir, plan: PlanHeader, sums: _Sums) -> None:
    bad, share = len(sums.bad_inputs), len(sums.bad_inputs) / max(1, plan.inputs)
    allowed = f"{plan.max_bad:.2%}" if plan.max_bad < 1 else f"{plan.max_bad:.0f}"
    _log.info("guard limits.max_bad: %d of %d inputs refused (allowed: %s)", bad, plan.inputs, allowed)
    if not too_many(bad, plan.inputs, plan.max_bad) and sums.clips.total():
        return
    codes = ", ".join(f"{count} {code}" for code, count in sorted(sums.codes.items()))
    if not sums.clips.total():
        raise TooManyBadInputs(
            f"{dataset.path}: none of the {plan.clips} planned clips could be made: {codes}; see {dataset.quarantine}. "
            "Mend the sources or the recipe, and generate into a new folder"
        )
    raise TooManyBadInputs(
        f"{bad} of {plan.inputs} inputs were refused ({share:.2%}; limits.max_bad allows {allowed}): {codes}; "
        f"see {dataset.quarantine}"
    )


def too_many(bad: int, inputs: int, max_bad: float) -> bool:
    """Whether `bad` of `inputs` is more than `max_bad`: a share where below 1, else a count."""
    return bad > (max_bad * inputs if max_bad < 1 else max_bad)


def _content(plan: PlanHeader, sums: _Sums, hashes: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "format_version": plan.format_version,
        "fingerprint": plan.fingerprint,
        "inputs": dict(plan.digests),
        "versions": dict(plan.versions),
        "sample_rate": plan.sample_rate,
        "clips": sum(sums.clips.values()),
        "hours": _hours(sum(sums.samples.values()), plan),
        "splits": {s: {"clips": sums.clips[s], "hours": _hours(sums.samples[s], plan)} for s in plan.splits},
        "stages": sums.stages.to_json(),
        "labels": sums.labels.to_json(),
        "planned_clips": plan.clips,
        "refused": dict(sorted(sums.codes.items())),
        "ledger": {"planned": plan.planned, "made": sums.ledger.to_json()},
        "files": dict(sorted(hashes.items())),
    }
    return {**content, "sha256": content_digest(content)}


def _hours(samples: int, plan: PlanHeader) -> float:
    return round(samples / plan.sample_rate / 3600, 6)


def to_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=2) + "\n"


def content_digest(content: Mapping[str, Any]) -> str:
    """The hash that `dataset.json` holds of itself: of its text without the key `sha256`."""
    return hashlib.sha256(to_text({k: v for k, v in content.items() if k != "sha256"}).encode()).hexdigest()

"""Merges the parts of all shards into the manifests, the quarantine, and at last `dataset.json`.

The merge reads nothing but the parts and the plan, writes the same bytes whenever and wherever it runs, and may be run
again at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synth import files
from synth.dataset.card import card_text
from synth.dataset.commit import present_shards, read_part
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.dataset_json import Sums, content_of, to_text
from synth.dataset.ledger import RenderedLedger
from synth.dataset.plan_header import PlanHeader, read_plan_header
from synth.dataset.saved_plan import load_pools
from synth.dataset.stages import StageCounts, is_trained_on
from synth.errors import SynthError, TooManyBadInputs, VerifyMismatch
from synth.text import count_of, listed

_log = logging.getLogger(__name__)


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
def _open_merge(dataset: DatasetDir, paths: list[Path]) -> Iterator[dict[str, _HashedFile]]:
    """The files of the merge by name; they appear under their names if the block ends without an error."""
    files.make_folder(dataset.temp)
    with contextlib.ExitStack() as stack:
        outs = {p.name: _HashedFile(stack.enter_context(files.writing(p, temp_folder=dataset.temp))) for p in paths}
        yield outs
        for out in outs.values():
            out.flush()


def _merge(dataset: DatasetDir, plan: PlanHeader, sums: Sums) -> dict[str, str]:
    """Write the manifests and the quarantine; returns their SHA-256 by file name."""
    splits = {split: dataset.split_manifest(split) for split in plan.splits}
    stages = {stage: dataset.stage_manifest(stage) for stage in plan.stages}
    with _open_merge(dataset, [dataset.manifest, dataset.quarantine, *splits.values(), *stages.values()]) as out:
        quarantine = out[dataset.quarantine.name]
        for refusal in plan.refused:
            sums.add_refusal(refusal)
            quarantine.add(json.dumps(refusal, sort_keys=True, ensure_ascii=False))
        for shard in range(plan.shards):
            for fields, line, is_row in read_part(dataset, shard, plan):
                if not is_row:
                    sums.add_refusal(fields)
                    quarantine.add(line)
                    continue
                sums.add_row(fields)
                out[dataset.manifest.name].add(line)
                out[splits[fields["split"]].name].add(line)
                if fields["stage"] is not None and is_trained_on(fields):
                    out[stages[fields["stage"]].name].add(line)
    return {name: file.sha256 for name, file in out.items()}


def finish(dataset: DatasetDir, *, accept_timeouts: bool = False) -> dict[str, Any]:
    """Merge the parts of a data set whose shards are all done.

    The caller holds the directory's lock. A data set that is refused here has its manifests and `quarantine.jsonl`
    written, but no `dataset.json`.

    Args:
        dataset: the data set.
        accept_timeouts: treat clips that timed out as permanently refused; a timeout may be the fault of a busy
            machine.

    Returns:
        The content of its `dataset.json`.

    Raises:
        UsageError: nothing was planned here.
        SynthError: shards are missing, or inputs timed out.
        VerifyMismatch: rows of one source file have different hashes of it.
        TooManyBadInputs: more inputs were refused than the recipe allows, or no clip could be made.
    """
    plan = read_plan_header(dataset)
    _check_all_present(dataset, plan)
    files.remove_folder(dataset.temp)
    sums = Sums(RenderedLedger(load_pools(dataset, plan), sample_rate=plan.sample_rate), StageCounts(plan.stages))
    hashes = _merge(dataset, plan, sums)
    recipe = plan.recipe_text.encode()
    files.write_file(dataset.recipe, recipe, temp_folder=dataset.temp)
    hashes[dataset.recipe.name] = hashlib.sha256(recipe).hexdigest()
    _check_sources(dataset, sums)
    _check_timeouts(dataset, sums, accept_timeouts)
    _check_bad_inputs(dataset, plan, sums)
    card = card_text(content_of(plan, sums, {}), sums.columns).encode()
    files.write_file(dataset.card, card, temp_folder=dataset.temp)
    hashes[dataset.card.name] = hashlib.sha256(card).hexdigest()
    content = content_of(plan, sums, hashes)
    files.write_file(dataset.dataset_json, to_text(content).encode(), temp_folder=dataset.temp)
    return content


def _check_all_present(dataset: DatasetDir, plan: PlanHeader) -> None:
    missing = sorted(set(range(plan.shards)) - set(present_shards(dataset)))
    if missing:
        raise SynthError(f"{len(missing)} of {plan.shards} shards are not done ({listed(missing)}): run generate again")


def _check_sources(dataset: DatasetDir, sums: Sums) -> None:
    if sums.changed_sources:
        raise VerifyMismatch(
            f"{dataset.path}: clips of one source file were made from different contents of it "
            f"({listed(sums.changed_sources)}): the file was changed while the data set was made. "
            "Generate the data set again in a new directory."
        )


def _check_timeouts(dataset: DatasetDir, sums: Sums, accept: bool) -> None:
    if (count := sums.codes["timeout"]) and not accept:
        raise SynthError(
            f"{count_of(count, 'clip')} timed out (see {dataset.quarantine}): run again to try once more, "
            "raise limits.timeout_s, or leave the files out of the sources"
        )


def _check_bad_inputs(dataset: DatasetDir, plan: PlanHeader, sums: Sums) -> None:
    bad, share = len(sums.bad_inputs), len(sums.bad_inputs) / max(1, plan.num_inputs)
    allowed = f"{plan.max_bad:.2%}" if plan.max_bad < 1 else f"{plan.max_bad:.0f}"
    _log.info("guard limits.max_bad: %d of %d inputs refused (allowed: %s)", bad, plan.num_inputs, allowed)
    if not too_many(bad, plan.num_inputs, plan.max_bad) and sums.clips.total():
        return
    codes = ", ".join(f"{count} {code}" for code, count in sorted(sums.codes.items()))
    if not sums.clips.total():
        raise TooManyBadInputs(
            f"{dataset.path}: none of the {plan.clips} planned clips could be made: {codes}; see {dataset.quarantine}. "
            "Fix the sources or the recipe, and generate into a new folder"
        )
    raise TooManyBadInputs(
        f"{bad} of {plan.num_inputs} inputs were refused ({share:.2%}; limits.max_bad allows {allowed}): {codes}; "
        f"see {dataset.quarantine}"
    )


def too_many(bad: int, inputs: int, max_bad: float) -> bool:
    """Whether `bad` of `inputs` are more than `max_bad` allows, which is a share if below 1, else a count."""
    return bad > (max_bad * inputs if max_bad < 1 else max_bad)

"""What `synth plan` prints: totals, splits, the use of noise, and the first clips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synth.cli.terminal import table
from synth.plan.noise_use import PoolUse
from synth.text import count_of, duration_text
from synth.units import size_text

if TYPE_CHECKING:
    from synth.commands.plan import ChangedClips, PlannedRecipe
    from synth.plan.clip_spec import NoiseSegment

_FIRST = 5  # clips that are shown

_SPLIT_HEAD = ["split", "clips", "hours", "share"]
_LEDGER_HEAD = [
    "noise",
    "recordings",
    "unique",
    "used",
    "times used, mean",
    "times used, max",
    "effective recordings",
    "largest recording's share",
]
_ORIGIN_HEAD = ["where noise comes from", "share", "used", "sources", "effective sources"]
_CLIP_HEAD = ["clip", "split", "seconds", "SNR dB", "level dBFS", "speech effects", "noise"]


def plan_text(planned: PlannedRecipe, changed: ChangedClips | None) -> str:
    """Describe a plan; `changed` are the differences from a data set, if it was compared with one."""
    plan = planned.plan
    lines = [
        f"clips        {len(plan):,} ({count_of(plan.num_shards, 'shard')} of up to {plan.shard_size})",
        f"hours        {plan.seconds / 3600:.2f} from {count_of(len(plan.speech), 'utterance')}",
        f"disk         about {size_text(planned.bytes_needed)}",
        f"planned in   {planned.elapsed:.1f} s",
        f"plan digest  {plan.digest[:16]}",
    ]
    if planned.inputs_sha256:
        lines.append(f"inputs       SHA-256 of all files {planned.inputs_sha256}")
    splits = [
        [name, f"{clips:,}", f"{seconds / 3600:.2f}", f"{clips / len(plan):.1%}"]
        for name, (clips, seconds) in planned.split_totals().items()
    ]
    lines += ["", *table([_SPLIT_HEAD, *splits])]
    if planned.uses:
        lines += ["", *ledger_lines(planned.uses)]
    lines += ["", "first clips", *_clip_lines(planned)]
    if changed:
        lines += [
            "",
            f"against the data set: {changed.changed:,} clips would change, {changed.new:,} are new, "
            f"{changed.removed:,} are gone",
        ]
    return "\n".join(lines)


def ledger_lines(uses: Sequence[PoolUse]) -> list[str]:
    """Tabulate the noise: how much there is, how much of it is used and how often, and how much is synthesized."""
    pools = [
        [
            f"{use.layer}/{use.pool}",
            str(use.count),
            duration_text(use.unique_s),
            duration_text(use.used_s),
            f"{use.reuse_mean:.1f}",
            f"{use.reuse_max:.1f}",
            f"{use.effective_recordings:.1f}",
            f"{use.largest_share:.1%}",
        ]
        for use in uses
    ]
    lines = table([_LEDGER_HEAD, *pools])
    origins = [row for use in uses if use.grown for row in _origin_rows(use)]
    return [*lines, "", *table([_ORIGIN_HEAD, *origins])] if origins else lines


def _origin_rows(use: PoolUse) -> list[list[str]]:
    """A row for the recorded noise of a pool, and one per method that synthesized some."""
    pool = f"{use.layer}/{use.pool}"
    recorded = [f"{use.recorded_share:.1%}", duration_text(use.recorded_s), str(use.recorded_count), ""]
    rows = [[f"{pool} recorded", *recorded]]
    for origin in use.grown:
        share = f"{origin.used_s / use.total_s:.1%}"
        sources = [str(len(origin.sources)), f"{origin.effective_sources:.1f}"]
        name = f"{pool} {origin.method}{' (a model)' if origin.is_model else ''}"
        rows.append([name, share, duration_text(origin.used_s), *sources])
    return rows


def _clip_lines(planned: PlannedRecipe) -> list[str]:
    """A row for each of the first clips."""
    rows = [_CLIP_HEAD]
    for index in range(min(_FIRST, len(planned.plan))):
        spec = planned.plan[index]
        noise = " + ".join(_segment_text(segment) for segment in spec.noise)
        noise += "".join(f" ({event.label})" for event in spec.events)
        rows.append(
            [
                spec.clip_id,
                spec.split,
                f"{spec.num_samples / spec.sample_rate:.2f}",
                "-" if spec.snr_db is None else f"{spec.snr_db:.1f}",
                "-" if spec.level_dbfs is None else f"{spec.level_dbfs:.1f}",
                " ".join(_effect_text(effect) for effect in spec.speech_effects),
                noise or "-",
            ]
        )
    return table(rows, text=(0, 1, 5, 6), indent=2)


def _segment_text(segment: NoiseSegment) -> str:
    return segment.recording_id if segment.synthesis is None else f"{segment.kind} of {segment.recording_id}"


def _effect_text(effect: Any) -> str:
    """The name of an effect, and the value of its main parameter if it has one."""
    main = getattr(effect, "main", None)
    return f"{effect.name} {getattr(effect, main)}" if main else str(effect.name)

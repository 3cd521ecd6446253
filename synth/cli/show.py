"""What commands print: text for people, JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.cli.terminal import table
from synth.plan.coverage import PoolUse
from synth.plan.explain import drawn_value
from synth.text import count_of, duration_text
from synth.units import size_text

if TYPE_CHECKING:
    from synth.commands.explain import ClipExplanation
    from synth.commands.generate import GeneratedDataset
    from synth.commands.grow import GrownFolder
    from synth.commands.plan import PlannedRecipe
    from synth.commands.replay import ReplayedClip
    from synth.dataset.status import Status
    from synth.dataset.verify import Report
    from synth.plan.clip_spec import NoiseSegment

_FIRST = 5
_SETTING_WIDTH = 120


def plan_text(planned: PlannedRecipe, changed: tuple[int, int, int] | None) -> str:
    plan = planned.plan
    lines = [
        f"clips        {len(plan):,} ({count_of(plan.num_shards, 'shard')} of up to {plan.shard_size})",
        f"hours        {plan.seconds / 3600:.2f} from {count_of(len(plan.speech), 'utterance')}",
        f"disk         about {size_text(planned.bytes_needed)}",
        f"planned in   {planned.elapsed:.1f} s",
        f"fingerprint  {plan.fingerprint[:16]}",
        *([f"inputs       SHA-256 of all files {planned.inputs_sha256}"] if planned.inputs_sha256 else []),
        "",
        *_split_lines(planned),
    ]
    if planned.uses:
        lines += ["", *ledger_lines(planned.uses)]
    lines += ["", "first draws", *_draw_lines(planned)]
    if changed:
        lines += [
            "",
            f"against the data set: {changed[0]:,} clips would change, {changed[1]:,} are new, {changed[2]:,} gone",
        ]
    return "\n".join(lines)


def _split_totals(planned: PlannedRecipe) -> dict[str, tuple[int, float]]:
    import numpy as np

    from synth.recipe.model import SPLITS

    split, samples = np.asarray(planned.plan.clips["split"]), np.asarray(planned.plan.clips["num_samples"])
    totals = {}
    for number, name in enumerate(SPLITS):
        if name in planned.plan.recipe.splits.shares:
            mine = split == number
            totals[name] = int(mine.sum()), float(samples[mine].sum()) / planned.plan.recipe.sample_rate
    return totals


def _split_lines(planned: PlannedRecipe) -> list[str]:
    rows = [_SPLIT_HEAD]
    for name, (clips, seconds) in _split_totals(planned).items():
        rows.append([name, f"{clips:,}", f"{seconds / 3600:.2f}", f"{clips / len(planned.plan):.1%}"])
    return table(rows)


_SPLIT_HEAD = ["split", "clips", "hours", "share"]
_ORIGIN_HEAD = ["where noise comes from", "share", "used", "sources", "effective sources"]
_CLIP_HEAD = ["clip", "split", "seconds", "SNR dB", "level dBFS", "speech effects", "noise"]
_DRAW_HEAD = ["key", "value", "drawn from"]
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


def ledger_lines(uses: Sequence[PoolUse]) -> list[str]:
    """The noise ledger: what is there, how much of it is used, how often."""
    rows = [_LEDGER_HEAD]
    rows += [
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
    return [*table(rows), *_grown_lines(uses)]


def _grown_lines(uses: Sequence[PoolUse]) -> list[str]:
    """What of the noise is as recorded, and what was grown, by which generator and from how many sources."""
    rows = [_ORIGIN_HEAD]
    for use in uses:
        if not use.grown:
            continue
        name = f"{use.layer}/{use.pool}"
        rows.append(
            [
                f"{name} recorded",
                f"{use.recorded_share:.1%}",
                duration_text(use.recorded_s),
                str(use.recorded_count),
                "",
            ]
        )
        rows += [
            [
                f"{name} {g.method}{' (a model)' if g.is_model else ''}",
                f"{g.used_s / use.total_s:.1%}",
                duration_text(g.used_s),
                str(len(g.sources)),
                f"{g.effective_sources:.1f}",
            ]
            for g in use.grown
        ]
    return ["", *table(rows)] if len(rows) > 1 else []


def _draw_lines(planned: PlannedRecipe) -> list[str]:
    rows = [_CLIP_HEAD]
    for index in range(min(_FIRST, len(planned.plan))):
        spec = planned.plan[index]
        effects = " ".join(_effect_text(effect) for effect in spec.speech_effects)
        noise = " + ".join(_noise_text(piece) for piece in spec.noise)
        noise += "".join(f" ({event.label})" for event in spec.events)
        level = "-" if spec.level_dbfs is None else f"{spec.level_dbfs:.1f}"
        snr = "-" if spec.snr_db is None else f"{spec.snr_db:.1f}"
        rows.append(
            [spec.clip_id, spec.split, f"{spec.num_samples / spec.sample_rate:.2f}", snr, level, effects, noise or "-"]
        )
    return table(rows, text=(0, 1, 5, 6), indent=2)


def _noise_text(piece: NoiseSegment) -> str:
    return piece.recording_id if piece.synthesis is None else f"{piece.kind} of {piece.recording_id}"


def _effect_text(effect: Any) -> str:
    main = getattr(effect, "main", None)
    return f"{effect.name} {getattr(effect, main)}" if main else str(effect.name)


def plan_json(planned: PlannedRecipe, changed: tuple[int, int, int] | None) -> dict[str, Any]:
    plan = planned.plan
    catalogs = (plan.speech, plan.noise, plan.rooms)
    return {
        "clips": len(plan),
        "hours": round(plan.seconds / 3600, 6),
        "bytes": planned.bytes_needed,
        "shards": plan.num_shards,
        "fingerprint": plan.fingerprint,
        "inputs_sha256": planned.inputs_sha256,
        "splits": {n: {"clips": c, "hours": round(s / 3600, 6)} for n, (c, s) in _split_totals(planned).items()},
        "ledger": planned.ledger,
        "refused": [asdict(refusal) for catalog in (*catalogs, planned.noise) for refusal in catalog.refused],
        "notes": list(planned.notes),
        "warnings": list(planned.warnings),
        "seconds": round(planned.elapsed, 3),
        "against": None if changed is None else dict(zip(("changed", "new", "gone"), changed, strict=True)),
    }


def generated_text(done: GeneratedDataset, out: Path) -> str:
    lines = [_run_text(done)]
    if done.content is not None:
        return "\n".join([*lines, content_text(done.content, out)])
    assert done.part is not None
    return "\n".join(
        [
            *lines,
            f"part {done.part.index} of {done.part.count} is complete; run `synth finish {out}` when all parts are",
        ]
    )


def _run_text(done: GeneratedDataset) -> str:
    run = done.result
    if not run.shards:
        return "already complete: nothing was left to make"
    speed = run.seconds / run.elapsed if run.elapsed > 0 else 0.0
    hours = f"{run.seconds / 3600:.2f} h, in {run.elapsed:.1f} s ({speed:,.0f}x real time)"
    return f"made {count_of(run.clips, 'clip')}, {hours}" + (f"; {run.refused:,} refused" if run.refused else "")


def generated_json(done: GeneratedDataset, out: Path) -> dict[str, Any]:
    return {
        "out": str(out),
        "made": asdict(done.result),
        "part": None if done.part is None else {"index": done.part.index, "count": done.part.count},
        "complete": done.content is not None,
        "dataset": done.content and {k: v for k, v in done.content.items() if k != "ledger"},
        "warnings": list(done.warnings),
    }


def content_text(content: Mapping[str, Any], out: Path) -> str:
    """A finished data set in a few lines."""
    splits = ", ".join(
        f"{name} {count_of(s['clips'], 'clip')} {s['hours']:.2f} h" for name, s in content["splits"].items()
    )
    refused = ", ".join(f"{count} {code}" for code, count in content["refused"].items())
    lines = [
        f"{out}: {count_of(content['clips'], 'clip')}, {content['hours']:.2f} h ({splits})",
        f"manifest: {out / 'manifest.jsonl'}",
    ]
    return "\n".join([*lines, f"refused: {refused}; see {out / 'quarantine.jsonl'}"] if refused else lines)


def status_text(found: Status, out: Path) -> str:
    state = "complete (files not checked: `synth verify` does that)" if found.complete else "not complete"
    lines = [
        f"{out}: {state}",
        f"shards   {found.done:,} of {found.shards:,}",
        f"clips    {found.clips:,} of {found.planned_clips:,}",
        f"hours    {found.seconds / 3600:.2f}",
    ]
    if found.missing:
        first = " ".join(str(shard) for shard in found.missing[:20])
        lines.append(f"missing  {first}{' ...' if len(found.missing) > 20 else ''}")
    if found.refused:
        lines.append("refused  " + ", ".join(f"{count} {code}" for code, count in sorted(found.refused.items())))
    lines += [f"held by  {who}" for who in found.held_by]
    return "\n".join(lines)


def verify_text(report: Report, out: Path) -> str:
    return report.to_text(out)


def explained_text(told: ClipExplanation) -> str:
    spec = told.spec
    rate = spec["sample_rate"]
    lines = [
        f"{told.clip_id}  (clip {spec['index']}, split {spec['split']}, noise pool {spec['pool']})",
        f"  {spec['num_samples'] / rate:.3f} s; speech from {spec['onset'] / rate:.3f} s on, "
        f"{spec['speech_num_samples'] / rate:.3f} s",
        f"  speech: {told.row['source']['path'] if told.row else spec['source_id']}",
        *(f"    {_fields(effect)}" for effect in spec["speech_effects"]),
    ]
    if spec["room_id"]:
        lines.append(f"  room: {spec['room_id']}")
    if spec["lombard"]:
        lines.append(f"  speaks up: {_fields({'name': 'lombard', **spec['lombard']})}")
    rows = told.row["noise"] if told.row else [None] * len(spec["noise"])
    for segment, row in zip(spec["noise"], rows, strict=True):
        lines += _segment_lines(segment, rate, None if row is None else row["gain_db"])
    lines += [_event_line(event, rate) for event in spec["events"]]
    lines += [f"  channel: {_fields(effect)}" for effect in spec["channel_effects"]]
    if spec["snr_db"] is not None:
        measured = f", measured {told.row['snr_db']['measured']:.2f}" if told.row else ""
        lines.append(f"  SNR: {spec['snr_db']:.3f} dB ({spec['measure']}, {spec['weighting']}){measured}")
    if spec["level_dbfs"] is not None:
        measured = f", measured {told.row['level_dbfs']['measured']:.2f}" if told.row else ""
        lines.append(f"  level: {spec['level_dbfs']:.3f} dBFS{measured}")
    draws = [[key, _drawn(key, u, setting), _setting(setting)] for key, u, setting in told.draws]
    lines += ["", *table([_DRAW_HEAD, *draws], text=(2,), left=(0, 1), indent=2)]
    return "\n".join([*lines, *_key_notes([key for key, _, _ in told.draws])])


_UNITS = {"db": "dB", "dbfs": "dBFS", "hz": "Hz", "s": "s", "ms": "ms", "semitones": "semitones", "percent": "%"}


def _drawn(key: str, u: float, setting: Any) -> str:
    """The value of a draw with its unit; `-` for a place in a recording, which has no setting."""
    value = drawn_value(key, u, setting)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return value or "-"
    names = [part for part in key.split(".") if not part.isdigit() and part not in ("before", "after")]
    unit = "dB per octave" if names[-1].endswith("_db_per_octave") else _UNITS.get(names[-1].rpartition("_")[2], "")
    return f"{value:.5g} {unit}".rstrip()


_SEGMENT_KEY = re.compile(r"noise\.layers\.([^.]+)\.(\d+)\.(\d+)\.")


def _key_notes(keys: Sequence[str]) -> list[str]:
    """What the numbers in the keys of this clip mean."""
    match = next((match for key in keys if (match := _SEGMENT_KEY.match(key))), None)
    if match is None:
        return []
    layer, track, segment = match.groups()
    return [
        "",
        f"noise.layers.{layer}.{track}.{segment} in a key is layer {layer}, track {track}, segment {segment} "
        "(both counted from 0); a track is one of the recordings that are summed",
    ]


def _segment_lines(piece: Mapping[str, Any], rate: int, gain_db: float | None) -> list[str]:
    grown, file = piece["grown"], piece["grown_file"]
    if grown is None:
        source = f"{piece['recording_id']} from {piece['offset'] / rate:.3f} s"
        if file is not None:
            source += f" (a file of {file['method']}, grown from {file['grown_from']})"
    else:
        values = {key: value for key, value in grown.items() if key != "materials"}
        places = [f"{m['recording_id']} from {m['offset'] / rate:.3f} s" for m in grown["materials"]]
        source = f"grown, {_fields(values)}; from {' and '.join(places) or piece['recording_id']}"
    head = (
        f"  noise: {piece['layer']} track {piece['track']}: {source}, {piece['source_num_samples'] / rate:.3f} s, "
        f"at {piece['at'] / rate:.3f} s, relative {piece['relative_db']:+.1f} dB"
        + ("" if gain_db is None else f", gain {gain_db:+.1f} dB")
    )
    return [head, *(f"    {_fields(effect)}" for effect in piece["effects"])]


def _event_line(event: Mapping[str, Any], rate: int) -> str:
    source = event["recorded"]["recording_id"] if event["recorded"] else _fields(event["made"])
    since, until = event["at"] / rate, (event["at"] + event["num_samples"]) / rate
    level = f"relative {event['relative_db']:+.1f} dB"
    return f"  event: {event['label']} from {since:.3f} s to {until:.3f} s, {level}: {source}"


def _setting(setting: Any) -> str:
    text = "" if setting is None else json.dumps(setting, ensure_ascii=False)
    return text if len(text) <= _SETTING_WIDTH else text[: _SETTING_WIDTH - 3] + "..."


def _fields(effect: Mapping[str, Any]) -> str:
    rest = ", ".join(f"{name}={value}" for name, value in effect.items() if name != "name")
    return f"{effect['name']}: {rest}" if rest else str(effect["name"])


def explained_json(told: ClipExplanation) -> dict[str, Any]:
    draws = [
        {"key": key, "u": u, "value": drawn_value(key, u, setting), "setting": setting}
        for key, u, setting in told.draws
    ]
    return {"clip_id": told.clip_id, "spec": told.spec, "draws": draws, "row": told.row}


def replayed_text(again: ReplayedClip) -> str:
    told = {
        True: "the same bytes as in the data set",
        False: "NOT the bytes of the data set",
        None: "not yet in the data set",
    }
    return f"{again.path}: {told[again.same]} (sha256 {again.sha256})"


def replayed_json(again: ReplayedClip) -> dict[str, Any]:
    return {"path": str(again.path), "sha256": again.sha256, "same": again.same}


def grown_text(made: GrownFolder) -> str:
    sources = len({file.recording for file in made.files})
    source = count_of(sources, "virtual car" if made.method == "cabin" else "recording")
    files = count_of(len(made.files), "file")
    return "\n".join(
        [
            f"{made.folder}: {files}, {duration_text(made.seconds)} of {made.method} from {source}",
            f"list: {made.listed}",
        ]
    )


def grown_json(made: GrownFolder) -> dict[str, Any]:
    return {
        "out": str(made.folder),
        "list": str(made.listed),
        "method": made.method,
        "sampling_rate": made.sample_rate,
        "seconds": round(made.seconds, 6),
        "files": [asdict(file) for file in made.files],
        "refused": list(made.refused),
    }

"""What `synth explain` prints: the parts of a clip, then each draw with the setting that it was drawn from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synth.cli.terminal import table
from synth.plan.explain import ExplainedDraw

if TYPE_CHECKING:
    from synth.commands.explain import ClipExplanation

_DRAW_HEAD = ["key", "value", "drawn from"]
_SETTING_WIDTH = 120  # characters
_UNITS = {"db": "dB", "dbfs": "dBFS", "hz": "Hz", "s": "s", "ms": "ms", "semitones": "semitones", "percent": "%"}
_SEGMENT_KEY = re.compile(r"noise\.layers\.([^.]+)\.(\d+)\.(\d+)\.")


def explanation_text(explanation: ClipExplanation) -> str:
    """Describe how a clip is made; what was measured of it is shown if it is rendered."""
    spec, row = explanation.spec, explanation.row
    rate = spec["sample_rate"]
    lines = [
        f"{explanation.clip_id}  (clip {spec['index']}, split {spec['split']}, noise pool {spec['pool']})",
        f"  {spec['num_samples'] / rate:.3f} s; speech from {spec['onset'] / rate:.3f} s on, "
        f"{spec['speech_num_samples'] / rate:.3f} s",
        f"  speech: {row['source']['path'] if row else spec['source_id']}",
        *(f"    {_effect_text(effect)}" for effect in spec["speech_effects"]),
    ]
    if spec["room_id"]:
        lines.append(f"  room: {spec['room_id']}")
    if spec["lombard"]:
        lines.append(f"  Lombard effect: {_effect_text({'name': 'lombard', **spec['lombard']})}")
    gains = [noise["gain_db"] for noise in row["noise"]] if row else [None] * len(spec["noise"])
    for segment, gain_db in zip(spec["noise"], gains, strict=True):
        lines += _segment_lines(segment, rate, gain_db)
    lines += [_event_line(event, rate) for event in spec["events"]]
    lines += [f"  channel: {_effect_text(effect)}" for effect in spec["channel_effects"]]
    if spec["snr_db"] is not None:
        measured = f", measured {row['snr_db']['measured']:.2f}" if row else ""
        lines.append(f"  SNR: {spec['snr_db']:.3f} dB ({spec['measure']}, {spec['weighting']}){measured}")
    if spec["level_dbfs"] is not None:
        measured = f", measured {row['level_dbfs']['measured']:.2f}" if row else ""
        lines.append(f"  level: {spec['level_dbfs']:.3f} dBFS{measured}")
    draws = [[draw.key, _value_text(draw), _setting_text(draw.setting)] for draw in explanation.draws]
    lines += ["", *table([_DRAW_HEAD, *draws], text=(2,), left_aligned=(0, 1), indent=2)]
    return "\n".join([*lines, *_key_notes([draw.key for draw in explanation.draws])])


def _segment_lines(segment: Mapping[str, Any], rate: int, gain_db: float | None) -> list[str]:
    """A noise segment: its source, where it begins, its levels; and a line per effect. `rate` in Hz."""
    grown, file = segment["synthesis"], segment["grown_file"]
    if grown is None:
        source = f"{segment['recording_id']} from {segment['offset'] / rate:.3f} s"
        if file is not None:
            source += f" (a file of {file['method']}, synthesized from {file['grown_from']})"
    else:
        parameters = _effect_text({key: value for key, value in grown.items() if key != "materials"})
        materials = [f"{m['recording_id']} from {m['offset'] / rate:.3f} s" for m in grown["materials"]]
        source = f"synthesized, {parameters}; from {' and '.join(materials) or segment['recording_id']}"
    head = (
        f"  noise: {segment['layer']} track {segment['track']}: {source}, "
        f"{segment['source_num_samples'] / rate:.3f} s, at {segment['at'] / rate:.3f} s, "
        f"relative {segment['relative_db']:+.1f} dB"
    )
    if gain_db is not None:
        head += f", gain {gain_db:+.1f} dB"
    return [head, *(f"    {_effect_text(effect)}" for effect in segment["effects"])]


def _event_line(event: Mapping[str, Any], rate: int) -> str:
    source = event["recorded"]["recording_id"] if event["recorded"] else _effect_text(event["synthesis"])
    since, until = event["at"] / rate, (event["at"] + event["num_samples"]) / rate
    level = f"relative {event['relative_db']:+.1f} dB"
    return f"  event: {event['label']} from {since:.3f} s to {until:.3f} s, {level}: {source}"


def _effect_text(effect: Mapping[str, Any]) -> str:
    """`speed: factor=1.1`."""
    parameters = ", ".join(f"{name}={value}" for name, value in effect.items() if name != "name")
    return f"{effect['name']}: {parameters}" if parameters else str(effect["name"])


def _value_text(draw: ExplainedDraw) -> str:
    """The value of a draw with its unit; `-` for a position in a recording, which has no setting."""
    key, value = draw.key, draw.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return value or "-"
    names = [part for part in key.split(".") if not part.isdigit() and part not in ("before", "after")]
    unit = "dB per octave" if names[-1].endswith("_db_per_octave") else _UNITS.get(names[-1].rpartition("_")[2], "")
    return f"{value:.5g} {unit}".rstrip()


def _setting_text(setting: Any) -> str:
    text = "" if setting is None else json.dumps(setting, ensure_ascii=False)
    return text if len(text) <= _SETTING_WIDTH else text[: _SETTING_WIDTH - 3] + "..."


def _key_notes(keys: Sequence[str]) -> list[str]:
    """Explain the numbers in the keys of this clip."""
    match = next((match for key in keys if (match := _SEGMENT_KEY.match(key))), None)
    if match is None:
        return []
    layer, track, segment = match.groups()
    return [
        "",
        f"noise.layers.{layer}.{track}.{segment} in a key is layer {layer}, track {track}, segment {segment} "
        "(both counted from 0); a track is one of the recordings that are summed",
    ]

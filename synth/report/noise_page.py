"""The report on a noise collection as a page. Made from its JSON values, so that both tell the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from synth.report.page import Cell, colour, page, table
from synth.report.spectrum_plot import Frame, drawing, scale_of

_MOST_CURVES = 300  # in one drawing; more cannot be told apart, and take a browser seconds
_MOST_LINES = 5

_COLUMNS = (
    "recording",
    "seconds",
    "usable",
    "level dBFS",
    "SD dB",
    "from Hz",
    "to Hz",
    "lines",
    "spectrum",
    "tonal lines, Hz",
    "notes",
)
_TEXT = ("recording", "tonal lines, Hz", "notes")


def noise_page(report: Mapping[str, Any]) -> str:
    """The page of a report (`NoiseReport.to_json()`); one self-contained HTML document."""
    body = [
        f"<h1>Noise in {escape(report['source'])}</h1>",
        f'<p class="soft">Measured at {report["sample_rate"]} Hz, without dead and clipped parts.</p>',
        _verdict(report),
        "<h2>Spectra</h2>",
        _overview(report),
        "<h2>Recordings</h2>",
        table([_head(name) for name in _COLUMNS], [_row(recording) for recording in report["recordings"]]),
        _explained(report),
        "<h2>Each recording's spectrum</h2>",
        _multiples(report),
        *_duplicates(report["near_duplicates"]),
        *_refused(report["refused"]),
    ]
    return page(f"Noise in {report['source']}", body)


def _head(name: str) -> Cell:
    return Cell(name, kind="text" if name in _TEXT else "")


def _verdict(report: Mapping[str, Any]) -> str:
    kind = "bad" if report["effective_recordings"] < 8 else "low" if report["effective_recordings"] < 16 else "good"
    lines = "".join(f"<p>{escape(line)}</p>" for line in report["conclusion"])
    return f'<div class="verdict {kind}">{lines}</div>'


def _row(recording: Mapping[str, Any]) -> list[Cell]:
    lines = sorted(recording["lines"], key=lambda line: -float(line["above_db"]))[:_MOST_LINES]
    sd = recording["level_sd_db"]
    return [
        Cell(recording["name"], kind="text"),
        Cell(f"{recording['seconds']:.2f}"),
        Cell(f"{recording['usable_s']:.2f}"),
        Cell(f"{recording['level_dbfs']:.1f}"),
        Cell("" if sd is None else f"{sd:.1f}", kind="warn" if recording["stationarity"] == "unsteady" else ""),
        Cell(str(recording["low_hz"])),
        Cell(str(recording["high_hz"]), kind="warn" if recording["band_limited"] else ""),
        Cell(str(len(recording["lines"]))),
        Cell(str(recording["spectrum"])),
        Cell(", ".join(f"{line['hz']:.1f}" for line in lines), kind="text"),
        Cell("; ".join(recording["warnings"]), kind="text warn"),
    ]


def _explained(report: Mapping[str, Any]) -> str:
    return (
        '<p class="soft">SD: of the level of 100-ms frames; up to 3 dB estimates of SNR can be trusted, above 5 dB '
        "not. From, to: where the spectrum comes within 10 dB of its maximum, and where a low-pass cuts it off (half "
        "the rate where none does). Lines: tones more than 6 dB above the median of the sixth octave around them, the "
        f"strongest {_MOST_LINES} named. Spectrum: recordings with the same number have spectra that differ by less "
        f"than 3 dB on average; there are {report['spectra']}.</p>"
    )


def _overview(report: Mapping[str, Any]) -> str:
    recordings = report["recordings"]
    step = -(-len(recordings) // _MOST_CURVES)
    drawn = recordings[::step]
    if len(report["band_hz"]) < 2:
        return "<p>The rate is too low for a spectrum.</p>"
    low, high = scale_of([r["band_profile_db"] for r in drawn])
    frame = Frame(report["band_hz"], low, high, width=920, height=320)
    curves = [(r["band_profile_db"], r["spectrum"]) for r in drawn]
    some = f" {len(drawn)} of {len(recordings)} recordings are drawn." if step > 1 else ""
    keys = "".join(
        f'<span><span class="swatch" style="background: {colour(n)}"></span>{n} ({count})&ensp;</span> '
        for n, count in _sizes(recordings)[:24]
    )
    return (
        f"<figure>{drawing(frame, curves, title='Third-octave spectra of all recordings, dB over Hz')}"
        f"<figcaption>Third octaves, dB about each recording's mean band level, over Hz. Spectra by number, with how "
        f"many recordings have them: {keys}{some}</figcaption></figure>"
    )


def _sizes(recordings: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    counts: dict[int, int] = {}
    for recording in recordings:
        counts[recording["spectrum"]] = counts.get(recording["spectrum"], 0) + 1
    return sorted(counts.items())


def _multiples(report: Mapping[str, Any]) -> str:
    if len(report["band_hz"]) < 2:
        return ""
    profiles = [r["band_profile_db"] for r in report["recordings"]]
    middle = [sorted(values)[len(values) // 2] for values in zip(*profiles, strict=True)]
    low, high = scale_of(profiles)
    frame = Frame(report["band_hz"], low, high, width=300, height=150)
    figures = [
        "<figure>"
        + drawing(
            frame,
            [(r["band_profile_db"], r["spectrum"])],
            title=f"Spectrum of {r['name']}",
            context=[middle],
        )
        + f'<figcaption><span class="swatch" style="background: {colour(r["spectrum"])}"></span>{escape(r["name"])}'
        + "</figcaption></figure>"
        for r in report["recordings"]
    ]
    note = '<p class="soft">In grey the median of all.</p>' if len(profiles) > 1 else ""
    return f'{note}<div class="grid">{"".join(figures)}</div>'


def _duplicates(pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    if not pairs:
        return []
    rows = [
        [Cell(p["first"], kind="text"), Cell(p["second"], kind="text"), Cell(f"{p['common_s']:.1f}")] for p in pairs
    ]
    head = [Cell("recording", kind="text"), Cell("is also", kind="text"), Cell("seconds in common")]
    return ["<h2>Near-duplicates: counted as one recording</h2>", table(head, rows)]


def _refused(refused: Sequence[Mapping[str, Any]]) -> list[str]:
    if not refused:
        return []
    rows = [
        [Cell(r["path"], kind="text"), Cell(r["code"], kind="text"), Cell(r["message"], kind="text")] for r in refused
    ]
    head = [Cell(name, kind="text") for name in ("file", "code", "why")]
    return ["<h2>Refused</h2>", table(head, rows)]

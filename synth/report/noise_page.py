"""The report on a noise collection as a page. It is made from the report's JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from synth.report.page import Cell, color, page, table
from synth.report.spectrum_plot import SpectrumAxes, scale_of, spectrum_plot

_MAX_CURVES: Final = 300  # more cannot be told apart in one plot, and take a browser seconds
_MAX_LINES: Final = 5  # tonal lines named per recording
_MAX_KEYS: Final = 24

_EXPLANATION: Final = (
    '<p class="soft">SD: standard deviation of the level of 100-ms frames; up to 3 dB, estimates of the SNR can be '
    "trusted, above 5 dB they cannot. From, to: where the spectrum comes within 10 dB of its maximum, and where a "
    "low-pass cuts it off (half the sample rate if there is none). Lines: tones more than 6 dB above the median of the "
    "sixth octave around them; the strongest {lines} are named. Spectrum: recordings with the same number have spectra "
    "that differ by less than 3 dB on average; there are {spectra} different ones.</p>"
)


def noise_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report (`NoiseReport.to_json()`), one self-contained HTML document."""
    title = f"Noise in {report['source']}"
    effective = report["effective_recordings"]
    verdict_class = "good" if effective >= 16 else "low"
    if effective < 8:
        verdict_class = "bad"
    conclusions = "".join(f"<p>{escape(line)}</p>" for line in report["conclusion"])
    has_spectra = len(report["band_hz"]) >= 2
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">Measured at {report["sample_rate"]} Hz, without silent and clipped parts.</p>',
        f'<div class="verdict {verdict_class}">{conclusions}</div>',
        "<h2>Spectra</h2>",
        _all_spectra(report) if has_spectra else "<p>The sample rate is too low for a spectrum.</p>",
        "<h2>Recordings</h2>",
        _recording_table(report["recordings"]),
        _EXPLANATION.format(lines=_MAX_LINES, spectra=report["spectra"]),
        "<h2>Each recording's spectrum</h2>",
        _each_spectrum(report) if has_spectra else "",
        *_text_table(
            "Near-duplicates: counted as one recording",
            {"recording": "first", "is also": "second", "seconds in common": "common_s"},
            report["near_duplicates"],
        ),
        *_text_table("Refused", {"file": "path", "code": "code", "why": "message"}, report["refused"]),
    ]
    return page(title, body)


def _recording_table(recordings: Sequence[Mapping[str, Any]]) -> str:
    numeric = ("seconds", "usable", "level dBFS", "SD dB", "from Hz", "to Hz", "lines", "spectrum")
    head = [
        Cell("recording", kind="text"),
        *map(Cell, numeric),
        *(Cell(name, kind="text") for name in ("tonal lines, Hz", "notes")),
    ]
    rows = []
    for recording in recordings:
        strongest = sorted(recording["lines"], key=lambda line: -float(line["above_db"]))[:_MAX_LINES]
        sd_db = recording["level_sd_db"]
        is_non_stationary = recording["stationarity"] == "non-stationary"
        rows.append(
            [
                Cell(recording["name"], kind="text"),
                Cell(f"{recording['seconds']:.2f}"),
                Cell(f"{recording['usable_s']:.2f}"),
                Cell(f"{recording['level_dbfs']:.1f}"),
                Cell("" if sd_db is None else f"{sd_db:.1f}", kind="warn" if is_non_stationary else ""),
                Cell(str(recording["low_hz"])),
                Cell(str(recording["high_hz"]), kind="warn" if recording["band_limited"] else ""),
                Cell(str(len(recording["lines"]))),
                Cell(str(recording["spectrum"])),
                Cell(", ".join(f"{line['hz']:.1f}" for line in strongest), kind="text"),
                Cell("; ".join(recording["warnings"]), kind="text warn"),
            ]
        )
    return table(head, rows)


def _all_spectra(report: Mapping[str, Any]) -> str:
    recordings = report["recordings"]
    step = -(-len(recordings) // _MAX_CURVES)
    drawn = recordings[::step]
    low, high = scale_of([r["band_profile_db"] for r in drawn])
    axes = SpectrumAxes(report["band_hz"], low, high, width=920, height=320)
    curves = [(r["band_profile_db"], r["spectrum"]) for r in drawn]
    omitted = f" {len(drawn)} of {len(recordings)} recordings are drawn." if step > 1 else ""
    counts = sorted(Counter(r["spectrum"] for r in recordings).items())
    keys = "".join(f"<span>{_swatch(number)}{number} ({count})&ensp;</span> " for number, count in counts[:_MAX_KEYS])
    plot = spectrum_plot(axes, curves, title="Third-octave spectra of all recordings, dB over Hz")
    return (
        f"<figure>{plot}<figcaption>Third octaves, in dB relative to each recording's mean band level, over Hz. "
        f"Spectra by number, with the number of recordings that have them: {keys}{omitted}</figcaption></figure>"
    )


def _swatch(number: int) -> str:
    return f'<span class="swatch" style="background: {color(number)}"></span>'


def _each_spectrum(report: Mapping[str, Any]) -> str:
    recordings = report["recordings"]
    spectra = [r["band_profile_db"] for r in recordings]
    median = [sorted(levels)[len(levels) // 2] for levels in zip(*spectra, strict=True)]
    low, high = scale_of(spectra)
    axes = SpectrumAxes(report["band_hz"], low, high, width=300, height=150)
    figures = []
    for r in recordings:
        curve = (r["band_profile_db"], r["spectrum"])
        plot = spectrum_plot(axes, [curve], title=f"Spectrum of {r['name']}", context=[median])
        caption = f"{_swatch(r['spectrum'])}{escape(r['name'])}"
        figures.append(f"<figure>{plot}<figcaption>{caption}</figcaption></figure>")
    note = '<p class="soft">The gray line is the median of all recordings.</p>' if len(spectra) > 1 else ""
    return f'{note}<div class="grid">{"".join(figures)}</div>'


def _text_table(title: str, columns: Mapping[str, str], items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a heading and a table; `columns`: heading -> key of the items. Nothing if there are no items."""
    if not items:
        return []
    rows = []
    for item in items:
        values = (item[key] for key in columns.values())
        rows.append([Cell(f"{v:.1f}") if isinstance(v, float) else Cell(v, kind="text") for v in values])
    kinds = [cell.kind for cell in rows[0]]
    head = [Cell(name, kind=kind) for name, kind in zip(columns, kinds, strict=True)]
    return [f"<h2>{title}</h2>", table(head, rows)]

"""Is the data set what its manifest says? Every file is hashed, decoded and measured again."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from synth.dataset.audio_file import decode_float, decode_pcm, pcm_bytes
from synth.dataset.dataset_dir import DatasetDir
from synth.dataset.finish import content_digest
from synth.dataset.manifest import ManifestRow, read_rows
from synth.dsp import levels, mix
from synth.errors import UsageError, VerifyMismatch

LEVEL_TOLERANCE_DB: Final = 0.05
SNR_TOLERANCE_DB: Final = 0.05
_AUDIO_FOLDERS: Final = ("audio", "stems")
_STEMS: Final = ("speech", "noise")
_QUIET_DBFS: Final = -60.0  # below this, rounding to 16 bits changes the level itself


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the manifest says. `path` is relative to the data set."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def _counted(findings: Sequence[Finding]) -> str:
    return "1 difference" if len(findings) == 1 else f"{len(findings):,} differences"


@dataclass(slots=True)
class Report:
    """`clips` rows were looked at, of `seconds` of audio; the data set is as it should be when `findings` is empty."""

    clips: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        findings = [{"path": f.path, "what": f.what} for f in self.findings]
        return {"clips": self.clips, "hours": round(self.seconds / 3600, 4), "ok": not findings, "findings": findings}

    def to_text(self, out: Path) -> str:
        """For a person: each finding, then one line."""
        looked = f"{out}: {self.clips:,} clips, {self.seconds / 3600:.2f} h"
        if not self.findings:
            return f"{looked}: all as the manifest says"
        return "\n".join([*map(str, self.findings), f"{looked}: {_counted(self.findings)}"])

    def raise_for_problems(self) -> None:
        """Raises VerifyMismatch where there is any finding."""
        if self.findings:
            raise VerifyMismatch(f"{_counted(self.findings)}; the first: {self.findings[0]}")


def verify(dataset: DatasetDir, *, quick: bool = False) -> Report:
    """Compare the data set with its manifest; needs nothing of `.synth/`.

    `quick` looks only whether each file is there and not empty. Otherwise every file is hashed, and of every clip
    the samples, their hash, length, rate and level are checked, and with stems the SNR.

    Raises:
        UsageError: there is no complete data set here, or its manifest cannot be read.
    """
    content = _read_dataset_json(dataset)
    report = Report()
    report.findings += _check_written_once(dataset, content)
    known = _Known()
    for row in read_rows(dataset.manifest):
        report.clips += 1
        report.seconds += row["duration"]
        files = _files_of(row)
        report.findings += known.add(files)
        report.findings += _check_presence(dataset, files) if quick else _check_clip(dataset, row)
    report.findings += _check_strangers(dataset, content, known)
    if report.clips != content.get("clips"):
        report.findings.append(
            Finding("dataset.json", f"says {content.get('clips')} clips, the manifest has {report.clips}")
        )
    return report


def _read_dataset_json(dataset: DatasetDir) -> dict[str, Any]:
    try:
        content = json.loads(dataset.dataset_json.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{dataset.path} is not complete: there is no dataset.json (run generate or finish)") from None
    except ValueError:
        raise UsageError(f"{dataset.dataset_json} is damaged (run finish)") from None
    if not isinstance(content, dict):
        raise UsageError(f"{dataset.dataset_json} is damaged (run finish)")
    return content


def _check_written_once(dataset: DatasetDir, content: Mapping[str, Any]) -> Iterator[Finding]:
    """The files beside the audio, by the hashes in `dataset.json`, and its own."""
    if content.get("sha256") != content_digest(content):
        yield Finding("dataset.json", "is not as it was written (run finish)")
    for name, sha256 in content.get("files", {}).items():
        try:
            with (dataset.path / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield Finding(name, f"cannot be read: {error.strerror}")
            continue
        if found != sha256:
            yield Finding(name, "is not as it was written (run finish)")


class _Known:
    """Paths that the manifest names, eight bytes each."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    @staticmethod
    def _digest(path: str) -> bytes:
        return blake2b(path.encode(errors="surrogateescape"), digest_size=8).digest()

    def add(self, paths: list[str]) -> Iterator[Finding]:
        for path in paths:
            if path in self:
                yield Finding(path, "stands in the manifest twice")
            self._digests.add(self._digest(path))

    def __contains__(self, path: str) -> bool:
        return self._digest(path) in self._digests


def _files_of(row: ManifestRow) -> list[str]:
    stems = row.get("stems") or {}
    return [row["audio_filepath"], *(stems[name] for name in _STEMS if stems.get(name) is not None)]


def _check_strangers(dataset: DatasetDir, content: Mapping[str, Any], known: _Known) -> Iterator[Finding]:
    """Files that nobody wrote."""
    own = {"dataset.json", ".synth", *content.get("files", {}), *_AUDIO_FOLDERS}
    for name in sorted(entry.name for entry in dataset.path.iterdir()):
        if name not in own:
            yield Finding(name, "does not belong to the data set")
    for top in _AUDIO_FOLDERS:
        for folder, folders, names in os.walk(dataset.path / top):
            folders.sort()
            relative = os.path.relpath(folder, dataset.path).replace(os.sep, "/")
            for path in (f"{relative}/{name}" for name in sorted(names)):
                if path not in known:
                    yield Finding(path, "is not in the manifest")


def _check_presence(dataset: DatasetDir, paths: list[str]) -> Iterator[Finding]:
    for path in paths:
        try:
            size = dataset.absolute(path).stat().st_size
        except OSError as error:
            yield Finding(path, f"cannot be read: {error.strerror}")
            continue
        if not size:
            yield Finding(path, "is empty")


def _check_clip(dataset: DatasetDir, row: ManifestRow) -> Iterator[Finding]:
    path, contents = row["audio_filepath"], []
    for name in _files_of(row):
        try:
            contents.append(_read_inside(dataset.path, name))
        except OSError as error:
            yield Finding(name, f"cannot be read: {error.strerror or error}")
            return
    data, *stems = contents
    said = [row.get("sha256"), *((row.get("stems") or {}).get(f"{name}_sha256") for name in _STEMS)]
    for name, content, sha256 in zip(_files_of(row), contents, said, strict=False):
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            yield Finding(name, "its bytes are not those that were written")
    try:
        samples, rate = decode_pcm(data)
        yield from _check_samples(row, samples, rate)
        if stems and row.get("snr_db"):
            yield from _check_stems(row, [decode_float(stem)[0] for stem in stems], samples)
    except (RuntimeError, AssertionError, ValueError) as error:
        yield Finding(path, f"cannot be decoded: {str(error).splitlines()[0]}")


def _read_inside(root: Path, relative: str) -> bytes:
    """A manifest is a file that somebody gave us: it does not lead out of its directory."""
    if relative.startswith("/") or ".." in relative.split("/"):
        raise OSError(f"{relative} leads out of the data set")
    return (root / relative).read_bytes()


def _check_samples(row: ManifestRow, samples: npt.NDArray[np.int16], rate: int) -> Iterator[Finding]:
    path = row["audio_filepath"]
    for name, found in (("num_samples", len(samples)), ("sampling_rate", rate)):
        if row.get(name, found) != found:
            yield Finding(path, f"{name} is {found}, the manifest says {row[name]}")
    if abs(len(samples) / rate - row["duration"]) > 0.5 / rate:
        yield Finding(path, f"its duration is {len(samples) / rate:g} s, the manifest says {row['duration']:g} s")
    if "pcm_sha256" in row and hashlib.sha256(pcm_bytes(samples)).hexdigest() != row["pcm_sha256"]:
        yield Finding(path, "its samples are not those that were written")
    full_scale = samples / 32768.0
    yield from _check_decibels(
        path, "level", (row.get("level_dbfs") or {}).get("measured"), levels.level_dbfs(full_scale)
    )


def _check_decibels(path: str, what: str, said: float | None, found: float) -> Iterator[Finding]:
    if said is None or (what == "level" and said < _QUIET_DBFS):
        return
    tolerance = LEVEL_TOLERANCE_DB if what == "level" else SNR_TOLERANCE_DB
    if not math.isfinite(found) or abs(found - said) > tolerance:
        yield Finding(path, f"its {what} is {found:.2f} dB, the manifest says {said:.2f} dB")


def _check_stems(
    row: ManifestRow, stems: list[npt.NDArray[np.float64]], samples: npt.NDArray[np.int16]
) -> Iterator[Finding]:
    """The SNR of the stems, and where there is no channel, that they add up to the clip."""
    path = row["audio_filepath"]
    speech, noise = stems
    if len(speech) != len(samples) or len(noise) != len(samples):
        yield Finding(path, "its stems are not as long as the clip")
        return
    if not row.get("channel") and np.abs(speech + noise - samples / 32768.0).max() > 1.01 / 32768:
        yield Finding(path, "its stems do not add up to the clip")
    yield from _check_decibels(path, "SNR", row["snr_db"]["measured"], _snr(row, speech, noise))


def _snr(row: ManifestRow, speech: npt.NDArray[np.float64], noise: npt.NDArray[np.float64]) -> float:
    """The SNR as the row says that it was measured; not finite where there is nothing to measure."""
    span = slice(row["speech"]["onset"], row["speech"]["onset"] + row["speech"]["num_samples"])
    rate, asked = row["sampling_rate"], row["snr_db"]
    weighting = "none" if asked["measure"] == "lufs" else asked["weighting"]
    scale = mix.Scale(asked["measure"], weighting, rate)
    try:
        speech_level = mix.speech_level(speech, span, scale=scale)
        noise_level = mix.NoiseLevel(noise[span], mix.noise_powers(noise, span, sample_rate=rate))
        return mix.measured_snr(speech_level, noise_level, gain=1.0, heard=1.0, scale=scale).measured
    except (levels.SilentError, ValueError):
        return math.nan

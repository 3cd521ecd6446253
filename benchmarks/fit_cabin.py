"""Fits the spectrum of virtual cars to real recordings, and says how well a recording left out is foretold.

    python benchmarks/fit_cabin.py --noise FOLDER [--list noise.csv] [--spectrum A B C]

`--list`: a CSV with columns `file` and `recording`; files of one recording count as one (a file in no row is its own).
`--spectrum`: recordings that count for the spectrum (default: all); the others are only compared.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.fleet_fit import band_profile, coverage, fit_spectrum, fleet_profiles
from synth.dsp.arrays import Samples
from synth.dsp.generators.fleet_spectrum import BANDS_HZ, FleetSpectrum

CARS = 200
FIT_SEED, TEST_SEED = 1, 2


def profiles_of(folder: Path, listed: Path | None) -> dict[str, Samples]:
    """One profile a recording: the mean in dB of those of its files."""
    names = {}
    if listed is not None:
        with listed.open(newline="", encoding="utf-8") as rows:
            names = {Path(row["file"]).name: row["recording"] for row in csv.DictReader(rows)}
    found: dict[str, list[Samples]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        samples, rate = soundfile.read(path, always_2d=True)
        found.setdefault(names.get(path.name, path.name), []).append(band_profile(samples[:, 0], rate))
    return {name: np.mean(profiles, axis=0) for name, profiles in sorted(found.items())}


def row(label: str, profile: Samples, spectrum: FleetSpectrum, changes: Mapping[str, object] | None = None) -> str:
    seen = coverage(profile, fleet_profiles(spectrum, count=CARS, seed=TEST_SEED, changes=changes))
    outside = [
        f"{hz:.0f}" for hz, x, a, b in zip(BANDS_HZ, profile, seen.low, seen.high, strict=True) if not a <= x <= b
    ]
    verdict = "passes" if seen.inside >= 0.8 and seen.median_width_db <= 20 else "FAILS"
    return f"{label:34} {seen.inside:6.0%} {seen.median_width_db:7.1f}  {verdict}  {' '.join(outside)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noise", type=Path, required=True)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--spectrum", nargs="*")
    parser.add_argument("--together", nargs="*", default=[], help="recordings to leave out together, such as B+C")
    parser.add_argument("--rainy", nargs="*", default=[], help="recordings to compare with rainy clips, too")
    options = parser.parse_args()
    profiles = profiles_of(options.noise, options.list)
    counted = {name: profiles[name] for name in options.spectrum or profiles}
    prior = fleet_profiles(FleetSpectrum(), count=CARS, seed=FIT_SEED)

    def without(*names: str) -> FleetSpectrum:
        return fit_spectrum([profile for other, profile in counted.items() if other not in names], prior)

    print(f"{'left out':34} inside   width  verdict  bands outside (Hz)")
    for name, profile in profiles.items():
        print(row(name, profile, without(name)))
        rainy = {"rain_drops_per_s": 200.0}
        if name in options.rainy:
            print(row(f"{name} (200 drops/s)", profile, without(name), rainy))
            print(
                row(
                    f"{name} (200 drops/s, standing)",
                    profile,
                    without(name),
                    {"rain_drops_per_s": 200.0, "speed_kmh": 0.0},
                )
            )
    for names in options.together:
        for name in names.split("+"):
            print(row(f"{name} (of {names})", profiles[name], without(*names.split("+"))))
    for name, profile in profiles.items():
        print(row(f"{name} (nothing fitted)", profile, FleetSpectrum()))
    print("\nto paste into synth/dsp/generators/fleet_spectrum.py:\n")
    print(fit_spectrum(list(counted.values()), prior))


if __name__ == "__main__":
    main()

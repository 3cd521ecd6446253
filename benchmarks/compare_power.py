"""Does `synth compare` stay quiet where two sets are equal, and name what was shifted? See README.md here.

python benchmarks/compare_power.py                      # the bars: 100 halvings, 100 trials a feature (20 minutes)
python benchmarks/compare_power.py --trials 10          # is about right
python benchmarks/compare_power.py --groups 20          # with fewer groups than clips / 4
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import NormalDist

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from synth.match.compare.analysis import compare, compare_features
from synth.match.compare.result import farthest
from synth.match.measure.features import BAND_NAMES, FEATURES
from synth.stats.groups import halvings
from tests.match.feature_sets import IN_CAR, profile


def equal_halves(trials: int, clips: int, groups: int) -> None:
    """Random halvings by group of one set, a new set each time."""
    red, green, features = 0, 0, 0
    for seed in range(trials):
        whole = profile(clips=clips, groups=groups, seed=seed)
        one, other = halvings(whole.groups, 1, seed=seed)[0]
        found = compare(whole.at(one.tolist()), whole.at(other.tolist()), seed=seed)
        lights = [f.verdict for f in found.features]
        red += found.verdict == "red" or "red" in lights
        green += found.verdict == "green"
        features += sum(light in ("amber", "red") for light in lights)
    print(
        f"halves of {clips} clips in {groups} groups: red {red} of {trials}, green {green}; "
        f"features not green {features / trials:.2f} of {len(FEATURES)} on average"
    )


def shifted(trials: int, clips: int, groups: int, only: str) -> None:
    """Each feature shifted by twice its tolerance: not green, and the worst of all."""
    print(
        f"\ntraining {4 * clips} clips of {4 * groups} groups, dev {clips} of {groups}; shifted by twice the tolerance"
    )
    for feature in (f for f in FEATURES if not only or f.name == only):
        noticed = named = 0
        for seed in range(trials):
            training = profile(
                clips=4 * clips, groups=4 * groups, seed=2 * seed, shift={feature.name: 2 * feature.tolerance}
            )
            dev = profile(clips=clips, groups=groups, seed=2 * seed + 1, name="dev")
            found, _ = compare_features(training, dev, seed=seed)
            light = next(f.verdict for f in found if f.feature.name == feature.name)
            worst = farthest(found)
            noticed += light in ("amber", "red")
            named += worst is not None and worst.feature.name == feature.name
        most = ""
        if feature.name in IN_CAR.own and feature.name not in BAND_NAMES:
            share = most_to_be_found(feature.name, feature.tolerance, clips, groups)
            most = f"; the best test of the means would find {100 * share:.1f} %"
        print(f"{feature.name:18} found {noticed:3} and named worst {named:3} of {trials}{most}", flush=True)


def most_to_be_found(name: str, tolerance: float, clips: int, groups: int) -> float:
    """The power of the two-sided 5 % test of the means that is told both variances: no unbiased test at that level
    finds a shift of normal values more often. What moves features together, and missing values, are left out."""
    own, group = IN_CAR.own[name], IN_CAR.group[name]
    variance = sum(group**2 / (k * groups) + own**2 / (k * clips) for k in (1, 4))
    off = 2 * tolerance / variance**0.5
    edge = NormalDist().inv_cdf(0.975)
    return NormalDist().cdf(off - edge) + NormalDist().cdf(-off - edge)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--only", default="", metavar="FEATURE", help="shift this one, and leave out the halvings")
    asked = parser.parse_args()
    if not asked.only:
        equal_halves(asked.trials, 2 * asked.clips, 2 * asked.groups)
        equal_halves(asked.trials, 2 * asked.clips, 12)
    shifted(asked.trials, asked.clips, asked.groups, asked.only)


if __name__ == "__main__":
    main()

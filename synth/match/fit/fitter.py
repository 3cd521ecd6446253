"""Fit a recipe to a dev set: the algorithm of science.md 3.1.

A part of dev's groups is held out of everything but the judgement. The rest gives cases; clips of the condition made of
them are simulated and measured as dev was, what they lack is corrected, and the round that stands best against the
groups held out is kept. Where no round beats the recipe as it was, that is said, and the recipe stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synth.draws import generator
from synth.dsp.analysis.bands import RUMBLE_BANDS
from synth.lists.cases import Case, Cases
from synth.match.fit.corrections import comparable_snr, corrected_colours, corrected_field, with_snrs
from synth.match.fit.dev_cases import (
    Trust,
    balanced_weights,
    cases_of,
    clip_level,
    colour_of,
    jitter_of,
    snr_of,
    steady_wavering,
    told_snr,
    trust_in,
    whole_colours,
)
from synth.match.fit.match_score import Figures, figures_of
from synth.match.fit.noise_model import NoiseModel, noise_model
from synth.match.fit.progress import BEFORE, MIXTURE, Steps, calibration_title, round_title, steps_of
from synth.match.fit.recalibration import Curve, fitted_curve, recalibrated
from synth.match.fit.recipe import Matched, matched_condition, mixture
from synth.match.fit.refinements import (
    lower_corner,
    narrower,
    refined_notes,
    through_microphone,
    upper_corner,
    wavering,
    with_limits,
    with_margins,
)
from synth.match.fit.simulation import Planned, Progress, Simulator
from synth.match.measure.profile import ClipProfile, Profile
from synth.recipe.distributions import Uniform
from synth.recipe.model import Condition, Recipe
from synth.text import count_of

HELD_OUT = 0.3
ROUNDS = 8
CALIBRATION_CLIPS = 200
CALIBRATION_DB = (-15.0, 30.0)
FEW_CLIPS, FEW_GROUPS = 100, 5
_PATIENCE = 2  # rounds without a better one


@dataclass(frozen=True, slots=True)
class Round:
    """One simulation of the condition `matched`, judged on the part that is fitted on and on the part held out."""

    number: int
    fitted: Figures
    held_out: Figures


@dataclass(frozen=True, slots=True)
class FitResult:
    """The result. `helped`: the condition `matched` stands better on the groups held out than the recipe before.

    `before`, `after`: the recipe as it was, and `matched` as kept, on the groups held out; `mixture`: the whole recipe
    with its conditions. `calibrations`: of round 1 (the recipe's noise) and 2 (equalised to dev's colours).
    """

    recipe: Recipe
    matched: Matched
    helped: bool
    trust: Trust
    clips: tuple[int, int]
    groups: tuple[int, int]
    auc_dev: float | None
    before: Figures
    after: Figures
    mixture: Figures
    rounds: tuple[Round, ...]
    kept: int
    calibrations: tuple[Curve, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def held_out_split(groups: Sequence[str], *, seed: int) -> tuple[list[int], list[int]]:
    """(clips to fit on, clips held out): about 30 % of the groups and of the clips, no group on both sides.

    Of one group alone the clips are split, for what that is worth.
    """
    names = sorted(set(groups))
    rng = generator(seed, "fit.held_out")
    if len(names) < 2:
        order = rng.permutation(len(groups))
        cut = max(1, round(HELD_OUT * len(groups)))
        return sorted(order[cut:].tolist()), sorted(order[:cut].tolist())
    sizes = {name: groups.count(name) if isinstance(groups, list) else list(groups).count(name) for name in names}
    held: set[str] = set()
    count = 0
    for name in (names[k] for k in rng.permutation(len(names))):
        if count + sizes[name] / 2 <= HELD_OUT * len(groups) or not held:
            held.add(name)
            count += sizes[name]
        if len(held) == len(names) - 1:
            break
    return [k for k, g in enumerate(groups) if g not in held], [k for k, g in enumerate(groups) if g in held]


def fit_conditions(
    dev: Profile,
    recipe: Recipe,
    ground: Planned,
    *,
    clips: int = 500,
    rounds: int = ROUNDS,
    shareable: bool = False,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress,
    message: Callable[[str], None] = lambda text: None,
) -> FitResult:
    """Fit the conditions of `recipe` (planned as `ground`) to `dev`. Raises GuardError where clips cannot be made."""
    part, held = held_out_split(dev.groups, seed=seed)
    fitting, judging = [dev.clips[k] for k in part], [dev.clips[k] for k in held]
    with Simulator(ground, clips, jobs, progress) as trials:
        trust, auc_dev = trust_in(fitting), _dev_auc(dev, seed)
        calibrations = 2 if trust.snr else 0
        few = min(CALIBRATION_CLIPS, clips)
        steps = Steps(steps_of(clips=clips, calibration_clips=few, rounds=rounds, calibrations=calibrations))
        job = _Job(recipe, trials, fitting, judging, seed, trust, message, rounds, steps, auc_dev)
        message(
            f"fit: at most {len(steps.planned)} steps, {sum(n for _, n in steps.planned):,} clips to simulate; judged "
            f"on {count_of(len(judging), 'clip')} of {count_of(len({c.group for c in judging}), 'held-out group')}"
        )
        before = trials.measured(recipe, {}, steps.begin(BEFORE))
        job.say(BEFORE, job.judged(before))
        start, curves = job.start()
        told, kept, best, notes = job.iterate(start)
        as_before = job.judged(before)
        helped = told[kept].held_out.score < as_before.score
        conditions = mixture(best, shareable=shareable) if helped else ()
        done = replace(recipe, conditions=conditions)
        whole = trials.measured(done, _cases(best), steps.begin(MIXTURE)) if helped else before
    return FitResult(
        recipe=done,
        matched=best,
        helped=helped,
        trust=job.trust,
        clips=(len(fitting), len(judging)),
        groups=(len({c.group for c in fitting}), len({c.group for c in judging})),
        auc_dev=auc_dev,
        before=as_before,
        after=told[kept].held_out if helped else as_before,
        mixture=job.judged(whole),
        rounds=tuple(told),
        kept=kept,
        calibrations=curves,
        warnings=tuple(_warnings(dev, job.trust, helped)),
        notes=tuple(notes),
    )


def _cases(found: Matched) -> Mapping[str, Cases]:
    return {"matched": Cases(found.cases, "trial")}


def _dev_auc(dev: Profile, seed: int) -> float | None:
    """How well two halves of dev (by group) are told apart: what no recipe gets below."""
    from synth.match.measure.features import TOLERANCES
    from synth.stats.groups import halvings
    from synth.stats.two_sample import classify

    groups = np.asarray(dev.groups)
    if len(set(dev.groups)) < 4:
        return None
    b = dev.matrix
    found = [
        classify(b[i], b[j], groups[i].tolist(), groups[j].tolist(), tolerances=TOLERANCES, seed=seed + k)
        for k, (i, j) in enumerate(halvings(dev.groups, 6, seed=seed))
    ]
    aucs = [one.auc for one in found if one]
    return float(np.mean(aucs)) if aucs else None


def _warnings(dev: Profile, trust: Trust, helped: bool) -> list[str]:
    said = []
    groups = len(set(dev.groups))
    if len(dev.clips) < FEW_CLIPS:
        said.append(f"the dev set is small: {len(dev.clips)} clips; from {FEW_CLIPS} on a median is known to 0.12 SD")
    if groups < FEW_GROUPS:
        said.append(
            f"the dev set has {groups} groups only: what is fitted is these drives or speakers, not cars at large"
        )
    if trust.non_stationary > 0.5:
        said.append(
            f"the noise is non_stationary in {trust.non_stationary:.0%} of the dev clips: their SNR and noise spectrum cannot be "
            "measured blindly; the SNR stays as wide as the recipe had it, and the noise is not equalised"
        )
    elif not trust.snr:
        why = f"{trust.trimmed:.0%} are trimmed to the speech" if trust.trimmed > 0.5 else "too few have one"
        said.append(
            f"the SNR of the dev clips cannot be trusted ({why}): it stays as wide as the recipe had it; the noise "
            "spectrum and the level are matched still"
        )
    if not helped:
        said.append(
            "no fitted condition stands better on the groups held out than the recipe itself: it is left as it was"
        )
    return said


# ------------------------------------------------------------------------------------------------------- one fit


@dataclass(slots=True)
class _Job:
    recipe: Recipe
    trials: Simulator
    fitting: list[ClipProfile]
    judging: list[ClipProfile]
    seed: int
    trust: Trust
    message: Callable[[str], None]
    most: int
    steps: Steps
    auc_dev: float | None
    snrs: list[float | None] = field(default_factory=list)  # of the clips fitted on, flagged or not, calibrated

    def say(self, title: str, figures: Figures, best: int | None = None) -> None:
        """A line about a step that is complete: its figures on the held-out groups, the best round, and the time."""
        same = "" if self.auc_dev is None else f"; dev against dev {self.auc_dev:.2f}"
        ahead = "" if best is None else f"; best so far: round {best}"
        self.message(f"{title}: {figures.words(f' (0.50 = same{same})')}{ahead}; {self.steps.times()}")

    def start(self) -> tuple[Matched, tuple[Curve, ...]]:
        """The cases as measured, with an SNR that was calibrated twice."""
        cases = cases_of(self.fitting, trust=self.trust)
        curves = self._calibrated(cases)
        if curves:
            fresh = recalibrated(self.fitting, curves[-1])
            self.snrs = [told_snr(clip) for clip in fresh]
            cases = [
                replace(case, snr_db=snr if case.snr_db is not None else None)
                for case, snr in zip(cases, self.snrs, strict=True)
            ]
        jitter = jitter_of(cases, uncertainty=curves[-1].uncertainty_db if curves else 0.0)
        return Matched(tuple(cases), wavering(jitter, self.fitting), self._model(), self.trust), curves

    def _model(self) -> NoiseModel | None:
        return model_of(self.fitting) if self.trust.spectrum else None

    def _calibrated(self, cases: Sequence[Case]) -> tuple[Curve, ...]:
        """Round 1 on the recipe's own noise, round 2 on noise of dev's colours; none where no SNR is fitted."""
        if not self.trust.snr:
            return ()
        assert self.recipe.noise is not None
        wide = Uniform(*CALIBRATION_DB)
        noisy = replace(self.recipe, noise=replace(self.recipe.noise, snr_db=wide, probability=1.0))
        colours = [replace(case, snr_db=None) for case in cases]
        like_dev = replace(noisy, conditions=(Condition(name="matched", cases="cases.csv", snr_db=wide),))
        known = [snr for clip in self.fitting if (snr := snr_of(clip)) is not None]
        within = (min(known) - 1, max(known) + 1)
        steps: tuple[tuple[Recipe, Mapping[str, Cases]], ...] = (
            (noisy, {}),
            (like_dev, {"matched": Cases(tuple(colours), "calibration")}),
        )
        count = min(CALIBRATION_CLIPS, self.trials.clips)
        heard = [
            self.trials.measured(tried, drawn, self.steps.begin(calibration_title(k)), clips=count)
            for k, (tried, drawn) in enumerate(steps, start=1)
        ]
        return tuple(fitted_curve(mixes, within=within) for mixes in heard)

    def iterate(self, start: Matched) -> tuple[list[Round], int, Matched, list[str]]:
        """(rounds, number of the one to keep, what it was made from, notes)."""
        notes: list[str] = []
        rounds: list[Round] = []
        found, kept, best = start, 0, start
        for number in range(self.most + 1):
            recipe = replace(self.recipe, conditions=(matched_condition(found, weight=1.0),))
            title = round_title(number, self.most)
            heard = self.trials.measured(recipe, _cases(found), self.steps.begin(title))
            one = Round(number, self.judged(heard, self.fitting), self.judged(heard))
            rounds.append(one)
            if one.held_out.score < rounds[kept].held_out.score:
                kept, best = number, found
            self.say(title, one.held_out, best=kept)
            if number - kept >= _PATIENCE or number == self.most:
                break
            cases = self.corrected(found.cases, heard)
            cases, more = self._refined(cases, heard, first=number == 0)
            notes += [note for note in more if note not in notes]
            found = replace(found, cases=tuple(cases))
        return rounds, kept, best, notes

    def _refined(
        self, cases: Sequence[Case], heard: Sequence[ClipProfile], *, first: bool
    ) -> tuple[list[Case], list[str]]:
        """The cases with band limits and margins, where dev clearly has others than the simulated clips.

        Both are measured through noise, so they are not compared before simulated noise is as that of dev. The upper
        limit may take several rounds.
        """
        rate = self.recipe.sample_rate
        own_high = first and narrower(self.fitting, heard)
        low = high = None
        if self.trust.spectrum:
            lows, highs = [c.low_hz for c in cases if c.low_hz], [c.high_hz for c in cases if c.high_hz]
            low = lower_corner(self.fitting, heard, sample_rate=rate, now=max(lows, default=None))
            high = upper_corner(self.fitting, heard, sample_rate=rate, now=max(highs, default=None))
        new = [
            through_microphone(with_limits(case, clip, low=low, high=high, own_high=own_high), case, sample_rate=rate)
            for case, clip in zip(cases, self.fitting, strict=True)
        ]
        if first and self.trust.spectrum:  # what comes and goes in non_stationary noise is taken for speech
            new = with_margins(new, self.fitting, heard)
        return new, refined_notes((low is not None, own_high or high is not None), new)

    def judged(self, simulated: Sequence[ClipProfile], dev: Sequence[ClipProfile] | None = None) -> Figures:
        """Against the groups held out, or against other clips of dev."""
        return figures_of(simulated, self.judging if dev is None else dev, trust=self.trust, seed=self.seed)

    def corrected(self, cases: Sequence[Case], heard: Sequence[ClipProfile]) -> list[Case]:
        """The cases moved by what the simulated clips lack of dev, in SNR, level and colour."""
        weights = balanced_weights([clip.group for clip in self.fitting]).tolist()
        known_snr = comparable_snr(self.fitting, heard) if self.snrs else snr_of
        new = list(cases) if known_snr is snr_of else with_snrs(cases, self.snrs)
        named = {"snr_db": known_snr, "level_dbfs": _level_of, "fluctuation_db": steady_wavering}
        for name, value_of in named.items():
            wanted = [
                (v, w) for clip, w in zip(self.fitting, weights, strict=True) if (v := value_of(clip)) is not None
            ]
            found = [v for clip in heard if (v := value_of(clip)) is not None]
            new = corrected_field(new, name, wanted, found)  # type: ignore[arg-type]
        if not self.trust.spectrum:
            return new
        dev = [(c, w) for c, w in zip(whole_colours(self.fitting), weights, strict=True) if c is not None]
        ours = [c for c in whole_colours(heard) if c is not None]
        if not dev or not ours:
            return new
        size = len(dev[0][0])  # of an older profile bands alone, which come first
        if {len(c) for c, _ in dev} != {size} or any(len(c) not in (size, size + RUMBLE_BANDS) for c in ours):
            return new
        return corrected_colours(new, [c for c, _ in dev], [w for _, w in dev], [c[:size] for c in ours])


def model_of(clips: Sequence[ClipProfile]) -> NoiseModel | None:
    """The noise model of clips of dev, groups counting alike; None where no colour can be used."""
    weights = balanced_weights([clip.group for clip in clips])
    known = [(c, w) for clip, w in zip(clips, weights, strict=True) if (c := _steady_colour(clip)) is not None]
    if not known:
        return None
    size = min(len(colour) for colour, _ in known)
    sds = [v for clip in clips if (v := clip.features.get("fluctuation_db")) is not None]
    return noise_model([colour[:size] for colour, _ in known], [w for _, w in known], sds)


def _steady_colour(clip: ClipProfile) -> tuple[float, ...] | None:
    return None if "non_stationary" in clip.flags else colour_of(clip.features)


def _level_of(clip: ClipProfile) -> float | None:
    return clip_level(clip.features)

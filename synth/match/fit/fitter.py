"""Fit the conditions of a recipe to a dev set (docs/science.md, "Fitting a recipe").

Some of dev's groups are held out, and only used to judge. The others give cases. Clips of these cases are simulated and
measured as dev was, the cases are corrected by what the clips lack, and the round that is best on the held-out groups
is kept. If no round is better than the recipe as it was, the recipe stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.catalog.noise_store import NoiseStore
from synth.dsp.analysis.bands import RUMBLE_BANDS
from synth.lists.cases import Case, Cases
from synth.match.fit.conditions import CASES, MatchedCases, matched_condition, mixture
from synth.match.fit.corrections import comparable_snr, correct_field, correct_spectra, with_missing_snrs
from synth.match.fit.dev_cases import (
    cases_of,
    clip_level,
    jitter_of,
    noise_bands,
    noise_spectra,
    trusted_fluctuation,
)
from synth.match.fit.held_out import held_out_split
from synth.match.fit.margins import with_margins
from synth.match.fit.match_score import MatchScore, score_match
from synth.match.fit.microphone import (
    is_narrower,
    lower_limit,
    quantile_of,
    through_microphone,
    upper_limit,
    with_limits,
)
from synth.match.fit.noise_model import NoiseModel, noise_model
from synth.match.fit.progress import BEFORE, MIXTURE, FitProgress, calibration_title, plan_steps, round_title
from synth.match.fit.quantiles import balanced_weights
from synth.match.fit.result import FitResult, Round
from synth.match.fit.simulation import Progress, Simulator
from synth.match.fit.snr_curve import SnrCurve, fit_curve
from synth.match.measure.features import TOLERANCES
from synth.match.measure.profile import ClipProfile, Profile
from synth.match.measure.trust import Trust, measured_snr, trust_in, trusted_snr
from synth.plan.plan import Plan
from synth.recipe.distributions import Uniform
from synth.recipe.model import Condition, Jitter, Recipe
from synth.stats.groups import halvings
from synth.stats.two_sample import classify
from synth.text import count_of

ROUNDS = 8
CALIBRATION_CLIPS = 200
CALIBRATION_DB = (-15.0, 30.0)
"""SNR of the calibration mixes: wider than dev's, so that no curve ends inside its range."""
FEW_CLIPS, FEW_GROUPS = 100, 5
_PATIENCE = 2  # rounds without a better one, after which the fit ends
_HALVINGS = 6  # of dev, for the AUC of dev against itself
_LEAST_GROUPS_TO_HALVE = 4
# Noise that fluctuates by 3 to 5 dB widens the SNR by as much (docs/science.md, "Stationary noise").
_FLUCTUATING_DB = (3.0, 5.0)


def fit_conditions(
    dev: Profile,
    recipe: Recipe,
    plan: Plan,
    noise: NoiseStore,
    *,
    clips: int = 500,
    rounds: int = ROUNDS,
    shareable: bool = False,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress,
    message: Callable[[str], None] = lambda text: None,
) -> FitResult:
    """Fit the conditions of a recipe to dev.

    Args:
        dev: the profile to match.
        recipe: without conditions.
        plan: of this recipe, on its audio.
        noise: the decoded noise of the plan.
        clips: number of clips to simulate per round.
        rounds: at most, without the first.
        shareable: make distributions, without values of single clips of dev.
        jobs: worker processes.
        seed: random seed of the held-out groups and the tests.
        progress: called with (what, clips simulated, number of clips).
        message: called with a line about each completed step.

    Raises:
        GuardError: most of the clips cannot be made.
    """
    fitted, held_out = ([dev.clips[k] for k in side] for side in held_out_split(dev.groups, seed=seed))
    trust = trust_in(fitted)
    steps = plan_steps(
        clips=clips,
        calibration_clips=min(CALIBRATION_CLIPS, clips),
        rounds=rounds,
        calibrations=2 if trust.snr else 0,
    )
    groups = [len({clip.group for clip in side}) for side in (fitted, held_out)]
    with Simulator(plan, noise, clips, jobs, progress) as simulator:
        auc_dev = _auc_of_halves(dev, seed)
        fitter = _Fitter(recipe, simulator, fitted, held_out, seed, trust, message, rounds, FitProgress(steps), auc_dev)
        message(
            f"fit: at most {len(steps)} steps, {sum(n for _, n in steps):,} clips to simulate; judged on "
            f"{count_of(len(held_out), 'clip')} of {count_of(groups[1], 'held-out group')}"
        )
        clips_before = simulator.simulate(recipe, {}, fitter.progress.begin(BEFORE))
        before = fitter.score(clips_before)
        fitter.report(BEFORE, before)
        start, curves = fitter.start()
        search = fitter.iterate(start)
        best_score = search.rounds[search.kept].held_out
        helped = best_score.score < before.score
        result = replace(recipe, conditions=mixture(search.best, shareable=shareable) if helped else ())
        final_clips = clips_before
        if helped:
            final_clips = simulator.simulate(
                result, {"matched": Cases(search.best.cases, "trial")}, fitter.progress.begin(MIXTURE)
            )
    return FitResult(
        recipe=result,
        matched=search.best,
        helped=helped,
        trust=trust,
        clips=(len(fitted), len(held_out)),
        groups=(groups[0], groups[1]),
        auc_dev=auc_dev,
        before=before,
        after=best_score if helped else before,
        mixture=fitter.score(final_clips),
        rounds=tuple(search.rounds),
        kept=search.kept,
        calibrations=curves,
        warnings=tuple(_warnings(dev, trust, helped)),
        notes=tuple(search.notes),
    )


def model_of(clips: Sequence[ClipProfile]) -> NoiseModel | None:
    """The noise of clips of dev as a model, groups counting alike; None if no spectrum can be used."""
    weights = balanced_weights([clip.group for clip in clips]).tolist()
    pairs = [
        (bands, weight)
        for clip, weight in zip(clips, weights, strict=True)
        if "non_stationary" not in clip.flags and (bands := noise_bands(clip.features)) is not None
    ]
    if not pairs:
        return None
    size = min(len(bands) for bands, _ in pairs)
    fluctuations = [v for clip in clips if (v := clip.features.get("fluctuation_db")) is not None]
    return noise_model([bands[:size] for bands, _ in pairs], [weight for _, weight in pairs], fluctuations)


def _auc_of_halves(dev: Profile, seed: int) -> float | None:
    """How well a classifier tells two halves of dev apart, by group; None for too few groups."""
    if len(set(dev.groups)) < _LEAST_GROUPS_TO_HALVE:
        return None
    values, groups = dev.matrix, np.asarray(dev.groups)
    tests = [
        classify(values[i], values[j], groups[i].tolist(), groups[j].tolist(), tolerances=TOLERANCES, seed=seed + k)
        for k, (i, j) in enumerate(halvings(dev.groups, _HALVINGS, seed=seed))
    ]
    aucs = [test.auc for test in tests if test]
    return float(np.mean(aucs)) if aucs else None


def _warnings(dev: Profile, trust: Trust, helped: bool) -> list[str]:
    texts = []
    groups = len(set(dev.groups))
    if len(dev.clips) < FEW_CLIPS:
        texts.append(
            f"the dev set is small ({len(dev.clips)} clips): with {FEW_CLIPS} clips a median is known to 0.12 SD"
        )
    if groups < FEW_GROUPS:
        texts.append(
            f"the dev set has only {count_of(groups, 'group')}: the recipe is fitted to these drives or speakers, not "
            "to cars in general"
        )
    if not trust.spectrum:
        texts.append(
            f"the noise is non-stationary in {trust.non_stationary:.0%} of the dev clips: their SNR and noise spectrum "
            "cannot be measured blindly; the SNR stays as wide as in the recipe, and the noise is not equalized"
        )
    elif not trust.snr:
        why = f"{trust.trimmed:.0%} are trimmed to the speech" if trust.trimmed > 0.5 else "too few have one"
        texts.append(
            f"the SNR of the dev clips cannot be trusted ({why}): it stays as wide as in the recipe; the noise "
            "spectrum and the level are still matched"
        )
    if not helped:
        texts.append(
            "no fitted condition is better on the held-out groups than the recipe itself: the recipe is left as it was"
        )
    return texts


@dataclass(frozen=True, slots=True)
class _Search:
    """The rounds of a fit, and the best of them."""

    rounds: list[Round]
    kept: int  # number of the best round
    best: MatchedCases  # what it was made of
    notes: list[str]


@dataclass(slots=True)
class _Fitter:
    """What all steps of one fit share."""

    recipe: Recipe
    simulator: Simulator
    fitted: list[ClipProfile]  # clips of dev that are fitted to
    held_out: list[ClipProfile]
    seed: int
    trust: Trust
    message: Callable[[str], None]
    rounds: int  # at most
    progress: FitProgress
    auc_dev: float | None
    snrs: Sequence[float | None] = ()  # of `fitted`, calibrated, flagged or not; empty without calibration

    def report(self, title: str, score: MatchScore, best: int | None = None) -> None:
        """Send a line about a completed step: its score, the best round so far, and the time."""
        same = "" if self.auc_dev is None else f"; dev against dev {self.auc_dev:.2f}"
        leader = "" if best is None else f"; best so far: round {best}"
        self.message(f"{title}: {score.words(f' (0.50 = same{same})')}{leader}; {self.progress.times()}")

    def score(self, simulated: Sequence[ClipProfile], dev: Sequence[ClipProfile] | None = None) -> MatchScore:
        """Score simulated clips against clips of dev (default: the held-out ones)."""
        return score_match(simulated, self.held_out if dev is None else dev, trust=self.trust, seed=self.seed)

    def start(self) -> tuple[MatchedCases, tuple[SnrCurve, ...]]:
        """The cases as measured, with the calibrated SNR; and the calibrations."""
        cases = cases_of(self.fitted, trust=self.trust)
        curves = self._calibrate(cases) if self.trust.snr else ()
        if curves:
            self.snrs = [measured_snr(clip) for clip in curves[-1].apply(self.fitted)]
            cases = [
                replace(case, snr_db=snr if case.snr_db is not None else None)
                for case, snr in zip(cases, self.snrs, strict=True)
            ]
        jitter = jitter_of(cases, uncertainty=curves[-1].uncertainty_db if curves else 0.0)
        return MatchedCases(tuple(cases), self._widened(jitter), self.trust), curves

    def _widened(self, jitter: Jitter) -> Jitter:
        """The jitter, of an SNR as wide as the noise of dev fluctuates."""
        fluctuation = quantile_of(self.fitted, "fluctuation_db")
        if fluctuation is None or fluctuation <= _FLUCTUATING_DB[0] or not jitter.snr_db:
            return jitter
        return replace(jitter, snr_db=round(math.hypot(jitter.snr_db, min(fluctuation, _FLUCTUATING_DB[1])), 2))

    def _calibrate(self, cases: Sequence[Case]) -> tuple[SnrCurve, ...]:
        """Calibrate the SNR twice: on the recipe's own noise, then on noise with the spectra of dev.

        The second one matters: how far a blind SNR is off depends on the spectrum of the noise.
        """
        assert self.recipe.noise is not None
        wide = Uniform(*CALIBRATION_DB)
        noisy = replace(self.recipe, noise=replace(self.recipe.noise, snr_db=wide, probability=1.0))
        spectra = Cases(tuple(replace(case, snr_db=None) for case in cases), "calibration")
        like_dev = replace(noisy, conditions=(Condition(name="matched", cases=CASES, snr_db=wide),))
        snrs = [snr for clip in self.fitted if (snr := trusted_snr(clip)) is not None]
        within = (min(snrs) - 1, max(snrs) + 1)
        count = min(CALIBRATION_CLIPS, self.simulator.clips)
        steps: tuple[tuple[Recipe, Mapping[str, Cases]], ...] = ((noisy, {}), (like_dev, {"matched": spectra}))
        curves = []
        for number, (recipe, drawn) in enumerate(steps, start=1):
            title = self.progress.begin(calibration_title(number))
            mixes = self.simulator.simulate(recipe, drawn, title, clips=count)
            curves.append(fit_curve(mixes, within=within))
        return tuple(curves)

    def iterate(self, start: MatchedCases) -> _Search:
        """Simulate, score and correct the cases until no round is better."""
        search = _Search([], 0, start, [])
        current = start
        for number in range(self.rounds + 1):
            recipe = replace(self.recipe, conditions=(matched_condition(current, weight=1.0),))
            title = round_title(number, self.rounds)
            simulated = self.simulator.simulate(
                recipe, {"matched": Cases(current.cases, "trial")}, self.progress.begin(title)
            )
            search.rounds.append(Round(number, self.score(simulated, self.fitted), self.score(simulated)))
            score = search.rounds[-1].held_out
            if score.score < search.rounds[search.kept].held_out.score:
                search = replace(search, kept=number, best=current)
            self.report(title, score, best=search.kept)
            if number - search.kept >= _PATIENCE or number == self.rounds:
                break
            cases = self._correct(current.cases, simulated)
            cases, notes = self._refine(cases, simulated, first=number == 0)
            search.notes.extend(note for note in notes if note not in search.notes)
            current = replace(current, cases=tuple(cases))
        return search

    def _correct(self, cases: Sequence[Case], simulated: Sequence[ClipProfile]) -> list[Case]:
        """The cases, corrected by what the simulated clips lack of dev in SNR, level, fluctuation and spectrum."""
        weights = balanced_weights([clip.group for clip in self.fitted]).tolist()
        snr_of = comparable_snr(self.fitted, simulated) if self.snrs else trusted_snr
        corrected = list(cases) if snr_of is trusted_snr else with_missing_snrs(cases, self.snrs)
        value_of: dict[str, Callable[[ClipProfile], float | None]] = {
            "snr_db": snr_of,
            "level_dbfs": lambda clip: clip_level(clip.features),
            "fluctuation_db": trusted_fluctuation,
        }
        for name, value in value_of.items():
            dev = [(v, w) for clip, w in zip(self.fitted, weights, strict=True) if (v := value(clip)) is not None]
            ours = [v for clip in simulated if (v := value(clip)) is not None]
            corrected = correct_field(corrected, name, dev, ours)  # type: ignore[arg-type]
        if not self.trust.spectrum:
            return corrected
        dev_spectra = [(s, w) for s, w in zip(noise_spectra(self.fitted), weights, strict=True) if s is not None]
        our_spectra = [spectrum for spectrum in noise_spectra(simulated) if spectrum is not None]
        if not dev_spectra or not our_spectra:
            return corrected
        size = len(dev_spectra[0][0])  # bands alone in a profile of an earlier version; they come first
        sizes_fit = all(len(s) in (size, size + RUMBLE_BANDS) for s in our_spectra)
        if {len(spectrum) for spectrum, _ in dev_spectra} != {size} or not sizes_fit:
            return corrected
        return correct_spectra(
            corrected, [s for s, _ in dev_spectra], [w for _, w in dev_spectra], [s[:size] for s in our_spectra]
        )

    def _refine(
        self, cases: Sequence[Case], simulated: Sequence[ClipProfile], *, first: bool
    ) -> tuple[list[Case], list[str]]:
        """(the cases with band limits and margins, if dev clearly has others than the simulated clips; notes).

        Both are measured through noise, so in the first round simulated noise must have the spectrum of dev already.
        """
        rate = self.recipe.sample_rate
        own_high = first and is_narrower(self.fitted, simulated)
        low = high = None
        if self.trust.spectrum:
            lows, highs = [c.low_hz for c in cases if c.low_hz], [c.high_hz for c in cases if c.high_hz]
            low = lower_limit(self.fitted, simulated, sample_rate=rate, current=max(lows, default=None))
            high = upper_limit(self.fitted, simulated, sample_rate=rate, current=max(highs, default=None))
        refined = [
            through_microphone(with_limits(case, clip, low=low, high=high, own_high=own_high), case, sample_rate=rate)
            for case, clip in zip(cases, self.fitted, strict=True)
        ]
        if first and self.trust.spectrum:  # events of non-stationary noise would be taken for speech
            refined = with_margins(refined, self.fitted, simulated)
        notes = []
        ends = [
            name for name, is_set in (("lower", low is not None), ("upper", own_high or high is not None)) if is_set
        ]
        if ends:
            notes.append(f"each case has a microphone with the {' and '.join(ends)} end of dev's band")
        if any(case.before_s is not None for case in refined):
            notes.append("the margins of the cases follow dev's share without speech")
        return refined, notes

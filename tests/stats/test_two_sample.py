"""Two-sample tests on samples whose difference is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, wasserstein_distance

from synth.draws import generator
from synth.stats.coverage import measure_coverage
from synth.stats.groups import halvings
from synth.stats.two_sample import classify, fill_missing
from synth.stats.wasserstein import correct_by_holm, measure_distances

D = 6
TOLERANCES = [0.1] * D


def sample(
    clips: int, groups: int, seed: int, *, shift: float = 0.0, between: float = 0.3
) -> tuple[np.ndarray, list[str]]:
    """Normal features of SD 1, of which `between` is the groups' part; the first feature is shifted."""
    rng = np.random.default_rng(seed)
    group = np.arange(clips) % groups
    parts = rng.standard_normal((groups, D))[group] * between
    values = parts + rng.standard_normal((clips, D)) * np.sqrt(1 - between**2)
    values[:, 0] += shift
    return values, [f"{seed}-{g}" for g in group]


def auc(a: tuple[np.ndarray, list[str]], b: tuple[np.ndarray, list[str]], **more: object) -> float:
    result = classify(a[0], b[0], a[1], b[1], seed=3, tolerances=TOLERANCES, **more)  # type: ignore[arg-type]
    return result.auc if result else float("nan")


def test_a_shift_gives_the_auc_of_theory() -> None:
    for shift in (0.5, 1.0, 2.0):
        expected = norm.cdf(shift / np.sqrt(2))
        assert auc(sample(600, 600, 1, shift=shift), sample(600, 600, 2)) == pytest.approx(expected, abs=0.05)


def test_equal_samples_cannot_be_told_apart() -> None:
    """Seeds from 1000 on: of the first eight pairs several differ by chance, which hid how little room the bar has."""
    found = [auc(sample(300, 60, 1000 + 2 * k), sample(300, 60, 1001 + 2 * k)) for k in range(12)]
    assert abs(np.mean(found) - 0.5) < 0.05
    assert max(found) < 0.65


def test_sessions_do_not_give_the_side_away() -> None:
    """Features that name the session tell the sides apart only where a session's clips are learned from and asked for."""
    apart = [sample(200, 10, seed, between=0.98) for seed in (5, 6)]
    clips_alone = [
        (values, [str(k) for k in range(200 * side, 200 * side + 200)]) for side, (values, _) in enumerate(apart)
    ]
    assert auc(clips_alone[0], clips_alone[1]) > 0.95
    assert auc(*apart) < 0.8


def test_a_group_on_both_sides_stays_in_one_fold() -> None:
    """Else the classifier learns "this group is training" and errs on the same group's dev clips: an AUC near 0."""
    (values, groups), (other, _) = sample(300, 30, 7, between=0.95), sample(300, 30, 7, between=0.95)
    assert auc((values, groups), (other + 1e-3, groups), jitter=True) == pytest.approx(0.5, abs=0.08)


def test_jitter_hides_what_is_below_the_tolerance() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((300, D)) * 0.001, rng.standard_normal((300, D)) * 0.001 + 0.02
    groups = [str(k) for k in range(300)]
    others = [f"dev {k}" for k in range(300)]
    assert auc((a, groups), (b, others), jitter=False) > 0.99
    assert auc((a, groups), (b, others)) < 0.65


def test_what_is_missing_does_not_tell_the_sides_apart() -> None:
    (a, groups_a), (b, groups_b) = sample(400, 80, 8), sample(400, 80, 9)
    rng = np.random.default_rng(1)
    a[rng.random(a.shape) < 0.4] = np.nan
    a[:, 5] = np.nan  # never measured
    found = classify(a, b, groups_a, groups_b, seed=1, tolerances=TOLERANCES)
    assert found is not None
    assert found.used == (0, 1, 2, 3, 4)
    assert found.auc < 0.62


def test_filling_takes_equally_much_from_both_sides() -> None:
    a, b = np.arange(100.0)[:, None].repeat(2, axis=1), np.arange(200.0)[:, None].repeat(2, axis=1)
    a[:30, 0] = np.nan
    x, y, used = fill_missing(a, b, generator(0, "test"))
    assert used.tolist() == [0, 1]
    assert (x[:, 0] == 99.5).sum() == 30
    assert (y[:, 0] == np.nanmedian(y[:, 0])).sum() == 60
    assert (x[:, 1] == a[:, 1]).all()


def test_too_few_groups_have_no_auc() -> None:
    a, b = sample(50, 1, 1), sample(50, 5, 2)
    assert np.isnan(auc(a, b))
    assert classify(a[0] * np.nan, b[0], b[1], b[1], seed=0, tolerances=TOLERANCES) is None


def test_same_seed_same_number() -> None:
    a, b = sample(100, 20, 1, shift=0.4), sample(80, 20, 2)
    assert auc(a, b) == auc(a, b)


def test_unequal_numbers_do_not_count() -> None:
    assert auc(sample(1500, 300, 1, shift=1), sample(150, 30, 2)) == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.08)


def test_scores_point_at_the_side() -> None:
    a, b = sample(200, 40, 1, shift=2), sample(200, 40, 2)
    found = classify(a[0], b[0], a[1], b[1], seed=0, repeats=2, tolerances=TOLERANCES)
    assert found is not None
    assert found.scores_a.shape == (200,)
    assert found.scores_a.mean() > 0.7
    assert found.scores_b.mean() < 0.3
    assert np.corrcoef(found.scores_a, a[0][:, 0])[0, 1] > 0.7


def test_halvings_keep_groups_and_are_even() -> None:
    groups = [str(k % 13) for k in range(200)]
    for one, other in halvings(groups, 5, seed=0):
        assert sorted([*one, *other]) == list(range(200))
        assert not {groups[i] for i in one} & {groups[i] for i in other}
        assert abs(len(one) - len(other)) <= 16
    assert len({tuple(one.tolist()) for one, _ in halvings(groups, 5, seed=0)}) == 5


def test_coverage_sees_a_sliver() -> None:
    dev, groups = sample(300, 300, 1)
    whole, _ = sample(900, 900, 2)
    sliver = np.where(whole[:, :1] > 0, whole, -whole)  # half of the first axis only
    whole_share = measure_coverage(whole, dev, groups=groups, tolerances=TOLERANCES)
    sliver_share = measure_coverage(sliver + 1.5 * np.eye(D)[0], dev, groups=groups, tolerances=TOLERANCES)
    assert whole_share is not None
    assert sliver_share is not None
    assert whole_share.share > 0.93
    assert sliver_share.share < 0.7
    uncovered = dev[sliver_share.distance > 1]
    assert uncovered[:, 0].mean() < dev[:, 0].mean() - 0.3


def test_a_larger_training_set_does_not_cover_more() -> None:
    dev, groups = sample(150, 150, 1)
    shares = [
        measure_coverage(sample(n, n, 2)[0] + 0.8, dev, groups=groups, tolerances=TOLERANCES) for n in (150, 3000)
    ]
    assert shares[0] is not None
    assert shares[1] is not None
    assert shares[1].share < shares[0].share + 0.05


def test_sessions_apart_cover_each_other() -> None:
    """Clips of a session lie close together: without their groups nobody else's would ever be near enough."""
    (dev, groups), (train, _) = sample(200, 20, 3, between=0.9), sample(200, 20, 4, between=0.9)
    by_group = measure_coverage(train, dev, groups=groups, tolerances=TOLERANCES)
    by_clip = measure_coverage(train, dev, tolerances=TOLERANCES)
    assert by_group is not None
    assert by_clip is not None
    assert by_group.share > 0.85
    assert by_clip.share < 0.6


def test_coverage_of_too_few_is_none() -> None:
    dev, groups = sample(6, 2, 1)
    assert measure_coverage(dev, dev, groups=groups, tolerances=TOLERANCES) is None
    assert measure_coverage(np.zeros((5, D)), np.zeros((5, D)), tolerances=TOLERANCES) is None


def test_wasserstein_is_the_area_between_the_distribution_functions() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(57), rng.gamma(2, 1, 91)
    w1 = measure_distances(x[:, None], y[:, None], list(map(str, range(57))), list(map(str, range(91)))).w1[0]
    assert w1 == pytest.approx(wasserstein_distance(x, y))


def test_the_null_is_that_of_equal_sets_with_groups() -> None:
    """5 % of equal sets are above it (of 20 x 6 features that are independent), also with few and unlike groups."""
    for clips, groups in (((200, 400), (40, 80)), ((120, 120), (8, 60))):
        above = []
        for seed in range(20):
            (a, groups_a), (b, groups_b) = (sample(clips[k], groups[k], 2 * seed + k, between=0.5) for k in (0, 1))
            found = measure_distances(a, b, groups_a, groups_b, seed=seed)
            above.extend(found.w1 > found.null95)
        assert 0.0 < np.mean(above) < 0.12


def test_the_null_without_groups_would_be_too_narrow() -> None:
    (a, groups_a), (b, groups_b) = sample(200, 10, 1, between=0.7), sample(200, 10, 2, between=0.7)
    clips = [f"a{k}" for k in range(200)], [f"b{k}" for k in range(200)]
    by_group, by_clip = measure_distances(a, b, groups_a, groups_b), measure_distances(a, b, *clips)
    assert (by_group.null95 > 1.5 * by_clip.null95).all()


def test_the_null_narrows_with_the_number_of_clips_and_not_with_a_shift() -> None:
    few = measure_distances(*_pair(100, shift=0))
    many = measure_distances(*_pair(400, shift=0))
    shifted = measure_distances(*_pair(400, shift=3))
    assert np.median(few.null95 / many.null95) == pytest.approx(2, rel=0.25)
    assert shifted.null95[0] == pytest.approx(many.null95[0], rel=0.2)
    assert shifted.w1[0] == pytest.approx(3, abs=0.3)
    assert shifted.p[0] == pytest.approx(D / 1000)
    assert shifted.p[1] > 0.05


def _pair(clips: int, *, shift: float) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    (a, groups_a), (b, groups_b) = sample(clips, clips, 21, shift=shift), sample(clips, clips, 22)
    return a, b, groups_a, groups_b


def test_p_is_by_group() -> None:
    """Ten sessions a side that differ by chance: clips shuffled one by one would call it certain."""
    (a, groups_a), (b, groups_b) = sample(400, 5, 31, between=0.9), sample(400, 5, 32, between=0.9)
    assert measure_distances(a, b, groups_a, groups_b).p.min() > 0.02
    clips = [f"a{k}" for k in range(400)], [f"b{k}" for k in range(400)]
    assert measure_distances(a, b, *clips).p.min() < 0.01


def test_what_cannot_be_measured_is_nan() -> None:
    (a, groups_a), (b, groups_b) = sample(50, 10, 1), sample(50, 1, 2)
    a[:, 2] = np.nan
    found = measure_distances(a, b, groups_a, groups_b)
    assert np.isnan(found.w1[2])
    assert np.isfinite(found.w1[0])
    assert np.isnan(found.null95).all()
    assert found.family == 1.0


def test_holm_is_that_of_the_book() -> None:
    assert correct_by_holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005])) == pytest.approx(
        [0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True
    )

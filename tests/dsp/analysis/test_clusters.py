"""Different spectra, recordings that are one, and the effective number of them, for collections of known make."""

from __future__ import annotations

import numpy as np
import pytest

from synth.dsp.analysis import clusters as noise_clusters
from synth.dsp.analysis.clusters import SharedSound, cluster_spectra, effective_number, group_recordings, unique_seconds

BANDS = 22


def spectra(*centres: int, spread_db: float, seed: int = 1) -> np.ndarray:
    """Profiles about a spectrum for each number; spectra of different numbers differ by 10 dB on average."""
    random = np.random.default_rng(seed)
    made = {k: np.where(np.random.default_rng(100 + k).random(BANDS) < 0.5, -10.0, 10.0) for k in set(centres)}
    return np.array([made[k] + random.uniform(-spread_db, spread_db, BANDS) for k in centres])


@pytest.mark.parametrize("most", [4000, 0], ids=["linked", "by leaders"])
def test_as_many_spectra_as_were_made(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_clusters, "_PAIRWISE", most)
    made = (7, 7, 5, 9, 7, 5)
    found = cluster_spectra(spectra(*made, spread_db=1.5), limit_db=3.0)
    assert found.tolist() == [1, 1, 2, 3, 1, 2]  # the largest first


@pytest.mark.parametrize(("apart_db", "count"), [(2.9, 1), (3.1, 2)])
def test_the_limit_is_the_mean_difference_of_the_bands(apart_db: float, count: int) -> None:
    difference = np.array([2 * apart_db, 0.0] * (BANDS // 2))
    assert cluster_spectra(np.array([np.zeros(BANDS), difference]), limit_db=3.0).max() == count


def test_one_recording_or_a_rate_without_bands_has_one_spectrum() -> None:
    assert cluster_spectra(np.zeros((1, BANDS)), limit_db=3.0).tolist() == [1]
    assert cluster_spectra(np.zeros((3, 0)), limit_db=3.0).tolist() == [1, 1, 1]


def test_segments_of_a_file_and_chains_of_duplicates_are_one_recording() -> None:
    paths = ["a", "b", "c", "a", "d", "e"]
    assert group_recordings(paths, [SharedSound(1, 4, 5.0), SharedSound(4, 5, 5.0)]).tolist() == [1, 2, 3, 1, 2, 2]


def test_seconds_in_common_count_once() -> None:
    usable, family = np.array([60.0, 40.0, 30.0, 100.0]), np.array([1, 1, 1, 2])
    # the second and the third are cut from the first, and share 20 s themselves
    pairs = [SharedSound(0, 1, 40.0), SharedSound(0, 2, 30.0), SharedSound(1, 2, 20.0)]
    assert unique_seconds(usable, family, pairs) == pytest.approx([60.0, 100.0])


def test_two_that_overlap_have_the_rest_for_themselves() -> None:
    assert unique_seconds(np.array([60.0, 40.0]), np.array([1, 1]), [SharedSound(0, 1, 10.0)]) == pytest.approx([90.0])


def test_never_less_than_the_longest_member() -> None:
    assert unique_seconds(np.array([50.0, 60.0]), np.array([1, 1]), [SharedSound(0, 1, 80.0)]) == pytest.approx([60.0])


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([7.0], 1.0),
        ([5.0] * 8, 8.0),
        ([1e-9, 10.0], 1.0),
        ([0.0, 3.0, 3.0], 2.0),
        ([2.0, 1.0, 1.0], 2**1.5),  # entropy of (1/2, 1/4, 1/4): 1.5 bits
    ],
)
def test_effective_number_of_known_shares(seconds: list[float], expected: float) -> None:
    assert effective_number(np.array(seconds)) == pytest.approx(expected, rel=1e-6)

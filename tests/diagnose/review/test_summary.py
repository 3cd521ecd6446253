"""What a review says of dev's error: shares, ceilings, labels, tags of the profile, and pieces of recipes that load."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from synth.commands.errors import sample_errors, summarize_review
from synth.diagnose.review.automatic_tags import automatic_tags
from synth.diagnose.review.dev_set import read_dev
from synth.diagnose.review.manual_tags import MANUAL_TAGS
from synth.diagnose.review.review_csv import Review, ReviewRow, format_review
from synth.diagnose.review.summary import ReviewSummary
from synth.errors import UsageError
from synth.match.measure.profile import write_profile
from synth.recipe.load import load_recipe
from synth.stats.intervals import wilson
from tests.diagnose.dev_lists import DevList, dev_list, filled_in
from tests.helpers import REVIEW_DESIGN, fixture_recipe, run_synth

ROW = ReviewRow("c", "c.wav", "wrong", "yes", "no", 1, 1, True, (), "", "", "c", "all", 100)
RIGHT = replace(ROW, kind="right", hypothesis="yes", errors=0, stratum="right", stratum_clips=900)


def summed(folder: Path, wrong: list[dict[str, Any]], right: list[dict[str, Any]] | None = None) -> ReviewSummary:
    """The summary of a review of these rows; each its own group unless said."""
    rows = [replace(ROW, **{"id": f"w{k}", "group": f"w{k}", **row}) for k, row in enumerate(wrong)]
    rows += [replace(RIGHT, **{"id": f"r{k}", "group": f"r{k}", **row}) for k, row in enumerate(right or [])]
    design = {
        **REVIEW_DESIGN,
        "errors": float(sum(row.stratum_clips * row.errors for row in rows) / max(1, len(wrong))),
    }
    path = folder / "review.csv"
    path.write_text(format_review(Review(tuple(rows), tuple(MANUAL_TAGS), design)))
    return summarize_review(path, folder / "dev.jsonl")


def plain(k: int) -> list[dict[str, Any]]:
    """A hundred wrong clips, k of them with wind."""
    return [{"tags": ("wind",)}] * k + [{}] * (100 - k)


@pytest.mark.parametrize("k", [2, 5, 10, 20, 40])
def test_shares_and_ceilings_are_those_of_wilson(tmp_path: Path, k: int) -> None:
    (found,) = summed(tmp_path, plain(k)).categories
    expected = wilson(k / 100, 100)
    assert (found.name, found.count, found.looked_at, found.alone) == ("wind", k, 100, k)
    for part in ("value", "low", "high"):
        assert getattr(found.share, part) == pytest.approx(getattr(expected, part))
        assert getattr(found.ceiling, part) == pytest.approx(0.1 * getattr(expected, part))  # dev's error is 10 %


def test_a_ceiling_counts_errors_and_not_clips(tmp_path: Path) -> None:
    """Ten of a hundred clips have wind, but nine errors each, of 180."""
    rows = [{"tags": ("wind",), "errors": 9, "words": 10}] * 10 + [{}] * 90
    found = summed(tmp_path, rows)
    (wind,) = found.categories
    assert wind.share.value == pytest.approx(0.1)
    assert wind.ceiling.value == pytest.approx(found.error * 90 / 180)


def test_strata_count_by_their_size(tmp_path: Path) -> None:
    """One clip of a stratum of ten stands for ten, and ten of a stratum of ten for one each."""
    rows = [{"tags": ("wind",), "stratum": "small", "stratum_clips": 10}] * 10
    rows += [{"stratum": "large", "stratum_clips": 90}] * 10
    (wind,) = summed(tmp_path, rows).categories
    assert wind.share.value == pytest.approx(0.1)
    assert (wind.count, wind.looked_at) == (10, 20)


def test_tags_overlap(tmp_path: Path) -> None:
    found = summed(tmp_path, [{"tags": ("wind", "accent")}] * 5 + [{"tags": ("wind",)}] * 5 + [{}] * 10)
    assert [(tag.name, tag.count, tag.alone) for tag in found.categories] == [("wind", 10, 5), ("accent", 5, 0)]
    assert "babble or passenger" in found.unused_tags
    assert found.unused_high == pytest.approx(wilson(0, 20).high)


def test_what_was_not_looked_at_does_not_count(tmp_path: Path) -> None:
    found = summed(tmp_path, [{"tags": ("wind",)}] * 5 + [{}] * 5 + [{"reviewed": False}] * 90)
    assert found.categories[0].share.value == pytest.approx(0.5)
    assert any("90 of 100 clips were not reviewed" in note for note in found.notes)
    with pytest.raises(UsageError, match="fill it in first"):
        summed(tmp_path, [{"reviewed": False}])


# --- labels -----------------------------------------------------------------------------------------------------------


def test_corrected_error_both_ways(tmp_path: Path) -> None:
    """Dev: 100 wrong and 900 right of 1,000. 20 of 100 wrong ones are mislabeled (in truth right), 2 of 40 right ones:
    that is 80 + 45 errors, 12.5 %, and 8 % for whoever looks at wrong ones alone."""
    bad = {"tags": ("mislabeled",)}
    found = summed(tmp_path, [bad] * 20 + [{}] * 80, [bad] * 2 + [{}] * 38)
    labels = found.labels
    assert found.error == pytest.approx(0.1)
    assert labels.mislabeled == (20, 2)
    assert labels.both is not None
    assert labels.wrong_only.value == pytest.approx(0.08)
    assert labels.both.value == pytest.approx(0.125)
    assert labels.both.low < labels.both.value < labels.both.high
    assert labels.both.high - labels.both.value > labels.wrong_only.high - labels.wrong_only.value


def test_corrections_count_what_is_left(tmp_path: Path) -> None:
    """A correction that agrees with the hypothesis takes the error away, another leaves it."""
    rows = [{"correction": "no"}] * 10 + [{"correction": "maybe"}] * 10 + [{}] * 80
    labels = summed(tmp_path, rows).labels
    assert labels.mislabeled == (20, 0)
    assert labels.share.value == pytest.approx(0.2)
    assert labels.gain.value == pytest.approx(0.1 * 0.1)
    assert labels.corrections == 20


def test_right_answers_that_nobody_heard_are_warned_of(tmp_path: Path) -> None:
    found = summed(tmp_path, plain(10))
    assert found.labels.both is None
    assert any("no right answer was reviewed" in note for note in found.notes)
    assert found.to_json()["mislabeled"]["corrected_error"] is None


@pytest.mark.parametrize(
    ("bad", "of", "verdict"),
    [
        (40, 100, "pays"),
        (2, 100, "does not pay"),
        (10, 100, "cannot tell"),
        (1, 10, "cannot tell"),
        (0, 10, "none found"),
    ],
)
def test_whether_labels_pay(tmp_path: Path, bad: int, of: int, verdict: str) -> None:
    rows: list[dict[str, Any]] = [{"tags": ("mislabeled",)}] * bad + [{"tags": ("wind",)}] * (of - bad)
    found = summed(tmp_path, rows)
    assert found.labels.verdict == verdict
    words = found.to_json()["mislabeled"]["words"]
    if bad:
        assert ("below that of wind" if bad < of - bad else "above that of wind") in words


# --- what the profile knows -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> DevList:
    return dev_list(tmp_path_factory.mktemp("dev"), clips=2000)


@pytest.fixture(scope="module")
def reviewed(dev: DevList) -> Path:
    path = dev.manifest.parent / "review.csv"
    sample_errors(dev.predictions, dev.manifest, path, n=100, right=20)
    filled_in(path, dev.truth)
    return path


def test_what_goes_with_errors_stands_first(dev: DevList, reviewed: Path) -> None:
    """Clips below 0 dB are made wrong three times as often as the others; nothing else matters."""
    write_profile(dev.profile, dev.manifest.parent / "dev.profile")
    found = summarize_review(reviewed, dev.manifest, profile=dev.manifest.parent / "dev.profile").automatic
    assert found is not None
    (first, risk), *rest = [(each.tag, each.risk) for each in found]
    assert first.name == "SNR below 0 dB"
    assert risk.ratio.low < 3 < risk.ratio.high
    assert risk.ratio.low > 1.5
    assert risk.attributable.low > 0
    below = {clip.path for clip in dev.profile.clips if (clip.features["snr_db"] or 0) < 0}
    assert first.clips == len(below)
    assert {tag.name for tag, _ in rest} > {"non-stationary noise", "label window", "fast speech (the last tenth)"}
    assert sum(risk.attributable.low > 0 for _, risk in rest) <= 1  # eight others at 2.5 %
    attributable = [each.risk.attributable.value for each in found]
    assert attributable == sorted(attributable, reverse=True)
    clips = read_dev(dev.predictions, dev.manifest)
    assert risk.attributable.value == pytest.approx(clips.errors / clips.words - risk.without_property)


def test_a_profile_is_found_by_path_and_what_it_lacks_is_unknown(dev: DevList, tmp_path: Path) -> None:
    half = replace(dev.profile, clips=dev.profile.clips[::2])
    tags = {tag.name: tag for tag in automatic_tags(read_dev(dev.predictions, dev.manifest), half)}
    assert tags["SNR below 0 dB"].known_clips == 1000
    assert tags["label window"].known_clips == 2000
    elsewhere = replace(half, root="/elsewhere", clips=tuple(replace(c, path=f"/x/{c.path}") for c in half.clips))
    assert "SNR below 0 dB" not in {t.name for t in automatic_tags(read_dev(dev.predictions, dev.manifest), elsewhere)}


def test_another_models_predictions_are_refused(dev: DevList, reviewed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(dev.predictions.read_text() + "\n")
    with pytest.raises(UsageError, match="is not the file from which the clips of"):
        summarize_review(reviewed, dev.manifest, predictions=other)
    away = tmp_path / "review.csv"
    away.write_bytes(reviewed.read_bytes())
    found = summarize_review(away, dev.manifest)
    assert found.automatic is None
    assert any("name them with --predictions" in note for note in found.notes)
    assert summarize_review(away, dev.manifest, predictions=dev.predictions).automatic is not None


def test_the_command_tells_all_of_it(dev: DevList, reviewed: Path, tmp_path: Path) -> None:
    write_profile(dev.profile, tmp_path / "dev.profile")
    words = ["errors", "summary", reviewed, "--manifest", dev.manifest, "--profile", tmp_path / "dev.profile"]
    done = run_synth(*words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    shares = {tag["tag"]: tag["share"] for tag in told["tags"]}
    wrong = [tags for tags in dev.truth.values() if tags]
    for name, share in shares.items():
        assert share["low"] < sum(name in tags for tags in wrong) / len(wrong) < share["high"]
    text = run_synth(*words).stdout
    for said in ("car noise", "SNR below 0 dB", told["mislabeled"]["words"], "from right clips too: "):
        assert said in text
    assert "probability: " in text
    assert f"{told['dev']['error']:.2f} %" in text


# --- the recipe -------------------------------------------------------------------------------------------------------


def added(recipe: dict[str, Any], piece: dict[str, Any]) -> dict[str, Any]:
    """What the page says: keys replace, items of lists go on top."""
    merged = dict(recipe)
    for key, value in piece.items():
        there = merged.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            merged[key] = added(there, value)
        else:
            merged[key] = [*there, *value] if isinstance(there, list) and key in _LISTS else value
    return merged


_LISTS = ("layers", "events", "effects", "sources", "channel")


def test_every_piece_of_a_recipe_loads(dev: DevList, tmp_path: Path) -> None:
    flagged = replace(
        dev.profile,
        clips=tuple(
            replace(
                clip,
                flags=("non_stationary", "clipped", "telephone", "lowpass", "trimmed", "no_speech") if k % 3 else (),
                features={**clip.features, "speech_dbfs": -30.0 + k % 10, "modulation_4hz": 0.1 * (k % 8)}
                | {"duration_s": 0.3 if k % 5 else 2.0},
            )
            for k, clip in enumerate(dev.profile.clips)
        ),
    )
    tags = automatic_tags(read_dev(dev.predictions, dev.manifest), flagged)
    remedies = {tag.name: tag.remedy for tag in tags} | {k: v.filled(0.123) for k, v in MANUAL_TAGS.items()}
    snippets = {name: remedy.snippet for name, remedy in remedies.items() if remedy.snippet}
    assert len(snippets) >= 10 + 12
    for name, snippet in snippets.items():
        assert "SHARE" not in snippet, name
        recipe = yaml.safe_load(fixture_recipe(tmp_path).read_text())
        (tmp_path / "with.yaml").write_text(yaml.safe_dump(added(recipe, yaml.safe_load(snippet))))
        load_recipe(tmp_path / "with.yaml")
    assert all(remedy.snippet or remedy.command or remedy.words for remedy in remedies.values())
    assert "probability: 0.12," in MANUAL_TAGS["wind"].filled(0.123).snippet
    assert not any(math.isnan(tag.share) for tag in tags)

"""Selection: known pools are brought to known targets, the price is told, and what is not there is listed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from synth.commands.generate import generate
from synth.commands.select import select_clips
from synth.dataset.manifest import read_rows
from synth.errors import GuardError, UsageError
from synth.match.measure.audio_set import open_set
from synth.match.measure.features import BAND_NAMES
from synth.match.measure.profile import ClipProfile, Profile, write_profile
from synth.match.measure.profiler import profile_set
from synth.match.select.cells import Bins, make_cells, quotas
from synth.match.select.selection import Selection, select_subset, weight_clips
from synth.match.select.weights import weighted_wasserstein
from tests.helpers import fixture_recipe, run_synth

SLOPE = np.linspace(-1, 1, 12)
Numbers = np.ndarray


def table(
    snr: Numbers, level: Numbers, tilt: Numbers, *, seed: int, name: str, flags: tuple[str, ...] = ()
) -> list[ClipProfile]:
    """Clips that were never recorded: SNR and speech level in dB, and how much the noise falls from 60 Hz to 7 kHz."""
    rng = np.random.default_rng(seed)
    found = []
    for k, (s, a, t) in enumerate(zip(snr, level, tilt, strict=True)):
        bands = -SLOPE * t + rng.normal(0, 1.5, 12)
        features = {
            "snr_db": float(s),
            "speech_dbfs": float(a),
            "noise_dbfs": float(a - s),
            **dict(zip(BAND_NAMES, (bands - bands.mean()).tolist(), strict=True)),
            "fluctuation_db": float(rng.normal(1.5, 0.3)),
            "low_hz": 100.0,
            "high_hz": float(7000 * np.exp(rng.normal(0, 0.02))),
            "speech_tilt_db": float(rng.normal(-10, 3)),
            "duration_s": float(rng.uniform(2, 6)),
        }
        found.append(ClipProfile(f"{name}-{k}.wav", f"{name}-{k % 40}", features, flags))
    return found


def pool_of(count: int = 4000, seed: int = 1) -> list[ClipProfile]:
    rng = np.random.default_rng(seed)
    numbers = rng.uniform(-5, 25, count), rng.uniform(-34, -16, count), rng.normal(8, 5, count)
    return table(*numbers, seed=seed, name="pool")


def target_of(count: int = 300, seed: int = 2, snr: float = 8) -> list[ClipProfile]:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(snr, 4, count), rng.normal(-26.5, 4.5, count), rng.normal(10, 4.8, count)
    return table(*numbers, seed=seed, name="target")


def seconds_of(clips: list[ClipProfile]) -> Numbers:
    return np.array([clip.features["duration_s"] for clip in clips])


def column(clips: list[ClipProfile], what: str) -> Numbers:
    if what == "tilt":
        bands = np.array([[clip.features[name] for name in BAND_NAMES] for clip in clips])
        return np.asarray(-bands @ SLOPE / (SLOPE @ SLOPE))
    return np.array([clip.features[what] for clip in clips])


@pytest.mark.parametrize("method", ["quotas", "ratio", "balance"])
@pytest.mark.parametrize("kind", ["subset", "weights"])
def test_the_bar(method: str, kind: str) -> None:
    """From SNR uniform on -5..25 dB to normal(8, 4), another level, another tilt: W1 of each falls to a third or less, at
    an effective sample size of 0.3 of the clips or more. (The ratio, which is smooth, comes to half of the level's.)"""
    pool, target = pool_of(), target_of()
    seconds = seconds_of(pool)
    chosen = (
        select_subset(pool, target, seconds, hours=0.1 * seconds.sum() / 3600, method=method)
        if kind == "subset"
        else weight_clips(pool, target, seconds, method=method)
    )
    assert chosen.ess >= 0.3
    for what in ("snr_db", "speech_dbfs", "tilt"):
        values, wanted = column(pool, what), column(target, what)
        before = weighted_wasserstein(values, np.ones(len(pool)), wanted)
        assert weighted_wasserstein(values, chosen.weights, wanted) <= before * (0.5 if method == "ratio" else 1 / 3), (
            what
        )
    by_name = {d.name: d for d in chosen.distances}
    assert by_name["snr_db"].before == pytest.approx(
        weighted_wasserstein(column(pool, "snr_db"), np.ones(len(pool)), column(target, "snr_db")), abs=1e-3
    )


def test_what_is_a_little_off_is_brought_as_near_as_what_is_far_off() -> None:
    """A level 2 dB off beside an SNR 10 dB off and a colour 10 dB off: no effective size is spent on a tenth of these
    while half of the level's distance is left."""
    rng = np.random.default_rng(11)
    pool, count = pool_of(1500), 200
    numbers = rng.normal(2, 3, count), rng.normal(-27, 5, count), rng.normal(18, 3, count)
    target = table(*numbers, seed=12, name="target")
    chosen = weight_clips(pool, target, seconds_of(pool))
    left = []
    for what in ("snr_db", "speech_dbfs", "tilt"):
        values, wanted = column(pool, what), column(target, what)
        before = weighted_wasserstein(values, np.ones(len(pool)), wanted)
        left.append(weighted_wasserstein(values, chosen.weights, wanted) / before)
    assert max(left) <= 1.4 * min(left), left


def test_a_subset_has_the_hours_asked_for_and_no_clip_twice() -> None:
    pool, target = pool_of(8000), target_of()
    seconds = seconds_of(pool)
    for method in ("quotas", "ratio", "balance"):
        chosen = select_subset(pool, target, seconds, hours=0.5, method=method)
        assert set(chosen.weights.tolist()) == {0.0, 1.0}
        assert chosen.seconds == pytest.approx(float(seconds[chosen.weights > 0].sum()))
        assert chosen.seconds / 3600 == pytest.approx(0.5, rel=0.06), method


def test_same_seed_same_clips_and_another_seed_others() -> None:
    pool, target = pool_of(), target_of()
    seconds = seconds_of(pool)
    once, again, other = (select_subset(pool, target, seconds, hours=0.3, seed=seed) for seed in (1, 1, 2))
    assert (once.weights == again.weights).all()
    assert (once.weights != other.weights).any()


def test_what_is_not_there_is_listed_and_nowhere_else() -> None:
    """A pool without clips below 5 dB: what is wanted is there, and its number is what the target asks for."""
    pool = [clip for clip in pool_of(12000) if (clip.features["snr_db"] or 0) > 5]
    target = target_of()
    seconds = seconds_of(pool)
    chosen = select_subset(pool, target, seconds, hours=0.5)
    lacking = [item for item in chosen.missing if item.cell["snr_db"][1] <= 5]
    ends = sorted({item.cell["snr_db"][1] for item in lacking})
    low = np.mean([(clip.features["snr_db"] or 0) < ends[-1] for clip in target])
    asked = 0.5 * 3600 / seconds.mean()
    assert low > 0.1
    assert sum(item.clips for item in lacking) == pytest.approx(low * asked, rel=0.1)
    assert sum(item.clips for item in chosen.missing if item.cell["snr_db"][0] >= 5) <= 0.05 * asked
    assert chosen.share_of_hours == pytest.approx(1 - low, abs=0.08)
    assert any("of the hours: the data set has too little" in text for text in chosen.warnings)
    first = chosen.missing[0]
    assert first.clips == max(item.clips for item in chosen.missing)
    like = next(clip for clip in target if clip.path == first.like)
    assert first.cell["snr_db"][0] <= (like.features["snr_db"] or 0) <= first.cell["snr_db"][1]
    assert first.text.startswith(f"{first.clips} clips (")


@pytest.mark.parametrize("kind", ["subset", "ratio", "balance", "quotas"])
def test_a_pool_unlike_the_target_is_refused_with_what_to_generate(kind: str) -> None:
    pool, target = pool_of(2000), target_of(snr=60)
    seconds = seconds_of(pool)
    with pytest.raises(GuardError) as error:
        if kind == "subset":
            select_subset(pool, target, seconds, hours=0.2)
        else:
            weight_clips(pool, target, seconds, method=kind)
    text = str(error.value)
    assert "too unlike the target" in text and "synth fit" in text
    assert "clips (" in text and "SNR 5" in text


def test_a_small_effective_size_is_warned_of() -> None:
    rng = np.random.default_rng(3)
    pool = pool_of(3000)
    target = table(rng.normal(8, 1.2, 200), rng.normal(-26, 2, 200), rng.normal(8, 4, 200), seed=4, name="t")
    chosen = weight_clips(pool, target, seconds_of(pool), method="quotas")
    assert 0.1 <= chosen.ess < 0.3
    assert any("effective sample size" in text for text in chosen.warnings)


def test_an_snr_that_is_not_to_be_trusted_is_not_matched() -> None:
    pool = pool_of(3000)
    rng = np.random.default_rng(5)
    numbers = rng.normal(60, 1, 200), rng.normal(-26, 4, 200), rng.normal(10, 4.5, 200)  # SNR far off, but flagged
    target = table(*numbers, seed=6, name="t", flags=("non_stationary",))
    chosen = select_subset(pool, target, seconds_of(pool), hours=0.3)
    assert any("SNR of the target cannot be trusted" in text for text in chosen.warnings)
    snr = column(pool, "snr_db")
    assert snr[chosen.weights > 0].mean() == pytest.approx(snr.mean(), abs=1.5)


def test_quotas_are_largest_remainders() -> None:
    assert quotas([0.5, 0.3, 0.2], 10).tolist() == [5, 3, 2]
    assert quotas([1, 1, 1], 10).tolist() == [4, 3, 3]
    assert quotas([0.46, 0.34, 0.2], 5).tolist() == [2, 2, 1]
    rng = np.random.default_rng(7)
    for total in (1, 17, 400):
        shares = rng.random(23)
        found = quotas(shares, total)
        assert found.sum() == total
        assert (np.abs(found - shares / shares.sum() * total) < 1).all()


def test_cells_hold_their_clips() -> None:
    bins = Bins(np.array([0.0, 5.0, 10.0]))
    assert bins.bin_of(np.array([-0.1, 0.0, 4.9, 5.0, 10.0, 10.1, np.nan])).tolist() == [-1, 0, 0, 1, 1, -1, 2]
    target = target_of()
    bands = np.array([[clip.features[name] for name in BAND_NAMES] for clip in target])
    snr, level = column(target, "snr_db"), column(target, "speech_dbfs")
    cells = make_cells(snr, level, bands, seed=0)
    place = cells.cell_of(snr, level, bands)
    assert (place >= 0).all()  # the target lies within its own cells
    for cell in np.unique(place):
        told = cells.describe(int(cell))
        mine = snr[place == cell]
        assert told["snr_db"][0] - 0.06 <= mine.min() and mine.max() <= told["snr_db"][1] + 0.06
        assert len(told["noise_bands_db"]) == 12
    assert (cells.cell_of(snr, level, bands + SLOPE * 60) == -1).all()  # a colour that the target has nowhere
    assert (cells.cell_of(np.full(300, 99.0), level, bands) == -1).all()
    assert (cells.cell_of(np.full(300, np.nan), level, bands) >= 0).all()  # not known is a cell of its own


# ------------------------------------------------------------------------------------------------ on rendered clips


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Profile]:
    """A wide data set, and the profile of one of the same sources at SNR normal(8, 4), lower and duller."""
    folder = tmp_path_factory.mktemp("rendered")
    layer = fixture_recipe(folder / "probe").read_text().split("layers:")[1].splitlines()[1].strip()[3:-1]

    def made(name: str, snr: str, level: str, tilt: str, copies: int, seed: int) -> Path:
        effects = f"effects: [{{equalizer: {{tilt_db_per_octave: {tilt}}}}}]"
        recipe = fixture_recipe(
            folder / name,
            head=f"schema: 1\nseed: {seed}\nsample_rate: 16000\ncopies: {copies}",
            noise=f"noise:\n  snr_db: {snr}",
            layers=f"  layers:\n    - {{{layer}, {effects}}}",
            level=f"level_dbfs: {level}",
        )
        generate(recipe, folder / f"{name}-set", jobs=2)
        return folder / f"{name}-set"

    pool = made("pool", "[-5, 25]", "[-36, -18]", "[-6, 6]", 5, 1)
    target = made(
        "target",
        "{normal: [8, 4]}",
        "{normal: [-28.5, 3.5], clip: [-42, -14]}",
        "{normal: [-2.5, 1.5], clip: [-6, 2]}",
        2,
        2,
    )
    return pool, profile_set(target, jobs=2)


def select(
    dataset: Path, target: Profile, out: Path, *, profile: Profile | None = None, **options: object
) -> Selection:
    """`select_clips`, which takes files."""
    paths = {"target": target} if profile is None else {"target": target, "profile": profile}
    for name, value in paths.items():
        write_profile(value, dataset.parent / f"{name}.profile")
    named = {name: dataset.parent / f"{name}.profile" for name in paths}
    return select_clips(dataset, out=out, **named, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def measured(rendered: tuple[Path, Profile]) -> Profile:
    return profile_set(rendered[0], max_clips=1000, jobs=2)


def test_the_bar_on_rendered_clips(rendered: tuple[Path, Profile], measured: Profile, tmp_path: Path) -> None:
    """Measured features of 300 rendered clips: SNR, speech level and tilt of the noise each come to a third of the
    distance or less, at an effective size of 0.3. So does the true SNR, which selection never sees."""
    pool, target = rendered
    chosen = select(pool, target, tmp_path / "w.jsonl", weights=True, profile=measured)
    assert chosen.ess >= 0.3
    of_path = {clip.path: clip for clip in measured.clips}
    rows = list(read_rows(pool / "manifest.jsonl"))
    clips = [of_path[row["audio_filepath"]] for row in rows]
    sides: dict[str, tuple[Numbers, Numbers]] = {
        what: (column(clips, what), column(list(target.clips), what)) for what in ("snr_db", "speech_dbfs", "tilt")
    }
    truth = [np.array([(clip.truth or {})["snr_db"] for clip in side]) for side in (clips, target.clips)]
    sides["true SNR"] = truth[0], truth[1]
    for what, (values, wanted) in sides.items():
        before = weighted_wasserstein(values, np.ones(len(values)), wanted)
        assert before > 1.5, what  # there is something to do
        assert weighted_wasserstein(values, chosen.weights, wanted) <= before / 3, what
    weights = [row["weight"] for row in read_rows(tmp_path / "w.jsonl")]
    assert np.mean(weights) == pytest.approx(1.0, abs=1e-3)
    assert weights == pytest.approx(chosen.weights.tolist(), abs=1e-6)


def test_what_is_written_is_a_manifest_of_the_same_rows(rendered: tuple[Path, Profile], tmp_path: Path) -> None:
    pool, target = rendered
    before = {p: p.read_bytes() for p in pool.rglob("*.json*")}
    out = tmp_path / "chosen.jsonl"
    chosen = select(pool, target, out, hours=0.05, jobs=2)
    whole = {row["id"]: row for row in read_rows(pool / "manifest.jsonl")}
    rows = list(read_rows(out))
    assert len(rows) == int((chosen.weights > 0).sum())
    assert [row["id"] for row in rows] == [i for i in whole if i in {row["id"] for row in rows}]  # in their order
    for row in rows:
        audio = Path(row["audio_filepath"])
        assert audio.is_absolute() and audio.is_file()
        assert {**row, "audio_filepath": whole[row["id"]]["audio_filepath"]} == whole[row["id"]]
    assert {p: p.read_bytes() for p in pool.rglob("*.json*")} == before  # nothing was written to the data set
    assert select(pool, target, tmp_path / "again.jsonl", hours=0.05, jobs=1).to_json() == chosen.to_json()
    assert (tmp_path / "again.jsonl").read_bytes() == out.read_bytes()
    found = open_set(out)  # and can be measured as a set of ours
    assert found.kind == "ours" and len(found.clips) == len(rows)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"hours": None, "weights": False}, "--hours H"),
        ({"hours": 1.0, "weights": True}, "--hours H"),
        ({"hours": -1.0}, "above 0"),
        ({"hours": float("nan")}, "above 0"),
        ({"hours": 99.0}, "--hours 99: the data set has only"),
        ({"hours": 0.05, "method": "magic"}, "quotas, ratio, balance"),
        ({"hours": 0.05, "split": "dev"}, "there are: train (300)"),
    ],
)
def test_what_cannot_be_done_is_said(
    rendered: tuple[Path, Profile], tmp_path: Path, words: dict[str, object], text: str
) -> None:
    with pytest.raises(UsageError) as error:
        select(rendered[0], rendered[1], tmp_path / "x.jsonl", jobs=2, **words)  # type: ignore[arg-type]
    assert text in str(error.value)
    assert not (tmp_path / "x.jsonl").exists()


def test_a_data_set_is_never_written_to(rendered: tuple[Path, Profile], tmp_path: Path) -> None:
    pool, target = rendered
    for out in (pool / "manifest.jsonl", pool / "new.jsonl", pool / "audio" / "new.jsonl", tmp_path):
        with pytest.raises(UsageError):
            select(pool, target, out, hours=0.05)
    assert not (pool / "new.jsonl").exists()
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(next(pool.rglob("*.flac")), folder / "a.flac")
    with pytest.raises(UsageError, match="not a data set made by synth"):
        select(folder, target, tmp_path / "x.jsonl", hours=0.05)


def test_a_profile_that_holds_few_of_the_clips(rendered: tuple[Path, Profile], tmp_path: Path) -> None:
    pool, target = rendered
    some = profile_set(pool, max_clips=120, jobs=2)
    chosen = select(pool, target, tmp_path / "x.jsonl", hours=0.01, profile=some)
    names = {clip.path for clip in some.clips}
    assert all(
        Path(row["audio_filepath"]).relative_to(pool).as_posix() in names for row in read_rows(tmp_path / "x.jsonl")
    )
    assert any("180 of 300 clips are not measured" in note for note in chosen.notes)
    with pytest.raises(UsageError, match="holds 120 of 300 clips, but weights need all"):
        select(pool, target, tmp_path / "w.jsonl", weights=True, profile=some)
    with pytest.raises(UsageError, match="holds no clip of"):
        select(pool, target, tmp_path / "w.jsonl", hours=0.01, profile=target)


def test_the_command(rendered: tuple[Path, Profile], tmp_path: Path) -> None:
    pool, target = rendered
    write_profile(target, tmp_path / "dev.profile")
    words = ["select", pool, "--to", tmp_path / "dev.profile", "--out", tmp_path / "x.jsonl"]
    done = run_synth(*words, "--hours", "0.05")
    assert done.returncode == 0, done.stderr
    assert "a subset of" in done.stdout and "effective sample size" in done.stdout
    told = json.loads(run_synth(*words, "--weights", "--json").stdout)
    assert told["clips"] == len(list(read_rows(tmp_path / "x.jsonl"))) == 300
    assert {d["name"] for d in told["distances"]} >= {"snr_db", "speech_dbfs"}
    wrong = run_synth(*words)
    assert (
        wrong.returncode == 2
        and wrong.stderr.startswith("synth: give either --hours H")
        and "Traceback" not in wrong.stderr
    )


def test_the_numbers_told_are_json(rendered: tuple[Path, Profile]) -> None:
    pool, target = pool_of(1000), target_of(100)
    chosen: Selection = weight_clips(pool, target, seconds_of(pool))
    json.dumps(chosen.to_json(), allow_nan=False)

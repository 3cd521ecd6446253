"""Events over the noise: where the manifest says, as loud as asked, labelled truly, and changing nothing else."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy import signal

from synth.commands.generate import generate
from synth.commands.plan import make_plan
from synth.dsp.events import EVENTS
from synth.plan.clip_spec import ClipSpec
from tests import oracles
from tests.helpers import FIXTURES, fixture_recipe, rows_of, run_synth

RATE = 16000
LABELS = [*EVENTS, "klaxon"]
KLAXON = f"    - {{recorded: {{path: '{FIXTURES}/noise/horns', name: horns}}, label: klaxon, probability: 0.2, relative_db: [6, 12]}}"
SHORT = {"indicator": 1.0, "wipers": 1.0, "passing_car": 1.5, "siren": 1.0}  # so that there is other noise beside them
EVENTS_TEXT = "\n".join(
    [
        "  events:",
        *(
            f"    - {name}: {{{f'seconds: {SHORT[name]}' if name in SHORT else ''}}}\n      probability: 0.1"
            for name in EVENTS
        ),
        KLAXON,
    ]
)
PAUSED = "double_tap"  # has a pause of 0.2 s
WIPERS = ["true", "no", ""]
Array = np.ndarray[Any, np.dtype[np.float64]]


def car_list(folder: Path) -> dict[str, bool | None]:
    """The cars with a column `wipers`: true, false or nothing said; what it says by file."""
    with (FIXTURES / "noise" / "car" / "metadata.csv").open() as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    said = [WIPERS[k % 3] for k in range(len(paths))]
    lines = [f"{path},{word}" for path, word in zip(paths, said, strict=True)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cars.csv").write_text("\n".join(["path,wipers", *lines]) + "\n")
    return {Path(p).stem: {"true": True, "no": False, "": None}[word] for p, word in zip(paths, said, strict=True)}


def eventful_recipe(folder: Path, *, events: str = EVENTS_TEXT, **changes: str) -> Path:
    """Three in ten clips are virtual cars, of which all is known; the others' list tells of wipers alone."""
    car_list(folder)
    layers = f"  layers:\n    - {{name: cabin, sources: [{{name: car, path: '{FIXTURES}/noise/car', manifest: cars.csv}}], grow: {{cabin: 0.3, quilt: 0.2}}}}"
    blocks = {
        "head": "seed: 23\nsample_rate: 16000\ncopies: 2",
        "effects": "",
        "noise": "noise:\n  probability: 0.9\n  snr_db: [0, 15]",
        "output": "output: {stems: true}",
    }
    return fixture_recipe(folder, layers=f"{layers}\n{events}".rstrip(), **{**blocks, **changes})


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eventful_recipe(tmp_path_factory.mktemp("events"))


@pytest.fixture(scope="module")
def out(recipe: Path) -> Path:
    generate(recipe, recipe.parent / "out", jobs=2)
    return recipe.parent / "out"


@pytest.fixture(scope="module")
def rows(out: Path) -> list[dict[str, Any]]:
    found = rows_of(out / "manifest.jsonl")
    assert sum(len(row["events"]) for row in found) > 50
    return found


@pytest.fixture(scope="module")
def quiet(recipe: Path) -> Path:
    """The same clips, in which no event happens."""
    never = [f"noise.events.{label}.probability=0" for label in LABELS]
    generate(recipe, recipe.parent / "quiet", overrides=never, jobs=2)
    return recipe.parent / "quiet"


@pytest.fixture(scope="module")
def events_alone(out: Path, quiet: Path, rows: list[dict[str, Any]]) -> dict[str, tuple[Array, Array]]:
    """(events, other noise) of each clip that has events: the noise stem less that of the clip without them."""
    without = {row["id"]: row for row in rows_of(quiet / "manifest.jsonl")}
    found = {}
    for row in rows:
        if row["events"]:
            noise, other = noise_of(out, row), noise_of(quiet, without[row["id"]])
            still = np.ones(noise.size, bool)
            for event in row["events"]:
                still[event["at"] : event["at"] + event["num_samples"]] = False
            if still.sum() > 2000:
                gain = float(noise[still] @ other[still] / (other[still] @ other[still]))
                told = row["noise"][0]["gain_db"] - without[row["id"]]["noise"][0]["gain_db"]
                assert 20 * np.log10(gain) == pytest.approx(told, abs=0.002)
                found[row["id"]] = noise - gain * other, gain * other
    assert len(found) > 25
    return found


def noise_of(out: Path, row: dict[str, Any]) -> Array:
    return np.asarray(soundfile.read(out / row["stems"]["noise"], dtype="float64")[0])


def overlaps(event: dict[str, Any], row: dict[str, Any]) -> bool:
    """With another event of the clip, or nearly."""
    first, last = event["at"] - 1600, event["at"] + event["num_samples"] + 1600
    others = [e for e in row["events"] if e is not event]
    return any(e["at"] < last and first < e["at"] + e["num_samples"] for e in others)


def loudest_db(samples: Array, weighting: str) -> float:
    """The loudest 50 ms, in dB re full scale."""
    power = oracles.weighted(samples, RATE, weighting) ** 2
    if power.size <= RATE // 20:
        return float(10 * np.log10(power.mean()))
    return float(10 * np.log10(np.convolve(power, np.ones(RATE // 20), "valid").max() / (RATE // 20)))


def mean_db(samples: Array, weighting: str) -> float:
    return float(10 * np.log10(np.mean(oracles.weighted(samples, RATE, weighting) ** 2)))


# RecordingSpan and level


def test_each_event_lies_in_its_clip(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for event in row["events"]:
            assert 0 <= event["start"] < event["end"] <= row["duration"] + 1e-6
            assert event["start"] == pytest.approx(event["at"] / RATE, abs=1e-6)
            assert event["end"] == pytest.approx((event["at"] + event["num_samples"]) / RATE, abs=1e-6)
            assert event["label"] in LABELS
            assert (event["kind"] == "synthesized") is (event["synthesis"] is not None) is (event["source"] is None)
            if event["synthesis"]:
                assert event["synthesis"]["name"] == event["label"]
                assert set(event["synthesis"]) == {"name", "seed", *EVENTS[event["label"]].parameters}


def test_clean_clips_have_no_events(rows: list[dict[str, Any]]) -> None:
    clean = [row for row in rows if not row["noise"]]
    assert clean
    assert not any(row["events"] for row in clean)


def test_there_is_nothing_outside_of_the_events(
    rows: list[dict[str, Any]], events_alone: dict[str, tuple[Array, Array]]
) -> None:
    """The same other noise up to a gain, and events from their onset to their offset alone."""
    for row in rows:
        if row["id"] in events_alone:
            sound, other = events_alone[row["id"]]
            rest = sound.copy()
            for event in row["events"]:
                rest[event["at"] : event["at"] + event["num_samples"]] = 0
            assert np.abs(rest).max() < 2e-3 * np.abs(other).max()


@pytest.mark.parametrize("label", LABELS)
def test_an_event_is_as_loud_as_asked(
    label: str, rows: list[dict[str, Any]], events_alone: dict[str, tuple[Array, Array]]
) -> None:
    """Its loudest 50 ms against the mean of the other noise, both in the SNR's weighting."""
    compared = 0
    for row in rows:
        for event in row["events"]:
            if event["label"] == label and row["id"] in events_alone and not overlaps(event, row):
                sound, other = events_alone[row["id"]]
                alone = sound[event["at"] : event["at"] + event["num_samples"]]
                found = loudest_db(alone, "band") - mean_db(other, "band")
                assert found == pytest.approx(event["relative_db"], abs=0.1)
                compared += 1
    assert compared >= 1


def test_levels_are_drawn_from_the_range_of_the_recipe(rows: list[dict[str, Any]]) -> None:
    drawn = {
        label: [e["relative_db"] for row in rows for e in row["events"] if e["label"] == label] for label in LABELS
    }
    assert all(-3 <= db <= 9 for label in EVENTS for db in drawn[label])
    assert all(6 <= db <= 12 for db in drawn["klaxon"])
    assert np.ptp([db for label in EVENTS for db in drawn[label]]) > 8


@pytest.mark.parametrize(
    ("measure", "weighting", "counted"), [("rms", "a", "a"), ("rms", "none", "none"), ("lufs", "none", "a")]
)
def test_the_level_counts_in_the_weighting_of_the_snr(
    measure: str, weighting: str, counted: str, tmp_path: Path
) -> None:
    """LUFS counts in A."""
    horn = "  events:\n    - horn: {seconds: 0.4}\n      probability: 1\n      relative_db: 5"
    noise = f"noise:\n  snr_db: 5\n  measure: {measure}\n  weighting: {weighting}"
    recipe = eventful_recipe(tmp_path, events=horn, noise=noise, head="seed: 2\nsample_rate: 16000\nhours: 0.005")
    generate(recipe, tmp_path / "with")
    generate(recipe, tmp_path / "without", overrides=["noise.events.horn.probability=0"])
    without = {row["id"]: row for row in rows_of(tmp_path / "without" / "manifest.jsonl")}
    for row in rows_of(tmp_path / "with" / "manifest.jsonl"):
        (event,) = row["events"]
        gain = 10 ** ((row["noise"][0]["gain_db"] - without[row["id"]]["noise"][0]["gain_db"]) / 20)
        other = gain * noise_of(tmp_path / "without", without[row["id"]])
        sound = (noise_of(tmp_path / "with", row) - other)[event["at"] : event["at"] + event["num_samples"]]
        assert loudest_db(sound, counted) - mean_db(other, counted) == pytest.approx(5, abs=0.1)


def test_the_snr_counts_events_as_noise(out: Path, rows: list[dict[str, Any]]) -> None:
    """Also where no effect changes the noise, whose power is known beforehand."""
    checked = 0
    for row in rows:
        if row["events"]:
            speech = np.asarray(soundfile.read(out / row["stems"]["speech"], dtype="float64")[0])
            span = slice(row["speech"]["onset"], row["speech"]["onset"] + row["speech"]["num_samples"])
            found = oracles.snr_db(speech, noise_of(out, row), RATE, span=span, measure="active", weighting="band")
            assert found == pytest.approx(row["snr_db"]["requested"], abs=0.1)
            checked += row["noise"][0]["kind"] == "recording"
    assert checked > 10


def test_a_recorded_event_is_found_where_it_begins(out: Path, rows: list[dict[str, Any]]) -> None:
    """By correlating the noise with the file that it comes from."""
    files = {
        path.stem: soundfile.read(path, dtype="float64")[0] for path in (FIXTURES / "noise" / "horns").glob("*.flac")
    }
    found = 0
    for row in rows:
        for event in row["events"]:
            if event["label"] == "klaxon" and not overlaps(event, row):
                name = event["source"]["recording"].rsplit("_", 1)[0]
                if name == PAUSED:
                    continue
                source = files[name]
                assert event["source"]["layer"] == "events.klaxon"
                assert event["source"]["offset"] == 0
                assert event["num_samples"] == event["source"]["num_samples"] == min(source.size, row["num_samples"])
                noise = noise_of(out, row)
                product = signal.correlate(noise, source[: event["num_samples"]], "valid", method="fft")
                assert int(np.argmax(np.abs(product))) == event["at"]
                found += 1
    assert found >= 4


def test_a_recorded_event_sounds_like_its_recording(
    rows: list[dict[str, Any]], events_alone: dict[str, tuple[Array, Array]]
) -> None:
    """From its beginning to its end, but for fades of 2 and 10 ms; `gain_db` is what was done to it."""
    found = 0
    for row in rows:
        for event in row["events"]:
            if event["label"] == "klaxon" and row["id"] in events_alone and not overlaps(event, row):
                name = event["source"]["recording"].rsplit("_", 1)[0]
                if name == PAUSED:
                    continue
                source = soundfile.read(FIXTURES / "noise" / "horns" / f"{name}.flac", dtype="float64")[0]
                alone = events_alone[row["id"]][0][event["at"] : event["at"] + event["num_samples"]]
                expected = 10 ** (event["gain_db"] / 20) * source[: alone.size]
                inner = slice(32, -160)
                assert np.abs(alone - expected)[inner].max() < 0.01 * np.abs(expected).max()
                assert np.abs(alone[[0, -1]]).max() < 0.05 * np.abs(expected).max()
                found += 1
    assert found >= 3


def test_a_recorded_event_keeps_its_pauses(tmp_path: Path) -> None:
    recipe = eventful_recipe(tmp_path, events=f"  events:\n{KLAXON}", head="seed: 2\nsample_rate: 16000\ncopies: 1")
    plan = make_plan(recipe, overrides=["noise.events.klaxon.probability=1"], check=False).plan
    lengths = {e.num_samples for spec in plan for e in spec.events if e.recorded.recording_id.startswith(PAUSED)}
    source, rate = soundfile.read(FIXTURES / "noise" / "horns" / f"{PAUSED}.flac")
    sounding = np.flatnonzero(np.abs(source) > 0.02 * np.abs(source).max())
    (length,) = lengths
    assert sounding[-1] - sounding[0] - rate // 10 <= length <= len(source)  # silent tenths at its ends are left out
    assert np.diff(sounding).max() > rate // 10  # there is a pause


# Labels


def expected_label(label: str, row: dict[str, Any], said: dict[str, bool | None]) -> bool | None:
    if label in {event["label"] for event in row["events"]}:
        return True
    heard: list[bool | None] = []
    for piece in row["noise"]:
        if piece["kind"] == "cabin":
            assert piece["synthesis"]["materials"] == []
            continue  # a virtual car has nothing in it that was not asked for
        places = piece["synthesis"]["materials"] if piece["synthesis"] else [piece]
        heard += [said[place["recording"].rsplit("_", 1)[0]] if label == "wipers" else None for place in places]
    return True if True in heard else None if None in heard else False


def test_labels_say_what_is_known(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    said = car_list(tmp_path)
    seen: dict[str, set[bool | None]] = {label: set() for label in LABELS}
    for row in rows:
        for label in LABELS:
            assert row["labels"][label] is expected_label(label, row, said), (row["id"], label)
            seen[label].add(row["labels"][label])
    assert all(values == {True, False, None} for values in seen.values()), "each case was there"


def test_labels_of_the_speech_stay(rows: list[dict[str, Any]]) -> None:
    assert all({"accent", "street", *LABELS} == set(row["labels"]) for row in rows)


@pytest.mark.parametrize(
    ("spoken", "noise", "expected"),
    [
        ("true", "false", True),
        ("true", "", True),
        ("false", "true", True),
        ("false", "false", False),
        ("false", "", None),
        ("", "false", None),
        ("", "", None),
        ("", "true", True),
    ],
)
def test_a_label_of_speech_and_noise_alike(spoken: str, noise: str, expected: bool | None, tmp_path: Path) -> None:
    """True where either says so; unknown where one does not know; never false on the word of one alone."""
    from synth.dataset.manifest import _labels

    speech = sorted((FIXTURES / "speech").glob("*/*.flac"))
    cars = sorted((FIXTURES / "noise" / "car").glob("*.flac"))
    (tmp_path / "speech.csv").write_text(
        "\n".join(["path,wipers", *(f"{path},{spoken}" for path in speech[:2])]) + "\n"
    )
    (tmp_path / "car.csv").write_text("\n".join(["path,wipers", *(f"{path},{noise}" for path in cars)]) + "\n")
    recipe = fixture_recipe(
        tmp_path,
        speech="speech:\n  sources: [{name: spoken, path: /, manifest: speech.csv}]",
        layers="  layers:\n    - {name: cabin, sources: [{name: car, path: /, manifest: car.csv}]}\n  events:\n    - wipers: {}\n      probability: 0",
        splits="",
    )
    plan = make_plan(recipe, check=False).plan
    assert [_labels(spec, plan.speech[spec.recording])["wipers"] for spec in plan] == [expected, expected]


# Draws


def specs(recipe: Path, *overrides: str) -> dict[str, ClipSpec]:
    return {spec.clip_id: spec for spec in make_plan(recipe, overrides=overrides, check=False).plan}


def without_events(spec: ClipSpec) -> ClipSpec:
    return replace(spec, events=(), event_labels=())


def test_events_change_nothing_else(tmp_path: Path) -> None:
    """With all of them and with none, every other draw of a clip is the same."""
    some = specs(eventful_recipe(tmp_path / "some"))
    none = specs(eventful_recipe(tmp_path / "none", events=""))
    assert sum(len(spec.events) for spec in some.values()) > 50
    assert {clip: without_events(spec) for clip, spec in some.items()} == none


def test_an_event_added_in_front_changes_no_other(tmp_path: Path) -> None:
    both = "  events:\n    - horn\n    - door: {}\n      probability: 0.4\n      count: {choice: [1, 2]}"
    one = specs(eventful_recipe(tmp_path / "one", events=both.replace("    - horn\n", "")))
    two = specs(eventful_recipe(tmp_path / "two", events=both))
    for clip, spec in one.items():
        assert tuple(e for e in two[clip].events if e.label == "door") == spec.events
    assert any(e.label == "horn" for spec in two.values() for e in spec.events)


def test_a_raised_probability_keeps_the_events_there_were(recipe: Path) -> None:
    before = specs(recipe)
    after = specs(recipe, "noise.events.horn.probability=0.6")
    had = {clip: [e for e in spec.events if e.label == "horn"] for clip, spec in before.items()}
    has = {clip: [e for e in spec.events if e.label == "horn"] for clip, spec in after.items()}
    assert sum(map(len, has.values())) > sum(map(len, had.values())) > 0
    assert all(has[clip] == events for clip, events in had.items() if events)


def test_set_makes_an_event_happen_in_every_noisy_clip(recipe: Path) -> None:
    for label in ("horn", "klaxon"):
        for spec in specs(
            recipe, f"noise.events.{label}.probability=1", f"noise.events.{label}.relative_db=-4"
        ).values():
            mine = [e for e in spec.events if e.label == label]
            assert len(mine) == bool(spec.noise)
            assert all(e.relative_db == -4 for e in mine)


def test_two_of_one_name_are_drawn_apart(tmp_path: Path) -> None:
    one = "    - horn: {}\n      probability: 0.5"
    twice = specs(eventful_recipe(tmp_path, events=f"  events:\n{one}\n{one}"))
    numbers = [len(spec.events) for spec in twice.values() if spec.noise]
    assert {0, 1, 2} == set(numbers)
    assert all(label for spec in twice.values() if spec.events for _, label in spec.event_labels)


def test_recorded_events_count_in_the_ledger(out: Path, rows: list[dict[str, Any]]) -> None:
    content = json.loads((out / "dataset.json").read_text())["ledger"]
    (pool,) = [p for p in content["rendered"]["pools"] if p["layer"] == "events.klaxon"]
    used = [event for row in rows for event in row["events"] if event["source"]]
    assert pool["used_s"] == pytest.approx(sum(e["num_samples"] for e in used) / RATE, abs=0.001)
    assert sum(use["uses"] for use in pool["by_recording"].values()) == len(used)
    assert content["planned"] == content["rendered"]


def test_the_schedule_of_recorded_events_is_even(tmp_path: Path) -> None:
    """Each recording as often as the others, whatever its length."""
    recipe = eventful_recipe(tmp_path, events=f"  events:\n{KLAXON}", head="seed: 2\nsample_rate: 16000\ncopies: 4")
    plan = make_plan(recipe, overrides=["noise.events.klaxon.probability=1"], check=False).plan
    used = [event.recorded.recording_id for spec in plan for event in spec.events]
    counts = [used.count(name) for name in set(used)]
    assert len(counts) == 6
    assert max(counts) - min(counts) <= 0.25 * np.mean(counts)


def test_events_of_a_recipe_can_be_looked_at(recipe: Path, out: Path, rows: list[dict[str, Any]]) -> None:
    """`synth explain` tells of each event, with the settings that it was drawn from."""
    row = next(row for row in rows if len(row["events"]) > 1 and any(e["label"] == "klaxon" for e in row["events"]))
    run = run_synth("explain", out, row["id"], "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    keys = {draw["key"] if isinstance(draw, dict) else draw[0] for draw in told["draws"]}
    for event in row["events"]:
        assert f"noise.events.{event['label']}.at" in keys
        assert f"noise.events.{event['label']}.probability" in keys
    text = run_synth("explain", out, row["id"]).stdout
    assert all(event["label"] in text for event in row["events"])

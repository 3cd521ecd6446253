"""Which clips get grown noise, from what, and when events happen: as the recipe asks, and nothing across the pools."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from synth.catalog import noise_store
from synth.dsp.generators import GENERATORS
from synth.dsp.generators.generator import MATERIAL_SECONDS
from synth.dsp.segments import Circle
from synth.errors import GuardError
from synth.plan.clip_spec import ClipSpec, NoiseSegment, RecordingSpan
from synth.plan.noise_choice import car_name, car_number, label_truth, material_span, recording_spans
from synth.plan.plan import Plan
from synth.recipe.load import load_recipe
from tests.plan.sources import RATE, layer, listed, noise_file, noise_folder, noise_text, planned, recipe

NAMES = list(GENERATORS)
FROM_RECORDINGS = [name for name, generator in GENERATORS.items() if generator().sources()]
MODELS = [name for name, generator in GENERATORS.items() if generator.is_model]
BOTH = "splits: {by: [speaker], train: 0.6, train-dev-noise: 0.4}"
CLIPS = 2000
ALL = "{" + ", ".join(f"{name}: {round(0.8 / len(NAMES), 4)}" for name in NAMES) + "}"
GRID = int(MATERIAL_SECONDS * RATE) // 2


def within(count: int, clips: int, share: float) -> bool:
    """Four standard deviations of a binomial: missed once in 16,000."""
    return abs(count - clips * share) <= 4 * math.sqrt(clips * share * (1 - share))


def kinds_of(spec: ClipSpec, name: str = "car") -> set[str]:
    return {piece.kind for piece in spec.noise if piece.layer == name}


def pieces(plan: Plan) -> Iterator[tuple[ClipSpec, NoiseSegment]]:
    return ((spec, piece) for spec in plan for piece in spec.noise)


def plan_of(folder: Path, *layers: str, tail: str = BOTH, head: str = "copies: 1", settings: str = "") -> Plan:
    return planned(recipe(folder, noise=noise_text(*layers, settings=settings), tail=tail, head=head))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """2,000 clips with noise of every kind, from recordings of 3 to 70 s, in both pools."""
    folder = tmp_path_factory.mktemp("mixed")
    listed(folder / "speech.csv", [2.0] * CLIPS, speakers=40)
    noise_folder(folder / "car", [3.0, 4.0, 5.0, 6.0, 6.5, 7.0, 8.0, 9.0, 10.0, 50.0, 60.0, 70.0])
    grow = ALL.replace("shaped: ", "shaped: {between: {choice: [0, 0.5]}, share: ").replace(", separate", "}, separate")
    car = layer("car", "car", grow=grow, max_synthesized=1, recordings="{choice: [1, 2]}", max_reuse=1e6)
    return plan_of(folder, car, settings="  held_out: 0.3")


@pytest.mark.parametrize("name", [*NAMES, "recording"])
def test_each_way_has_its_share_of_the_clips(name: str, mixed: Plan) -> None:
    share = 1 - len(NAMES) * round(0.8 / len(NAMES), 4) if name == "recording" else round(0.8 / len(NAMES), 4)
    assert within(sum(kinds_of(spec) == {name} for spec in mixed), CLIPS, share)
    assert all(len(kinds_of(spec)) == 1 for spec in mixed), "a layer of one clip has noise of one kind"


def test_the_share_holds_in_each_split(mixed: Plan) -> None:
    for split in ("train", "train-dev-noise"):
        mine = [spec for spec in mixed if spec.split == split]
        assert len(mine) > 500
        assert within(sum(kinds_of(spec) == {"recording"} for spec in mine), len(mine), 0.2)


def test_grown_noise_is_one_piece_as_long_as_the_clip(mixed: Plan) -> None:
    for spec, piece in pieces(mixed):
        if piece.synthesis is not None:
            assert (piece.at, piece.num_samples, piece.fade_in, piece.offset) == (0, spec.num_samples, 0, 0)
            assert piece.source_num_samples == spec.num_samples


def test_nobody_drives_in_two_cars_at_once(mixed: Plan) -> None:
    """A virtual car has one track, whatever `recordings` says; what is grown from recordings has as many as they."""
    tracks = defaultdict(Counter)
    for spec in mixed:
        tracks[spec.noise[0].kind][len({piece.track for piece in spec.noise})] += 1
    assert set(tracks["cabin"]) == {1}
    for name in FROM_RECORDINGS:
        assert set(tracks[name]) == {1, 2}
        assert within(tracks[name][2], sum(tracks[name].values()), 0.5)


def test_as_many_materials_as_the_generator_takes_and_of_different_recordings(mixed: Plan) -> None:
    numbers = set()
    for _, piece in pieces(mixed):
        if piece.synthesis is not None:
            assert len(piece.synthesis.materials) == piece.synthesis.generator.sources()
            assert len({place.recording for place in piece.synthesis.materials}) == len(piece.synthesis.materials)
            numbers.add((piece.kind, len(piece.synthesis.materials)))
            if piece.synthesis.materials:
                assert piece.recording_id == piece.synthesis.materials[0].recording_id
    assert {("cabin", 0), ("quilt", 1), ("shaped", 1), ("shaped", 2)} <= numbers


def test_materials_lie_on_their_circle_and_on_the_grid(mixed: Plan) -> None:
    """Starts at multiples of 15 s, 30 s long; all of a recording that is shorter."""
    found: set[tuple[bool, int]] = set()
    for spec, piece in pieces(mixed):
        for place in piece.synthesis.materials if piece.synthesis else ():
            size = mixed.circle(piece.layer, spec.pool, place.recording).circumference
            assert 0 <= place.offset < size
            assert place.num_samples == min(size, 2 * GRID)
            assert place.offset % GRID == 0
            found.add((size > 2 * GRID, place.offset))
    assert {offset for long, offset in found if not long} == {0}
    assert {0, GRID, 2 * GRID, 3 * GRID} <= {offset for long, offset in found if long}


@pytest.mark.parametrize("size", [1, 2000, 2 * GRID - 1, 2 * GRID, 2 * GRID + 1, 3 * GRID, 10 * GRID + 17])
def test_any_offset_of_a_schedule_gives_a_material(size: int) -> None:
    circle = Circle.of([(100, size)], crossfade=0)
    for offset in (0, 1, size // 2, size - 1, size, 3 * size + 1):
        start, count = material_span(circle, offset, RATE)
        assert count == min(size, 2 * GRID)
        assert start == (0 if size <= 2 * GRID else offset % size // GRID * GRID)


def test_virtual_cars_of_the_pools_never_meet(mixed: Plan) -> None:
    """Of 100 cars so many are held out as of the recordings, and all of them are driven."""
    cars: dict[str, set[str]] = defaultdict(set)
    for spec, piece in pieces(mixed):
        if piece.kind == "cabin":
            assert piece.recording_id == car_name(piece.recording) == f"car-{piece.synthesis.generator.car:03d}"
            cars[spec.pool].add(piece.recording_id)
    assert not cars["train"] & cars["held_out"]
    assert max(cars["train"]) < min(cars["held_out"])
    assert cars["held_out"] == {car_name(n) for n in range(70, 100)}
    assert len(cars["train"]) > 55


def test_all_clips_have_cars_of_one_fleet(mixed: Plan) -> None:
    fleets = {piece.synthesis.generator.car_seed for _, piece in pieces(mixed) if piece.kind == "cabin"}
    assert len(fleets) == 1


@pytest.mark.parametrize("cars", [2, 3, 5, 100])
@pytest.mark.parametrize("held_out", [0, 0.05, 0.2, 0.5, 0.75, 0.9])
def test_both_pools_have_cars_however_few_there_are(tmp_path: Path, cars: int, held_out: float) -> None:
    listed(tmp_path / "speech.csv", [2.0] * 5)
    car = layer(
        "car",
        "{name: car, path: ., pool: held_out}",
        "{name: b, path: .}",
        grow=f"{{cabin: {{share: 0.5, cars: {cars}}}}}",
    )
    read = load_recipe(recipe(tmp_path, noise=noise_text(car, settings=f"  held_out: {held_out}"), tail=BOTH))
    growth = read.noise.layers[0].grow[0]
    us = [*np.linspace(0, 1, 1000, endpoint=False), 1 - 2**-53]
    train, other = ({car_number(growth, read, pool, u) for u in us} for pool in ("train", "held_out"))
    assert train
    assert other
    assert not train & other
    assert train | other == set(range(cars))


def test_without_a_held_out_split_all_cars_are_trained_on(tmp_path: Path) -> None:
    listed(tmp_path / "speech.csv", [2.0] * 300)
    noise_folder(tmp_path / "car", [3.0] * 8)
    grow = "{cabin: {share: 1, cars: 7}}"
    plan = plan_of(
        tmp_path, layer("car", "car", grow=grow, max_synthesized=1), tail="splits: {by: [speaker], train: 1}"
    )
    assert {piece.recording_id for _, piece in pieces(plan)} == {car_name(n) for n in range(7)}


@pytest.mark.parametrize("name", FROM_RECORDINGS)
def test_copies_of_an_utterance_have_different_sources(name: str, tmp_path: Path) -> None:
    """As long as there are enough; also where some of them are as recorded."""
    listed(tmp_path / "speech.csv", [2.0] * 60, speakers=60)
    noise_folder(tmp_path / "car", [4.0] * 12)
    car = layer("car", "car", grow=f"{{{name}: 0.6}}", max_synthesized=1, max_reuse=1e6, balance="recordings")
    plan = plan_of(tmp_path, car, tail="splits: {by: [speaker], train: 1}", head="copies: 4")
    sources: dict[str, list[int]] = defaultdict(list)
    for spec, piece in pieces(plan):
        assert len(spec.noise) == 1
        sources[spec.source_id].append(piece.recording)
    again = sum(len(set(used)) < len(used) for used in sources.values())
    assert len(sources) == 60
    assert again <= 6, "taken by chance, 26 of them would hear a recording twice"


def seconds_of(plan: Plan, name: str, pool: str, place: RecordingSpan) -> set[tuple[str, int]]:
    """The tenths of a second of files that a place is in."""
    circle = plan.circle(name, pool, place.recording)
    found: set[tuple[str, int]] = set()
    for stretch, inside, count in circle.runs(place.offset, place.num_samples):
        start = circle.stretches[stretch][0] + inside
        last = start + count + (circle.crossfade if inside < circle.crossfade else 0)
        found |= {(place.recording_id, k) for k in range(start * 10 // RATE, -(-last * 10 // RATE))}
    return found


@pytest.mark.parametrize("lengths", [[200.0], [70.0, 35.0], [9.0, 12.0, 40.0], [4.0] * 9])
def test_held_out_seconds_are_in_no_material_of_train(tmp_path: Path, lengths: list[float]) -> None:
    """By time where there are few recordings, with a gap of a second; else by recording."""
    listed(tmp_path / "speech.csv", [2.0] * 200, speakers=40)
    noise_folder(tmp_path / "car", lengths)
    shares = ", ".join(
        f"{n}: {{share: {0.8 / len(FROM_RECORDINGS):.3f}{', between: 0.5' if n == 'shaped' else ''}}}"
        for n in FROM_RECORDINGS
    )
    car = layer("car", "car", grow=f"{{{shares}}}", max_synthesized=1, min_recordings=1, max_reuse=1e6)
    plan = plan_of(tmp_path, car, settings="  held_out: 0.4")
    used: dict[str, set[tuple[str, int]]] = {"train": set(), "held_out": set()}
    for spec, piece in pieces(plan):
        for place in recording_spans(piece):
            used[spec.pool] |= seconds_of(plan, "car", spec.pool, place)
    assert len(used["train"]) > 30
    assert len(used["held_out"]) > 15
    assert not used["train"] & used["held_out"]
    if len(lengths) < 4:
        ends = {name: max(k for n, k in used["train"] if n == name) for name, _ in used["train"]}
        starts = {name: min(k for n, k in used["held_out"] if n == name) for name, _ in used["held_out"]}
        assert all(starts[name] - ends[name] >= 9 for name in starts)


LENGTHS_OF_HORNS = [0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4, 1.8, 3.0]
EVENTS = """  events:
    - horn: {seconds: 0.5}
      probability: 0.3
      count: {choice: [1, 2, 3]}
    - indicator: {seconds: 8}
      probability: 0.5
    - {recorded: horns, label: klaxon, probability: 0.4, seconds: 1.5}"""


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """1,000 clips; of 10 klaxons the longer ones are cut."""
    folder = tmp_path_factory.mktemp("events")
    listed(folder / "speech.csv", [2.0] * 1000, speakers=40)
    noise_folder(folder / "car", [4.0] * 10)
    noise_folder(folder / "horns", LENGTHS_OF_HORNS, first_seed=50)
    text = noise_text(layer("car", "car", max_reuse=1e6), settings="  probability: 0.8") + "\n" + EVENTS
    return planned(recipe(folder, noise=text, tail=BOTH))


def test_events_happen_in_their_share_of_the_noisy_clips(eventful: Plan) -> None:
    noisy = [spec for spec in eventful if spec.noise]
    assert 700 < len(noisy) < 900
    assert not any(spec.events for spec in eventful if not spec.noise)
    for label, share in (("horn", 0.3), ("indicator", 0.5), ("klaxon", 0.4)):
        assert within(sum(any(e.label == label for e in spec.events) for spec in noisy), len(noisy), share)
    horns = Counter(sum(e.label == "horn" for e in spec.events) for spec in noisy)
    assert all(within(horns[n], sum(horns[k] for k in (1, 2, 3)), 1 / 3) for n in (1, 2, 3))


def test_events_lie_inside_the_clip_anywhere(eventful: Plan) -> None:
    places = []
    for spec in eventful:
        assert [e.at for e in spec.events] == sorted(e.at for e in spec.events)
        for event in spec.events:
            assert 0 <= event.at < event.at + event.num_samples <= spec.num_samples
            if event.label == "horn":
                places.append(event.at / (spec.num_samples - event.num_samples))
    assert np.histogram(places, 4, (0, 1))[0].min() > 0.18 * len(places)


def test_an_event_lasts_as_long_as_it_says_or_as_the_clip(eventful: Plan) -> None:
    for spec in eventful:
        for event in spec.events:
            if event.recorded is None:
                assert event.num_samples == min(round(event.synthesized.seconds * RATE), spec.num_samples)
            else:
                path = eventful.noise[event.recorded.recording].path
                seconds = min(LENGTHS_OF_HORNS[int(Path(path).stem)], 1.5)
                assert event.num_samples == event.recorded.num_samples == min(round(seconds * RATE), spec.num_samples)
                assert event.recorded.offset == 0, "a recorded event begins at the beginning"


def test_recorded_events_have_pools_of_their_own(eventful: Plan) -> None:
    used: dict[str, set[str]] = {"train": set(), "held_out": set()}
    for spec in eventful:
        used[spec.pool] |= {e.recorded.recording_id for e in spec.events if e.recorded}
    assert len(used["train"]) == 8
    assert len(used["held_out"]) == 2
    assert not used["train"] & used["held_out"]


def test_happenings_of_one_event_are_drawn_apart(eventful: Plan) -> None:
    for spec in eventful:
        horns = [event for event in spec.events if event.label == "horn"]
        assert len({event.at for event in horns}) == len(horns)
        assert len({event.synthesized.seed for event in horns}) == len(horns)
        assert len({event.relative_db for event in horns}) == len(horns)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("Yes", True),
        ("1", True),
        (1, True),
        ("no", False),
        ("FALSE", False),
        (0, False),
        (None, None),
        ("", None),
        ("sometimes", None),
        (2, None),
    ],
)
def test_words_of_a_list(value: object, said: bool | None) -> None:
    assert label_truth({"wipers": value}, "wipers") is said


def test_a_list_that_does_not_have_the_label_says_nothing() -> None:
    assert label_truth({"window": "open"}, "wipers") is None
    assert label_truth(None, "wipers") is None


def test_too_much_noise_of_models_is_refused_before_any_noise_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_slow(*_: object, **__: object) -> None:
        raise AssertionError("the noise was to be decoded")

    monkeypatch.setattr(noise_store, "prepare_noise", too_slow)
    listed(tmp_path / "speech.csv", [2.0] * 30)
    noise_folder(tmp_path / "car", [1.0] * 8)
    path = recipe(tmp_path, noise=noise_text(layer("car", "car", grow="{quilt: 0.2, shaped: 0.2, cabin: 0.4}")))
    with pytest.raises(GuardError) as caught:
        planned(path)
    assert str(caught.value) == (
        "noise.layers.car: shaped and cabin would make the noise of 60% of the clips (max_synthesized: 50%). A model of noise has "
        "errors of its own, and whoever trains on it alone learns them. Leave more to the recordings, or to quilt and separate, which "
        "are made of recorded sound; or raise noise.layers.car.max_synthesized if you accept that risk"
    )
    for allowed in ("noise.layers.0.max_synthesized=0.6", "noise.layers.0.grow.cabin=0.3"):
        with pytest.raises(AssertionError, match="the noise was to be decoded"):
            planned(path, allowed)


@pytest.mark.parametrize("name", NAMES)
def test_only_models_count_against_max_synthesized(name: str, tmp_path: Path) -> None:
    listed(tmp_path / "speech.csv", [2.0] * 30)
    noise_folder(tmp_path / "car", [1.0] * 8)
    path = recipe(tmp_path, noise=noise_text(layer("car", "car", grow=f"{{{name}: 0.51}}")))
    if name in MODELS:
        with pytest.raises(GuardError, match=f"{name} would make the noise of 51% of the clips"):
            planned(path)
    else:
        planned(path)


def test_one_file_is_enough_where_nothing_is_as_recorded(tmp_path: Path) -> None:
    """Reuse is of seconds as recorded: what is grown from them does not count."""
    listed(tmp_path / "speech.csv", [2.0] * 100)
    noise_file(tmp_path / "car" / "one.wav", 2.0)
    text = noise_text(layer("car", "car", grow="{quilt: 1}", min_recordings=1, max_reuse=1))
    plan = planned(recipe(tmp_path, noise=text))
    assert {piece.kind for _, piece in pieces(plan)} == {"quilt"}
    with pytest.raises(GuardError, match="each second would be used"):
        planned(recipe(tmp_path, noise=text.replace("quilt: 1", "quilt: 0.9")))

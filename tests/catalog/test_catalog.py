from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from synth.audio.file_identity import FileIdentity
from synth.catalog import catalog as catalog_module
from synth.catalog.catalog import Catalog, CatalogBuilder, CatalogSource, Entry
from synth.catalog.recording import Recording, Refusal, Word, recording_id
from synth.errors import TooManyBadInputs, UsageError

SOURCE = CatalogSource("digits", "/data/digits")


def entry(path: str, offset: int = 0, count: int = 100, **detail: object) -> Entry:
    return Entry(path, offset, count, 8000, 1, None, detail)


def build(*entries: Entry, source: CatalogSource = SOURCE, refused: tuple[Refusal, ...] = ()) -> Catalog:
    builder = CatalogBuilder()
    for refusal in refused:
        builder.refuse(refusal)
    for one in entries:
        builder.add(one)
    builder.end_source(source)
    return builder.build()


def test_a_recording_comes_out_as_it_went_in(tmp_path: Path) -> None:
    detail = {"text": "ü 数字", "speaker": "s1", "labels": {"street": True, "wiper": None}}
    detail |= {"alignment": [["ü", 0.5, 0.25]], "trim": [3, 90]}
    catalog = build(Entry("a/ü.wav", 7, 100, 44100, 2, FileIdentity(99, 7, 1 << 63), detail), entry("b.wav"))
    catalog.save(tmp_path / "catalog")
    loaded = Catalog.load(tmp_path / "catalog")
    for one in (catalog, loaded):
        expected = Recording(
            recording_id("digits", "a/ü.wav", 7), "digits", "a/ü.wav", 7, 100, 44100, 2, "ü 数字", "s1"
        )
        rest = {"labels": {"street": True, "wiper": None}, "alignment": (Word("ü", 0.5, 0.25),)}
        fields = {name: getattr(expected, name) for name in Recording.__slots__}
        assert one[0] == Recording(**{**fields, **rest, "identity": FileIdentity(99, 7, 1 << 63), "trim": (3, 90)})
        assert one[1] == Recording(recording_id("digits", "b.wav", 0), "digits", "b.wav", 0, 100, 8000, 1)
        assert (one.id(0), one.path(0), one.file(0)) == (expected.id, "a/ü.wav", "/data/digits/a/ü.wav")
        assert [one.label(0, name) for name in ("speaker", "text", "street", "wiper", "none")] == [
            "s1",
            "ü 数字",
            True,
            None,
            None,
        ]
        assert one.label(1, "speaker") is None
        assert (one.num_samples.tolist(), one.sample_rates.tolist()) == ([100, 100], [44100, 8000])
    assert (loaded.digest, loaded.sources, loaded.refused) == (catalog.digest, catalog.sources, catalog.refused)


def test_the_order_is_by_source_then_path_bytes_then_offset() -> None:
    builder = CatalogBuilder()
    for path, offset in (
        ("b.wav", 9),
        ("a/z.wav", 0),
        ("b.wav", 10),
        ("ä.wav", 0),
        ("B.wav", 0),
        ("a.wav", 256),
        ("a.wav", 2),
    ):
        builder.add(entry(path, offset))
    builder.end_source(CatalogSource("second name", "/x"))
    builder.add(entry("0.wav"))
    builder.end_source(CatalogSource("first name", "/y"))
    found = [(r.source, r.path, r.offset) for r in builder.build()]
    paths = [("B.wav", 0), ("a.wav", 2), ("a.wav", 256), ("a/z.wav", 0), ("b.wav", 9), ("b.wav", 10), ("ä.wav", 0)]
    assert found == [*(("second name", *one) for one in paths), ("first name", "0.wav", 0)]


def test_the_same_recording_twice_is_refused_once() -> None:
    catalog = build(entry("a.wav", 4000, text="first"), entry("b.wav"), entry("a.wav", 4000, text="second"))
    assert [r.text for r in catalog] == ["first", None]
    message = "the same recording from sample 4000 on twice; the first one counts"
    assert catalog.refused == (Refusal("a.wav", "bad_row", "scan", message),)


def test_the_digest_follows_everything_that_a_plan_depends_on() -> None:
    base = (entry("a.wav", text="x", labels={"l": 1}), entry("b.wav"))
    digest = build(*base).digest
    changed = [
        build(base[0]),
        build(entry("a.wav", text="y", labels={"l": 1}), base[1]),
        build(entry("a.wav", text="x", labels={"l": 2}), base[1]),
        build(entry("a.wav", text="x", labels={"l": None}), base[1]),
        build(entry("a.wav", count=101, text="x", labels={"l": 1}), base[1]),
        build(entry("a.wav", offset=1, text="x", labels={"l": 1}), base[1]),
        build(Entry("a.wav", 0, 100, 8000, 1, FileIdentity(99, 7, 1), base[0].detail), base[1]),
        build(*base, source=CatalogSource("other", "/data/digits")),
        build(*base, source=CatalogSource("digits", "/data/digits", "first")),
        build(*base, refused=(Refusal("c.wav", "empty", "scan", "m"),)),
    ]
    assert len({digest, *(one.digest for one in changed)}) == len(changed) + 1


def test_the_digest_does_not_depend_on_order_place_or_a_round_trip(tmp_path: Path) -> None:
    base = [entry("a.wav", text="x", speaker="s"), entry("b.wav", text="zz"), entry("c.wav")]
    digest = build(*base).digest
    assert build(*base[::-1], source=CatalogSource("digits", "/elsewhere")).digest == digest
    times = [build(Entry("a.wav", 0, 9, 8000, 1, FileIdentity(99, when, 1), {})).digest for when in (7, 8)]
    assert times[0] == times[1]
    shuffled = build(base[2], base[0], base[1])
    shuffled.save(tmp_path / "one")
    build(*base).save(tmp_path / "two")
    assert Catalog.load(tmp_path / "one").digest == digest
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_sources_may_lie_elsewhere_when_loaded(tmp_path: Path) -> None:
    build(entry("a.wav")).save(tmp_path / "catalog")
    assert Catalog.load(tmp_path / "catalog", roots={"digits": "/mnt"}).file(0) == "/mnt/a.wav"


def test_an_empty_catalog_is_one(tmp_path: Path) -> None:
    build().save(tmp_path / "catalog")
    assert list(Catalog.load(tmp_path / "catalog")) == []


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: b"x" + d, lambda d: d[:20], lambda d: b"", lambda d: d + b"x"]
)
def test_a_damaged_catalog_is_refused(tmp_path: Path, damage) -> None:
    build(entry("a.wav", text="x")).save(tmp_path / "catalog")
    (tmp_path / "catalog").write_bytes(damage((tmp_path / "catalog").read_bytes()))
    with pytest.raises(UsageError, match="is not a catalog that can be read"):
        Catalog.load(tmp_path / "catalog")


def test_refusals_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(catalog_module, "MAX_REFUSED", 3)
    refusals = tuple(Refusal(f"{i}.wav", "empty", "scan", "no samples") for i in range(4))
    assert len(build(refused=refusals[:3]).refused) == 3
    with pytest.raises(TooManyBadInputs, match=r"more than 3 inputs were refused; the first: 0.wav: no samples"):
        build(refused=refusals)


def test_a_catalog_is_read_in_a_forked_process() -> None:
    catalog = build(*(entry(f"{i:03d}.wav", text=str(i)) for i in range(100)))
    pid = os.fork()
    if pid == 0:
        os._exit(0 if [r.text for r in catalog] == [str(i) for i in range(100)] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert catalog[99].text == "99"


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
def test_recordings_are_the_same_in_any_order_of_adding_and_of_reading(tmp_path: Path, order: str) -> None:
    """Words are read ahead, some kilobytes at a time; whatever was read before, the next is right."""
    entries = [entry(f"{k // 50:03d}/ü{k:04d}.wav", text="word " * (k % 40)) for k in range(900)]
    expected = list(build(*entries))
    if order != "sorted":
        entries.sort(key=lambda e: e.path, reverse=True)
    if order == "shuffled":
        random.Random(1).shuffle(entries)
    built = build(*entries)
    built.save(tmp_path / "catalog")
    places = [random.Random(2).randrange(900) for _ in range(3000)] + [*range(900)] + [*range(899, -1, -1)]
    for catalog in (built, Catalog.load(tmp_path / "catalog")):
        assert [catalog[k] for k in places] == [expected[k] for k in places]
        assert [catalog.id(k) for k in places[:900]] == [expected[k].id for k in places[:900]]


@pytest.mark.parametrize("text", ["go", 'a "b" \\ /', "tab\tline\nend", "\x00\x1f\x7f", "ü 数字 \U0001f600 \u2028", ""])
def test_texts_are_kept_as_json_has_them(text: str) -> None:
    """The shortcut for details that are nothing but texts writes what the encoder writes."""
    detail = {"text": text, "speaker": text[::-1]}
    assert catalog_module._encoded(detail) == catalog_module._ENCODER.encode(detail).encode()
    assert json.loads(catalog_module._encoded(detail)) == detail

"""Mutated profiles, cases, scores, reviews, predictions, candidates, corrections and manifests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

from synth.match.fit.dev_cases import case_text, cases_of
from synth.match.measure.profile import read_profile, write_profile
from synth.match.measure.trust import trust_in
from tests.diagnose.dev_lists import dev_list, filled_in
from tests.fuzz.bench import Bench, write_sources
from tests.fuzz.mutators import Mutant, generator, mutate_field, mutate_text
from tests.fuzz.outcome import Campaign, problems_of
from tests.small_set import RECIPE
from tests.warm_process import Ended

_DEV: Final[Mapping[str, Any]] = {"clips": 24, "speakers": 6, "wrong": 0.5}
_CODES: Final = (0, 2, 5)
_CLASSES: Final = ("yes", "no")
Mutate = Callable[[bytes, Random], Mutant]
Reader = Callable[[Bench, Path], Ended]


def make_bases(folder: Path) -> Mapping[str, bytes]:
    """A document of each kind, by its file name; and in `folder` what they are read with."""
    write_sources(folder)
    (folder / "small.yaml").write_text(RECIPE)
    dev = dev_list(folder / "dev", **_DEV)
    if not (folder / "dev.profile").exists():
        write_profile(dev.profile, folder / "dev.profile")
    profile = read_profile(folder / "dev.profile")
    cases = case_text(cases_of(profile.clips, trust=trust_in(profile.clips)))
    ids = [str(row["id"]) for row in dev.rows]
    return {
        "m.profile": (folder / "dev.profile").read_bytes(),
        "cases.csv": cases.encode(),
        "scores.csv": _scores(ids, ",").encode(),
        "scores.jsonl": "".join(
            json.dumps({"id": name, "errors": k % 3, "words": 5, "split": _SPLITS[k % 3]}) + "\n"
            for k, name in enumerate(ids)
        ).encode(),
        "predictions.csv": dev.predictions.read_bytes(),
        "manifest.jsonl": dev.manifest.read_bytes(),
        "candidates.csv": _candidates(ids).encode(),
        "corrections.csv": ("id,text\n" + "".join(f"{name},call home\n" for name in ids[:5])).encode(),
    }


_SPLITS: Final = ("train", "train-dev", "dev")


def _scores(ids: Iterable[str], mark: str) -> str:
    head = mark.join(("id", "errors", "words", "split", "speaker", "weight"))
    rows = [mark.join((name, str(k % 3), "5", _SPLITS[k % 3], f"s{k % 4}", "1.0")) for k, name in enumerate(ids)]
    return "\n".join((head, *rows)) + "\n"


def _candidates(ids: Iterable[str]) -> str:
    rows = [
        f"{name},{_CLASSES[k % 2]},{0.1 + 0.8 * (k % 5 == 0):.2f},{0.9 - 0.8 * (k % 5 == 0):.2f}"
        for k, name in enumerate(ids)
    ]
    return "\n".join(("id,label,p_yes,p_no", *rows)) + "\n"


def _plan_with_cases(bench: Bench, path: Path) -> Ended:
    recipe = path.with_suffix(".yaml")
    recipe.write_text(
        f"{RECIPE}conditions:\n  - {{name: matched, weight: 0.5, cases: '{path.name}'}}\n  - {{name: wide, weight: 0.5}}\n"
    )
    return bench.call("plan", recipe, "--jobs", "1")


def _compare(bench: Bench, path: Path) -> Ended:
    other, clean = bench.folder / "dev.profile", bench.folder / "dev.profile"
    return bench.call("compare", path, other, "--clean", clean, "--jobs", "1")


def _sample(bench: Bench, path: Path) -> Ended:
    out = bench.folder / "sampled.csv"
    out.unlink(missing_ok=True)
    other = {"predictions": path, "manifest": bench.folder / "dev" / "dev.jsonl"}
    if "manifest" in path.name:
        other = {"predictions": bench.folder / "dev" / "predictions.csv", "manifest": path}
    return bench.call(
        "errors", "sample", other["predictions"], "-m", other["manifest"], "--out", out, "--n", "5", "--right", "3"
    )


def _summary(bench: Bench, path: Path) -> Ended:
    return bench.call("errors", "summary", path, "-m", bench.folder / "dev" / "dev.jsonl")


def _correct(bench: Bench, path: Path) -> Ended:
    out = bench.folder / "corrected.jsonl"
    out.unlink(missing_ok=True)
    return bench.call("errors", "correct", path, "-m", bench.folder / "dev" / "dev.jsonl", "--out", out)


_READERS: Final[Mapping[str, Reader]] = {
    "m.profile": _compare,
    "cases.csv": _plan_with_cases,
    "scores.csv": lambda bench, path: bench.call("diagnose", "--scores", path),
    "scores.jsonl": lambda bench, path: bench.call("diagnose", "--scores", path, "--by", "clip"),
    "predictions.csv": _sample,
    "manifest.jsonl": _sample,
    "candidates.csv": lambda bench, path: bench.call("errors", "mislabeled", path),
    "corrections.csv": _correct,
    "review.csv": _summary,
}


def review_base(bench: Bench, bases: Mapping[str, bytes]) -> bytes:
    """A review as `synth errors sample` writes it, filled in."""
    path = bench.folder / "predictions.csv"
    path.write_bytes(bases["predictions.csv"])
    ended = _sample(bench, path)
    assert ended.returncode == 0, ended.stderr
    filled_in(bench.folder / "sampled.csv", dev_list(bench.folder / "dev", **_DEV).truth)
    return (bench.folder / "sampled.csv").read_bytes()


def change(data: bytes, name: str, draw: Random) -> bytes:
    """A mutant of a document."""
    lines = name.endswith((".jsonl", ".profile"))
    return (mutate_field if lines and draw.random() < 0.7 else mutate_text)(data, draw)[0]


def run(bench: Bench, seed: int, indices: Iterable[int]) -> Campaign:
    campaign = Campaign("profiles")
    bases = dict(make_bases(bench.folder))
    bases["review.csv"] = review_base(bench, bases)
    names = list(_READERS)
    for name in names:
        path = bench.folder / f"base_{name}"
        path.write_bytes(bases[name])
        ended = _READERS[name](bench, path)
        assert ended.returncode == 0, f"the base {name} is refused: {ended.stderr}"
    for index in indices:
        name = names[index % len(names)]
        path = bench.folder / f"{index:05}_{name}"
        path.write_bytes(change(bases[name], name, generator(seed, "profiles", index)))
        ended = _READERS[name](bench, path)
        campaign.tried += 1
        campaign.accepted += ended.returncode == 0
        problems = problems_of(ended, codes=_CODES, names=[path.name, *_known_names(name)])
        campaign.note(f"profiles:{index} ({name})", ended, problems)
        if not bench.keep:
            path.unlink()
    return campaign


def _known_names(name: str) -> tuple[str, ...]:
    """What else may be named: the condition that has the cases, the predictions that a manifest has no text for."""
    return {"cases.csv": ("conditions",), "manifest.jsonl": ("predictions.csv:",)}.get(name, ())

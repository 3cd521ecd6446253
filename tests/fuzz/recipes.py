"""Mutated recipes through `plan`."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

import yaml

from tests.fuzz.bench import Bench, write_sources
from tests.fuzz.mutators import Mutant, change_field, generator, mutate_text
from tests.fuzz.outcome import Campaign, problems_of
from tests.helpers import ROOT
from tests.small_set import RECIPE as SMALL

_KEYS: Final = ("speech", "noise", "splits", "output", "conditions", "hours", "copies", "sample_rate", "channel")


def bases() -> list[bytes]:
    """The recipes of the repository, on its fixtures, and one on a small set."""
    texts = [path.read_text() for path in sorted((ROOT / "recipes").glob("*.yaml"))]
    return [SMALL.encode(), *(text.replace("../fixtures", f"{ROOT}/fixtures").encode() for text in texts)]


def mutant(seed: int, index: int) -> Mutant:
    """Text of a mutated recipe, and what was changed."""
    draw = generator(seed, "recipes", index)
    texts = bases()
    text = texts[0 if index % 2 else index // 2 % len(texts)]
    return mutate_yaml(text, draw) if draw.random() < 0.5 else mutate_text(text, draw)


def mutate_yaml(data: bytes, draw: Random) -> Mutant:
    """One key of the recipe."""
    changed, name = change_field(yaml.safe_load(data), draw)
    return yaml.safe_dump(changed, allow_unicode=draw.random() < 0.5).encode("utf-8", "surrogatepass"), name


def run(bench: Bench, seed: int, indices: Iterable[int]) -> Campaign:
    campaign = Campaign("recipes")
    write_sources(bench.folder)
    for index in indices:
        data, change = mutant(seed, index)
        path = bench.folder / f"recipe_{index:05}.yaml"
        path.write_bytes(data)
        ended = bench.call("plan", path, "--jobs", "1")
        # What is wrong with the plan of a valid recipe is said with its key, such as `noise.layers.car: ...`.
        names = [path.name, "reference_cases.csv", *(f"{key}:" for key in _KEYS), *(f"{key}." for key in _KEYS)]
        campaign.tried += 1
        campaign.accepted += ended.returncode == 0
        campaign.note(f"recipes:{index} ({change})", ended, problems_of(ended, codes=(0, 2, 3), names=names))
        if not bench.keep:
            path.unlink()
    return campaign

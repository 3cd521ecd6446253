"""What the readers of Lhotse share: a cut as JSON, and an epoch of the sampler that recipes use."""

from __future__ import annotations

import hashlib
from typing import Any

from clip import clip
from lhotse import CutSet
from lhotse.dataset import DynamicBucketingSampler
from lhotse.qa import validate


def read(cuts: CutSet) -> list[dict[str, Any]]:
    """Every cut with its samples as Lhotse decodes them, and what its supervisions say."""
    return [
        clip(
            cut.id,
            cut.load_audio(),
            cut.sampling_rate,
            declared_samples=cut.num_samples,
            duration=cut.duration,
            start=cut.start,
            supervisions=[supervision.to_dict() for supervision in cut.supervisions],
            text=cut.supervisions[0].text if cut.supervisions else None,
            custom=plain(cut.custom or {}),
            stems=stems(cut),
        )
        for cut in cuts
    ]


def plain(custom: dict[str, Any]) -> dict[str, Any]:
    """Custom values that are JSON; recordings and where the cut came from are not compared."""
    return {
        name: value
        for name, value in custom.items()
        if isinstance(value, str | int | float | bool | list | dict | None)
    }


def stems(cut: Any) -> dict[str, str]:
    """SHA-256 of the samples (float32) of each recording that is a custom field."""
    return {
        name: hashlib.sha256(cut.load_custom(name).squeeze().astype("<f4").tobytes()).hexdigest()
        for name, value in (cut.custom or {}).items()
        if type(value).__name__ == "Recording"
    }


def epoch(cuts: CutSet) -> list[str]:
    """The ids of an epoch of DynamicBucketingSampler with batches of 20 seconds."""
    sampler = DynamicBucketingSampler(cuts, max_duration=20.0, num_buckets=3, shuffle=True, seed=0)
    ids: list[str] = []
    for batch in sampler:
        assert sum(cut.duration for cut in batch) <= 20.0
        ids += [cut.id for cut in batch]
    return ids


def check(cuts: CutSet) -> None:
    """Let Lhotse validate the cuts, with their audio."""
    validate(cuts.to_eager(), read_data=True)

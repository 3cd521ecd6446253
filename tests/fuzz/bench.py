"""Where a campaign runs: a folder, a warm process, and the small base inputs that mutants are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tests.fuzz.outcome import HANG_S, Campaign
from tests.warm_process import MAIN, Ended, WarmProcess

Run = Callable[["Bench", int, Iterable[int]], Campaign]
"""A campaign: of a bench, a seed, and the indices of mutants."""


@dataclass(frozen=True, slots=True)
class Bench:
    """`folder`: of this campaign alone. `hang_s`: after which a command counts as hung. `keep`: keep every mutant."""

    folder: Path
    warm: WarmProcess
    hang_s: float = HANG_S
    keep: bool = False

    def call(self, *words: str | Path, target: str = MAIN, cwd: Path | None = None) -> Ended:
        """A command with the cache of this bench; one that hangs gets a second chance, because machines can be busy."""
        env = {"SYNTH_CACHE": str(self.folder / "cache")}
        ended = self.warm.call(*words, target=target, env=env, cwd=cwd or self.folder, timeout_s=self.hang_s)
        if ended.hung:
            ended = self.warm.call(*words, target=target, env=env, cwd=cwd or self.folder, timeout_s=self.hang_s)
        return ended


def sound(seconds: float, rate: int, *, seed: int = 0, channels: int = 1) -> npt.NDArray[np.float64]:
    """A voice-like tone in noise, shape (n, channels)."""
    count = round(seconds * rate)
    time = np.arange(count) / rate
    tone = np.sin(2 * np.pi * 210 * time) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time))
    noise = np.random.default_rng(seed).standard_normal((count, channels))
    return 0.2 * tone[:, None] + 0.02 * noise


def write_sources(folder: Path, *, speech: int = 4, noise: int = 4, rate: int = 8000) -> None:
    """Folders `speech` and `noise` of short WAV files, once."""
    if (folder / "noise").exists():
        return
    for name, count, seconds in (("speech", speech, 0.3), ("noise", noise, 1.2)):
        (folder / name).mkdir(parents=True)
        for k in range(count):
            soundfile.write(folder / name / f"{name}{k}.wav", sound(seconds, rate, seed=k), rate, subtype="PCM_16")

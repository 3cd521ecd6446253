"""Any transform of audiomentations by its class name, without hidden randomness.

audiomentations draws from the global generators of `random` and numpy while it renders. Here they are seeded for one
call and restored afterwards, and what was drawn is reported for the manifest.
"""

from __future__ import annotations

import difflib
import inspect
import math
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects.effect import Effect, Report
from synth.dsp.resample import fit_length

REFUSED: dict[str, str] = {
    "AddBackgroundNoise": "loads audio of its own, past plan, ledger and SNR; use noise.layers",
    "AddShortNoises": "loads audio of its own, past plan, ledger and SNR; use a layer under noise.layers",
    "ApplyImpulseResponse": "loads audio of its own and moves the speech; use speech.room",
    "RoomSimulator": "lengthens and delays the signal by its room; use speech.room with recorded impulse responses",
    "AdjustDuration": "changes the length at random; use margins_s, or copies of shorter segments",
    "RepeatPart": "changes the length at random, and the text would no longer be what is said",
    "Resample": "changes the length without telling; use speed, or sample_rate for the whole data set",
    "TimeStretch": "changes the length without telling; use tempo, whose length and word positions are exact",
    "PitchShift": "is 13 cents off on a harmonic tone; use pitch",
    "Trim": "changes the length while it renders; use trim, whose bounds are measured when the sources are scanned",
    "Shift": "moves the words, and the alignment would be untrue; use margins_s",
    "Reverse": "turns the words round in time, and the alignment would be untrue",
    "LoudnessNormalization": "sets the level, which the data set sets last; use level_dbfs",
    "Lambda": "takes program code, which a recipe never holds",
    "Compose": "is a list of transforms; write them one after the other",
    "OneOf": "is a choice of transforms; write them one after the other, each with its probability",
    "SomeOf": "is a choice of transforms; write them one after the other, each with its probability",
}
"""Transforms that a recipe may not use: why not, and what to use instead."""

PACKAGES: dict[str, str] = {"Mp3Compression": "fast-mp3-augment", "Limiter": "numpy-audio-limiter"}
"""Transforms that need a package which audiomentations does not install by itself."""

SHORTEST_S = 0.15
"""Shorter signals get zeros at the end while they are transformed: an MP3 encoder refuses them, and others fail."""

LARGEST_DELAY_S = 0.002
"""A causal filter may delay the signal this much; what delays it by more is refused."""

_TRIALS = 8  # seeds that `check` tries: enough to notice a transform that fails in part of its range


@dataclass(frozen=True, slots=True)
class Audiomentations(Effect):
    """`transform(**kwargs)`, always applied, with its draws made from `seed`.

    Works in float32, as audiomentations does.
    """

    name = "audiomentations"
    slow_modules = ("audiomentations",)

    name = "audiomentations"

    transform: str
    kwargs: tuple[tuple[str, Any], ...] = ()
    seed: int = 0

    @classmethod
    def of(cls, transform: str, kwargs: Mapping[str, Any], seed: int = 0) -> Audiomentations:
        """Build from the arguments as a recipe spells them, in a canonical order."""
        return cls(transform, tuple((key, frozen(kwargs[key])) for key in sorted(kwargs)), seed)

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        """Apply the effect to samples of shape (n,), full scale 1.0."""
        return self.apply_and_report(samples, sample_rate=sample_rate)[0]

    def apply_and_report(self, samples: Samples, *, sample_rate: int) -> tuple[Samples, Report]:
        """Return the transformed samples, and what the transform drew, as JSON values.

        Args:
            samples: float64, shape (n,), full scale 1.0; the result has the same shape.
            sample_rate: Hz.

        Raises:
            ValueError: the transform is refused, or returns another length, NaN or infinity.
        """
        if not len(samples):
            return samples, {}
        shortest = math.ceil(SHORTEST_S * sample_rate)
        padded = fit_length(samples, max(len(samples), shortest)).astype(np.float32)
        with _seeded(self.seed):
            machine = _find_class(self.transform)(**dict(self.kwargs), p=1.0)
            out = np.asarray(machine(padded, sample_rate), dtype=np.float64)
        if out.shape != padded.shape:
            raise ValueError(f"{self.transform} changed the length from {len(padded)} to {out.shape[-1]} samples")
        if not np.isfinite(out).all():
            raise ValueError(f"{self.transform} gave NaN or infinity with {_drawn(machine)}")
        return out[: len(samples)], _drawn(machine)


def check(transform: str, kwargs: Mapping[str, Any], *, sample_rate: int = 16000) -> str | None:
    """Return what is wrong with this transform and these arguments, or None. Loads audiomentations.

    It is also tried on a second of noise: the length must stay, and the delay be at most LARGEST_DELAY_S.

    Args:
        transform: name of a class of audiomentations.
        kwargs: its arguments.
        sample_rate: Hz, of the trial.
    """
    try:
        if "p" in kwargs:
            raise ValueError("p is not for a recipe; write `probability` beside the transform")
        _check_names(_find_class(transform), kwargs)
        for seed in range(_TRIALS):
            _try(Audiomentations.of(transform, kwargs, seed), sample_rate)
    except Exception as mistake:  # whatever a library raises over its arguments is the user's to read
        text = str(mistake) or f"these arguments are refused: {', '.join(f'{k}={v!r}' for k, v in kwargs.items())}"
        return text if text.startswith(transform) else f"{transform}: {text}"
    return None


def _check_names(kind: type[Any], kwargs: Mapping[str, Any]) -> None:
    names = [name for name in inspect.signature(kind).parameters if name != "p"]
    for name in kwargs:
        if name not in names:
            near = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names) or 'no arguments'}"
            raise ValueError(f"{kind.__name__} takes no argument {name!r}; {hint}")


def _try(effect: Audiomentations, sample_rate: int) -> None:
    noise = 0.1 * np.random.Generator(np.random.Philox(key=effect.seed)).standard_normal(sample_rate)
    out = effect(noise, sample_rate=sample_rate)
    delay = _delay(noise, out) / sample_rate
    if abs(delay) > LARGEST_DELAY_S:
        raise ValueError(
            f"{effect.transform} delays the signal by {delay * 1000:.1f} ms, and the alignment would be untrue"
        )


def _delay(before: Samples, after: Samples) -> int:
    """Return by how many samples `after` is later, at the peak of the cross-correlation; 0 for silence."""
    size = 2 * len(before)
    spectrum = np.conj(np.fft.rfft(before, size)) * np.fft.rfft(after, size)
    peak = int(np.argmax(np.abs(np.fft.irfft(spectrum, size))))
    return peak - size if peak > size // 2 else peak


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of `random` and numpy inside, and restore them afterwards."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of changed defaults and of float64: nothing that a user could act on
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _find_class(transform: str) -> type[Any]:
    """Return the class of that name. Raises ValueError if there is none, or if it is refused."""
    if transform in REFUSED:
        raise ValueError(f"{transform} is refused: {REFUSED[transform]}")
    package = PACKAGES.get(transform)
    if package and find_spec(package.replace("-", "_")) is None:
        raise ValueError(f"{transform} needs a package that is not installed; pip install {package}")
    import audiomentations  # loads for most of a second: only where it is used

    classes = {name: kind for name, kind in vars(audiomentations).items() if inspect.isclass(kind)}
    if transform not in classes:
        near = difflib.get_close_matches(transform, [name for name in classes if name not in REFUSED], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{transform} is not an audiomentations transform{hint}")
    return classes[transform]


def _drawn(machine: Any) -> dict[str, Any]:
    """Return the parameters of a transform and of those inside it, as JSON values."""
    drawn = {key: _json(value) for key, value in machine.parameters.items() if key != "should_apply"}
    for key, value in vars(machine).items():
        if hasattr(value, "randomize_parameters"):
            drawn[key] = _drawn(value)
        elif isinstance(value, list) and value and hasattr(value[0], "randomize_parameters"):
            drawn[key] = [_drawn(part) for part in value]
    return drawn


def _json(value: Any) -> Any:
    """Convert arrays to lists, and numbers to nine digits: float32 has no more."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return [_json(part) for part in value] if isinstance(value, (list, tuple)) else value


def frozen(value: Any) -> Any:
    """Turn lists into tuples, at any depth, so that the effect is hashable."""
    return tuple(frozen(part) for part in value) if isinstance(value, (list, tuple)) else value

"""Any audiomentations transform by its class name, without its hidden randomness.

audiomentations draws from the global generators of `random` and numpy while it renders. Here they are seeded for the
one call and put back afterwards, and what was drawn is handed over for the manifest.
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
"""Transforms that a recipe may not use: why, and what to use instead."""

PACKAGES: dict[str, str] = {"Mp3Compression": "fast-mp3-augment", "Limiter": "numpy-audio-limiter"}
"""Transforms that need a package which audiomentations does not install by itself."""

SHORTEST_S = 0.15
"""Shorter signals get zeros at the end while they are transformed: an MP3 encoder refuses them, and others trip."""

LARGEST_DELAY_S = 0.002
"""A causal filter may smear the signal this much; what delays it by more is refused."""

_TRIALS = 8  # seeds that `check` tries: enough for a transform that fails for a part of its range to be seen


@dataclass(frozen=True, slots=True)
class Audiomentations(Effect):
    """`transform(**kwargs)`, always applied, with its draws made from `seed`.

    Works in float32, as audiomentations does.
    """

    name = "audiomentations"

    name = "audiomentations"

    transform: str
    kwargs: tuple[tuple[str, Any], ...] = ()
    seed: int = 0

    @classmethod
    def of(cls, transform: str, kwargs: Mapping[str, Any], seed: int = 0) -> Audiomentations:
        """From the arguments as a recipe spells them, in a canonical order."""
        return cls(transform, tuple((key, frozen(kwargs[key])) for key in sorted(kwargs)), seed)

    def __call__(self, samples: Samples, *, sample_rate: int) -> Samples:
        return self.apply_and_report(samples, sample_rate=sample_rate)[0]

    def apply_and_report(self, samples: Samples, *, sample_rate: int) -> tuple[Samples, Report]:
        """The transformed samples, shape (n,) as they came, and what the transform drew, as JSON values.

        Raises
        ------
        ValueError where the transform is refused, or gives back another length, NaN or infinity.
        """
        if not len(samples):
            return samples, {}
        shortest = math.ceil(SHORTEST_S * sample_rate)
        given = fit_length(samples, max(len(samples), shortest)).astype(np.float32)
        with _seeded(self.seed):
            machine = _build(self.transform, self.kwargs)
            out = np.asarray(machine(given, sample_rate), dtype=np.float64)
        if out.shape != given.shape:
            raise ValueError(f"{self.transform} changed the length from {len(given)} to {out.shape[-1]} samples")
        if not np.isfinite(out).all():
            raise ValueError(f"{self.transform} gave NaN or infinity with {_drawn(machine)}")
        return out[: len(samples)], _drawn(machine)


def check(transform: str, kwargs: Mapping[str, Any], *, sample_rate: int = 16000) -> str | None:
    """What is wrong with this transform and these arguments, or None. Loads audiomentations.

    Also tries it on a second of noise: its length must stay, and it may not be delayed by more than LARGEST_DELAY_S.
    """
    try:
        if "p" in kwargs:
            raise ValueError("p is not for a recipe; write `probability` beside the transform")
        _check_names(_kind(transform), kwargs)
        for seed in range(_TRIALS):
            _try(Audiomentations.of(transform, kwargs, seed), sample_rate)
    except Exception as mistake:  # whatever a library raises over its arguments is the user's to read
        text = str(mistake) or f"these arguments are refused: {', '.join(f'{k}={v!r}' for k, v in kwargs.items())}"
        return text if text.startswith(transform) else f"{transform}: {text}"
    return None


def _check_names(kind: type[Any], kwargs: Mapping[str, Any]) -> None:
    known = [name for name in inspect.signature(kind).parameters if name != "p"]
    for name in kwargs:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known) or 'no arguments'}"
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
    """Samples by which `after` comes later, at the peak of the cross-correlation; 0 for silence."""
    size = 2 * len(before)
    spectrum = np.conj(np.fft.rfft(before, size)) * np.fft.rfft(after, size)
    peak = int(np.argmax(np.abs(np.fft.irfft(spectrum, size))))
    return peak - size if peak > size // 2 else peak


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generators of `random` and numpy start from `seed` inside, and are as they were afterwards."""
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


def _build(transform: str, kwargs: tuple[tuple[str, Any], ...]) -> Any:
    return _kind(transform)(**dict(kwargs), p=1.0)


def _kind(transform: str) -> type[Any]:
    """The class of that name. Raises ValueError where there is none, or where it is refused."""
    if transform in REFUSED:
        raise ValueError(f"{transform} is refused: {REFUSED[transform]}")
    package = PACKAGES.get(transform)
    if package and find_spec(package.replace("-", "_")) is None:
        raise ValueError(f"{transform} needs a package that is not installed; pip install {package}")
    import audiomentations  # loads for most of a second: only where it is used

    known = {name: kind for name, kind in vars(audiomentations).items() if inspect.isclass(kind)}
    if transform not in known:
        near = difflib.get_close_matches(transform, [name for name in known if name not in REFUSED], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{transform} is not an audiomentations transform{hint}")
    return known[transform]


def _drawn(machine: Any) -> dict[str, Any]:
    """The parameters of a transform and of those inside it, as JSON values."""
    drawn = {key: _json(value) for key, value in machine.parameters.items() if key != "should_apply"}
    for key, value in vars(machine).items():
        if hasattr(value, "randomize_parameters"):
            drawn[key] = _drawn(value)
        elif isinstance(value, list) and value and hasattr(value[0], "randomize_parameters"):
            drawn[key] = [_drawn(part) for part in value]
    return drawn


def _json(value: Any) -> Any:
    """Numbers at nine digits, which float32 has not more of; arrays as lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return [_json(part) for part in value] if isinstance(value, (list, tuple)) else value


def frozen(value: Any) -> Any:
    """Lists to tuples, at any depth, so that the effect is a value."""
    return tuple(frozen(part) for part in value) if isinstance(value, (list, tuple)) else value

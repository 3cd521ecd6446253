"""Stretching time, the engine behind tempo and pitch."""

from __future__ import annotations

import numpy as np

from synth.dsp.effects.effect import Samples
from synth.dsp.resample import fit_length

ENGINES = ("signalsmith", "librosa")

_SEED = 1  # Signalsmith draws phases above a twofold stretch: seeded, so that they are the same each time
_LIBROSA_WINDOW_S = 0.032  # short: the default of 2048 smears a click over 78 ms


def stretch(samples: Samples, *, tempo: float, sample_rate: int, num_samples: int, engine: str = "signalsmith") -> Samples:
    """Play `tempo` times as fast at the same pitch.

    Parameters
    ----------
    samples: shape (n,).
    tempo: > 0; below 1 is slower and longer.
    sample_rate: Hz; sets the window (0.12 s Signalsmith, 32 ms librosa).
    num_samples: length of the result; near n / tempo.
    engine: one of ENGINES.

    Raises
    ------
    ValueError for an unknown engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r} is not one of {', '.join(ENGINES)}")
    if not len(samples) or not num_samples:
        return np.zeros(num_samples)
    if tempo == 1:
        return fit_length(samples, num_samples)
    run = _signalsmith if engine == "signalsmith" else _librosa
    return fit_length(run(samples, tempo, sample_rate), num_samples)


def _signalsmith(samples: Samples, tempo: float, sample_rate: int) -> Samples:
    """Signalsmith Stretch (float32), with its latency taken out by its own `process`."""
    from python_stretch.Signalsmith import Stretch  # an extension module: only where it is used

    machine = Stretch(_SEED)
    machine.preset(1, sample_rate)
    machine.setTimeFactor(tempo)
    out = machine.process(samples.astype(np.float32)[np.newaxis])
    return np.asarray(out[0], dtype=np.float64)


def _librosa(samples: Samples, tempo: float, sample_rate: int) -> Samples:
    """librosa's phase vocoder."""
    from librosa.effects import time_stretch  # loads for two seconds: only where it is used

    window = 1 << round(np.log2(_LIBROSA_WINDOW_S * sample_rate))
    padded = fit_length(samples, max(len(samples), window))
    return np.asarray(time_stretch(padded, rate=tempo, n_fft=window), dtype=np.float64)

"""Stretch time without changing the pitch: the engine behind tempo and pitch."""

from __future__ import annotations

import numpy as np

from synth.dsp.arrays import Samples
from synth.dsp.effects import wsola
from synth.dsp.resample import fit_length, resample, simple_fraction

STRETCH_RANGES = {"wsola": (0.25, 4.0), "signalsmith": (0.5, 4.0), "librosa": (0.5, 4.0)}
"""How many times as fast each engine plays at the same pitch: at least and at most, with all that one pass merges.

Measured on tones of 95 to 240 Hz: slower than these, signalsmith and librosa are 100 to 900 cents off.
"""

ENGINES = tuple(STRETCH_RANGES)
DEFAULT_ENGINE = "wsola"
NOISE_ENGINE = "signalsmith"
"""The default where noise is stretched: wsola moves what is below 75 Hz, where the rumble of a car is."""
ENGINE_MODULES = {
    "wsola": "wsola:stretch_into",
    "signalsmith": "python_stretch.Signalsmith",
    "librosa": "librosa.effects",
}
"""What each engine loads (`Parametrized.slow_modules`)."""
ENGINE_HELP = (
    "wsola (default for speech) is 10 times faster and keeps clicks sharp; signalsmith (default for noise) keeps "
    "mixtures of tones, and those below 75 Hz; librosa is the phase vocoder"
)

_PITCH_TOLERANCE = 0.000057  # 0.1 cent
_SEED = 1  # above a twofold stretch Signalsmith draws phases at random, which must be the same each time
_SIGNALSMITH_LEAD_S = 0.06
_LIBROSA_WINDOW_S = 0.064  # resolves the partials of a low voice; twice as long smears a click over 78 ms


def stretch(samples: Samples, *, num_samples: int, sample_rate: int, engine: str = DEFAULT_ENGINE) -> Samples:
    """Play faster or slower at the same pitch, so that `num_samples` come out.

    Args:
        samples: float64, shape (n,), any length.
        num_samples: length of the result; the tempo is n / num_samples.
        sample_rate: Hz; sets the window (16 ms with wsola, 0.12 s with signalsmith, 64 ms with librosa).
        engine: one of ENGINES.

    Raises:
        ValueError: unknown engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine={engine!r} is not one of {', '.join(ENGINES)}")
    if not len(samples) or not num_samples:
        return np.zeros(num_samples)
    if len(samples) == num_samples:
        return samples
    if engine == "wsola":
        return wsola.time_stretch(samples, num_samples=num_samples, sample_rate=sample_rate)
    run = _signalsmith if engine == "signalsmith" else _librosa
    return fit_length(run(samples, len(samples) / num_samples, sample_rate), num_samples)


def resample_and_stretch(
    samples: Samples,
    *,
    rate_in: float,
    rate_out: float,
    num_samples: int,
    source_rate: int,
    sample_rate: int,
    engine: str = DEFAULT_ENGINE,
) -> Samples:
    """Resample by rate_out / rate_in, and stretch the rest of the way to `num_samples`.

    The stretch is the expensive part. It runs where the sound has fewer samples; there the partials of a low voice also
    lie further apart. The ratio is rounded to a simple fraction within 0.1 cent; the length is exact all the same.

    Args:
        samples: float64, shape (n,), at `source_rate`.
        rate_in: in any unit; only its ratio to `rate_out` counts.
        rate_out: see `rate_in`.
        num_samples: length of the result.
        source_rate: Hz, of `samples`.
        sample_rate: Hz, of the result.
        engine: one of ENGINES.
    """
    rate_in, rate_out = simple_fraction(rate_in / rate_out, _PITCH_TOLERANCE)
    if rate_in >= rate_out:
        samples = resample(samples, rate_in=rate_in, rate_out=rate_out)
        return stretch(samples, num_samples=num_samples, sample_rate=sample_rate, engine=engine)
    before = int(num_samples * rate_in / rate_out + 0.5)
    samples = stretch(samples, num_samples=before, sample_rate=source_rate, engine=engine)
    return resample(samples, rate_in=rate_in, rate_out=rate_out, num_samples=num_samples)


def _signalsmith(samples: Samples, tempo: float, sample_rate: int) -> Samples:
    """Stretch with Signalsmith (float32), whose `process` removes its own latency."""
    from python_stretch.Signalsmith import Stretch  # an extension module: loaded only where it is used

    machine = Stretch(_SEED)
    machine.preset(1, sample_rate)
    machine.setTimeFactor(tempo)
    # half a window of silence on either side: without it the last 20 ms come out 3 dB too soft
    lead = round(_SIGNALSMITH_LEAD_S * sample_rate)
    padded = np.pad(samples.astype(np.float32), lead)
    out = np.asarray(machine.process(padded[np.newaxis]), dtype=np.float64).reshape(-1)
    return out[round(lead / tempo) :]


def _librosa(samples: Samples, tempo: float, sample_rate: int) -> Samples:
    """Stretch with librosa's phase vocoder, which smears onsets, and moves them up to 15 ms early if it slows down."""
    from librosa.effects import time_stretch  # loads for two seconds: only where it is used

    window = 1 << round(np.log2(_LIBROSA_WINDOW_S * sample_rate))
    padded = fit_length(samples, max(len(samples), window))
    return np.asarray(time_stretch(padded, rate=tempo, n_fft=window), dtype=np.float64)

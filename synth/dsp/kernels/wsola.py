"""Time stretching by joining similar parts of a sound (WSOLA), decided in integers.

The sound is copied as it is. Where it has drifted too far from its place, it is joined to a similar part of itself: one
or more pitch periods further on (faster), or back (slower). Similarity is measured on rounded samples, whose sums are
exact in any order, so that the joints are the same on every processor. No joint doubles or drops an onset.

Sources: Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993; joints
only where they are needed: Malah, IEEE Transactions on ASSP 27, 1979.
"""

from __future__ import annotations

from math import frexp, ldexp
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import float64, int64, types

from synth.dsp.arrays import Samples, Vector
from synth.dsp.kernels.compiler import kernel, kernel_part

_COARSE_RATE = 4000  # Hz; parts are compared at about this rate first

# Costs, in units of the mismatch: 0 is a perfect joint, 1 a joint of parts with nothing in common.
_HURRY = 4.0  # weight of the drift just before an onset, and at the end
_ONSET = 2.0  # to double or drop an onset
_CUT_END = 4.0  # to play past the end of the sound
_NO_PEAK = 0.25  # where similarity has no peak: not a period, but a slow wave
_LEAST_GAIN = 0.01  # of a joint over no joint
_TONAL = 0.3  # below this mismatch the sound is periodic
_RISE = 8  # an onset has this times the energy of what comes before


_Shorts: TypeAlias = npt.NDArray[np.int16]
_Longs: TypeAlias = npt.NDArray[np.int64]


class Sizes(NamedTuple):
    """What the kernel needs to know besides the sound; all in samples."""

    match: int  # what is compared at a joint; longer than the period of a low voice
    fade: int  # of a joint
    step: int  # between places where a joint is considered
    least_jump: int
    drift: int  # so far from its place the sound is joined even where nothing is similar
    block: int  # of the search for onsets
    factor: int  # between the fine and the coarse samples
    lead: int  # zeros before and after the rounded sound
    bits: int  # of the greatest rounded sample; a sum of `match` products fits 31 bits

    @classmethod
    def at(cls, sample_rate: int) -> Sizes:
        """Return the sizes at a rate in Hz."""
        match = round(0.016 * sample_rate)
        factor = max(sample_rate // _COARSE_RATE, 1)
        return cls(
            match=match,
            fade=round(0.008 * sample_rate),
            step=round(0.0025 * sample_rate),
            least_jump=round(0.0025 * sample_rate),
            drift=round(0.008 * sample_rate),
            block=round(0.001 * sample_rate),
            factor=factor,
            lead=-(-2 * match // factor) * factor,
            bits=min((30 - match.bit_length()) // 2, 14),
        )


class _Rounded(NamedTuple):
    """A sound in integers, with `lead` zeros before and after it; and its running energies."""

    fine: _Shorts
    fine_energy: _Longs  # at k: of the samples before k
    coarse: _Shorts
    coarse_energy: _Longs


class _Spot(NamedTuple):
    """A place where a joint is considered, and what must be observed there; all in samples except the weight."""

    source: int  # what plays here if there is no joint
    shift: int  # source - place
    target: int  # the shift without drift
    weight: float  # of the drift
    least_jump: int
    compared: int
    after: int  # no joint touches the sound before this
    until: int  # nor after this
    top: int  # greatest shift that does not play past the end


@kernel_part
def _peak(samples: Samples) -> float:
    """The greatest absolute value, in eight lanes so that the loop is vectorized."""
    lanes = np.zeros(8)
    in_lanes = samples.size // 8 * 8
    for k in range(0, in_lanes, 8):
        part = samples[k : k + 8]
        for lane in range(8):
            size = abs(part[lane])
            lanes[lane] = size if size > lanes[lane] else lanes[lane]
    top = lanes.max()
    for k in range(in_lanes, samples.size):
        top = max(top, abs(samples[k]))
    return float(top)


@kernel_part
def _rounded(samples: Samples, sizes: Sizes) -> _Rounded:
    """The sound in integers; a power of two takes its peak to between half of `bits` and all of them."""
    size = samples.size + 2 * sizes.lead
    fine = np.zeros(size, np.int16)
    fine_energy = np.empty(size + 1, np.int64)
    coarse = np.empty(size // sizes.factor, np.int16)
    coarse_energy = np.empty(coarse.size + 1, np.int64)
    scale = ldexp(1.0, sizes.bits - max(frexp(_peak(samples))[1], -1000))
    for k in range(samples.size):
        fine[sizes.lead + k] = np.int16(np.rint(samples[k] * scale))
    total = 0
    fine_energy[0] = 0
    for k in range(size):
        value = int(fine[k])
        total += value * value
        fine_energy[k + 1] = total
    shift = 0
    while 1 << shift < sizes.factor:
        shift += 1
    total = 0
    coarse_energy[0] = 0
    for k in range(coarse.size):
        value = 0
        for i in range(k * sizes.factor, (k + 1) * sizes.factor):
            value += fine[i]
        value >>= shift
        coarse[k] = value
        total += value * value
        coarse_energy[k + 1] = total
    return _Rounded(fine, fine_energy, coarse, coarse_energy)


@kernel_part
def _onsets(sound: _Rounded, num_samples: int, sizes: Sizes) -> _Longs:
    """Where blocks begin that have `_RISE` times the energy of each of the 16 before the last; at least 6 blocks apart.

    16 ms hold a period of the lowest voice, so that its pulses are no onsets.

    Returns:
        The starts of the blocks, and the greatest sample of each onset, shape (2, k).
    """
    energy = sound.fine_energy[sizes.lead :]
    block = sizes.block
    places = np.empty((2, num_samples // block // 6 + 2), np.int64)
    floor = (block << (2 * sizes.bits)) // 10_000  # 40 dB below the peak
    count = 0
    next_free = 2
    for b in range(2, num_samples // block):
        power = energy[(b + 1) * block] - energy[b * block]
        if power <= floor or b < next_free:
            continue
        before = 0
        for k in range(max(b - 17, 0), b - 1):
            before = max(before, energy[(k + 1) * block] - energy[k * block])
        if power > _RISE * before:
            top = b * block
            for k in range(b * block, min((b + 4) * block, num_samples)):
                if abs(int(sound.fine[sizes.lead + k])) > abs(int(sound.fine[sizes.lead + top])):
                    top = k
            places[0, count] = b * block
            places[1, count] = top
            count += 1
            next_free = b + 6
    return places[:, :count]


@kernel_part
def _product(samples: _Shorts, first: int, second: int, size: int) -> int:
    """The sum of products, in 32 bits so that it is vectorized; `Sizes.bits` keeps it from overflowing."""
    a = samples[first : first + size]
    b = samples[second : second + size]
    total = np.int32(0)
    for k in range(size):
        total = np.int32(total + np.int32(a[k]) * np.int32(b[k]))
    return int(total)


@kernel_part
def _compare(samples: _Shorts, energy: _Longs, first: int, second: int, count: int, size: int, scores: Vector) -> None:
    """The mismatch of the part at `first` with those at `second` + 0, 1, ...; rounding errors make no difference."""
    own = energy[first + size] - energy[first] + 2 * size
    for k in range(count):
        both = energy[second + k + size] - energy[second + k] + own
        scores[k] = (both - 2 * size - 2 * _product(samples, first, second + k, size)) / both


@kernel_part
def _correlation(samples: _Shorts, energy: _Longs, first: int, second: int, size: int) -> float:
    """Of two parts, 0 to 1."""
    product = _product(samples, first, second, size)
    if product <= 0:
        return 0.0
    power_a = float(energy[first + size] - energy[first])
    power_b = float(energy[second + size] - energy[second])
    return min(product / float(np.sqrt(power_a * power_b)), 1.0)


@kernel_part
def _cost(spot: _Spot, jump: int, sizes: Sizes) -> float:
    """The cost of a jump without the mismatch; of no jump if 0."""
    away = (spot.shift + jump - spot.target) / sizes.drift
    cost = spot.weight * away * away
    if spot.shift + jump > spot.top:
        cost += _CUT_END
    if jump and (
        spot.source < spot.after
        or spot.source + jump < spot.after
        or max(spot.source, spot.source + jump) + sizes.fade > spot.until
    ):
        cost += _ONSET * spot.weight * spot.weight  # however great the hurry
    return cost


@kernel_part
def _spot(
    place: int, shift: int, length: int, num_samples: int, onsets: _Longs, onset: int, is_locked: bool, sizes: Sizes
) -> tuple[_Spot, bool]:
    """What must be observed at a place; `onset` is the number of the next one that is not over."""
    after = onsets[0, onset - 1] + 5 * sizes.block if onset else -sizes.lead
    until = num_samples + sizes.match
    end = num_samples - length  # the shift at the end
    if onset < onsets.shape[1]:
        until = onsets[0, onset] - sizes.block
        top = onsets[1, onset]
        played = (2 * top * length + num_samples) // (2 * num_samples)
        lock = top - played
        latest = place + max(shift - lock, 0) + sizes.fade
        limit = until - lock
        if latest <= limit and (is_locked or latest + sizes.step + sizes.fade > limit):
            jump = sizes.least_jump // 8
            return _Spot(place + shift, shift, lock, _HURRY, jump, sizes.fade, after, until, num_samples), True
    if place + sizes.step + 2 * sizes.fade > length:
        return _Spot(place + shift, shift, end, _HURRY, sizes.least_jump // 8, sizes.fade, after, until, end), False
    target = (place + sizes.fade // 2) * end // length
    return _Spot(place + shift, shift, target, 1.0, sizes.least_jump, sizes.match, after, until, num_samples), False


@kernel_part
def _coarse_jump(sound: _Rounded, spot: _Spot, num_samples: int, sizes: Sizes, scores: Vector) -> tuple[int, float]:
    """The best jump among multiples of the decimation that bring the sound nearer to its place; and its cost."""
    factor = sizes.factor
    reach = min(abs(spot.shift - spot.target), 3 * sizes.drift)
    source = min(spot.source, num_samples)
    low = max(spot.target - reach - spot.shift, -spot.source - sizes.match)
    high = min(spot.target + reach - spot.shift, num_samples - sizes.fade - spot.source)
    low = -(-low // factor)
    high = high // factor
    if spot.weight == 1.0 and spot.shift > spot.target:
        high = min(high, -(spot.least_jump // factor))
    elif spot.weight == 1.0:
        low = max(low, spot.least_jump // factor)
    count = high - low + 1
    best = np.inf
    best_jump = 0
    if count <= 0:
        return best_jump, best
    first = (sizes.lead + source) // factor
    second = (sizes.lead + spot.source) // factor + low
    _compare(sound.coarse, sound.coarse_energy, first, second, count, spot.compared // factor, scores)
    for k in range(count):
        jump = (low + k) * factor
        if abs(jump) < spot.least_jump:
            continue
        cost = scores[k] + _cost(spot, jump, sizes)
        if (k > 0 and scores[k - 1] < scores[k]) or (k + 1 < count and scores[k + 1] < scores[k]):
            cost += _NO_PEAK
        if cost < best:
            best = cost
            best_jump = jump
    return best_jump, best


@kernel_part
def _fine_jump(
    sound: _Rounded, spot: _Spot, near: int, num_samples: int, sizes: Sizes, owed: float, scores: Vector
) -> tuple[int, float, float]:
    """The best jump within one coarse sample of `near`, its cost, and the part of a sample that jumps still owe.

    A period is no whole number of samples. What the jumps so far were too short or too long is made up for, as soon as
    it is half a sample: else a high voice would be 10 cents off.
    """
    source = min(spot.source, num_samples)
    first = near - sizes.factor
    last = min(near + sizes.factor, num_samples - sizes.fade - spot.source)
    second = sizes.lead + spot.source + first
    _compare(sound.fine, sound.fine_energy, sizes.lead + source, second, last - first + 1, spot.compared, scores)
    best = np.inf
    jump = 0
    for candidate in range(first, last + 1):
        cost = scores[candidate - first]
        if spot.weight != 1.0:
            cost += _cost(spot, candidate, sizes)  # else the drift would pull jumps away from the period
        if cost < best:
            best = cost
            jump = candidate
    k = jump - first
    best = scores[k] + _cost(spot, jump, sizes)
    if not 0 < k < last - first or scores[k] > _TONAL:
        return jump, best, 0.0
    bend = scores[k - 1] - 2.0 * scores[k] + scores[k + 1]
    if bend > 0.0:
        owed += 0.5 * (scores[k - 1] - scores[k + 1]) / bend
    if owed > 0.5 and scores[k + 1] < scores[k] + 0.1:
        return jump + 1, best, min(owed - 1.0, 1.0)
    if owed < -0.5 and scores[k - 1] < scores[k] + 0.1:
        return jump - 1, best, max(owed + 1.0, -1.0)
    return jump, best, min(max(owed, -1.0), 1.0)


@kernel_part
def _join(samples: Samples, first: int, second: int, place: int, size: int, correlation: float, out: Samples) -> None:
    """Fade from the part at `first` to the one at `second`, at constant power whatever they have in common."""
    for k in range(size):
        t = (k + 0.5) / size
        w = t * t * (3.0 - 2.0 * t)
        v = 1.0 - w
        old = samples[first + k] if first + k < samples.size else 0.0
        new = samples[second + k] if second + k >= 0 else 0.0
        out[place + k] = (v * old + w * new) / np.sqrt(v * v + w * w + 2.0 * correlation * v * w)


@kernel_part
def _copy(samples: Samples, first: int, place: int, end: int, out: Samples) -> None:
    """Fill out[place:end] with the samples from `first` on, as far as there are any."""
    for k in range(max(-first, 0), min(end - place, samples.size - first)):
        out[place + k] = samples[first + k]


@kernel(
    types.Tuple((float64[::1], int64))(
        types.Array(float64, 1, "C", readonly=True), int64, types.NamedUniTuple(int64, len(Sizes._fields), Sizes)
    )
)
def _stretched(samples: Samples, length: int, sizes: Sizes) -> tuple[Samples, int]:
    """The stretched sound, shape (length,), and its number of joints."""
    num_samples = samples.size
    sound = _rounded(samples, sizes)
    onsets = _onsets(sound, num_samples, sizes)
    out = np.zeros(length)
    scores = np.empty(6 * sizes.drift // sizes.factor + 2 * sizes.factor + 8)
    place = shift = joints = filled = onset = 0
    owed = patience = 0.0
    locked = -1
    while num_samples >= sizes.match and place + sizes.fade <= length:
        while onset < onsets.shape[1] and onsets[0, onset] + 5 * sizes.block < place + shift:
            onset += 1
        spot, locks = _spot(place, shift, length, num_samples, onsets, onset, locked == onset, sizes)
        if locks:
            locked = onset
        stay = _cost(spot, 0, sizes) - _LEAST_GAIN
        if stay <= 0.0 or (spot.weight == 1.0 and stay < patience):
            place += sizes.step
            continue
        jump, cost = _coarse_jump(sound, spot, num_samples, sizes, scores)
        if cost < stay:
            jump, cost, still_owed = _fine_jump(sound, spot, jump, num_samples, sizes, owed, scores)
        elif spot.weight == 1.0 and cost < np.inf:
            patience = 0.5 * cost  # until it has drifted that far, looking again is in vain, or nearly so
        if cost >= stay or not jump:
            place += sizes.step
            continue
        owed = still_owed
        patience = 0.0
        _copy(samples, filled + shift, filled, place, out)
        source = min(spot.source, num_samples)
        correlation = _correlation(
            sound.fine, sound.fine_energy, sizes.lead + source, sizes.lead + spot.source + jump, sizes.fade
        )
        _join(samples, spot.source, spot.source + jump, place, sizes.fade, correlation, out)
        shift += jump
        joints += 1
        filled = place = place + sizes.fade
    _copy(samples, filled + shift, filled, length, out)
    return out, joints


def time_stretch(samples: Samples, *, num_samples: int, sample_rate: int) -> Samples:
    """Stretch a sound to a length, at the same pitch.

    Position j of the result plays what is at j * n / num_samples in the sound, within 10 ms where it can. An onset
    after a pause is exactly in its place.

    Args:
        samples: float64, shape (n,), finite; n > 0.
        num_samples: length of the result, above 0.
        sample_rate: Hz, 4000 or more.

    Returns:
        float64, shape (num_samples,).
    """
    out: Samples = _stretched(samples, num_samples, Sizes.at(sample_rate))[0]
    return out

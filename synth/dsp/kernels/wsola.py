"""Time stretching by joining similar parts of a sound (WSOLA), decided in integers.

The sound is copied as it is. Where it has drifted too far from its place, it is joined to a similar part of itself: one
or more pitch periods further on (faster), or back (slower). Similarity is measured on rounded samples, whose sums are
exact in any order, so that the joints are the same on every processor. No joint doubles or drops an onset.

Sources: Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993; joints
only where they are needed: Malah, IEEE Transactions on ASSP 27, 1979.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import float64, int16, int64, types

from synth.dsp.arrays import Samples, Vector
from synth.dsp.kernels.compiler import kernel, kernel_part
from synth.dsp.stretch_sizes import Sizes

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
def _round(samples: Samples, scale: float, sizes: Sizes, sound: _Rounded) -> None:
    """Fill in the sound in integers and its energies."""
    fine, coarse = sound.fine, sound.coarse
    for k in range(fine.size):
        fine[k] = 0
    inside = fine[sizes.lead : sizes.lead + samples.size]
    for k in range(samples.size):
        inside[k] = np.int16(np.rint(samples[k] * scale))
    total = 0
    sound.fine_energy[0] = 0
    for k in range(fine.size):
        value = int(fine[k])
        total += value * value
        sound.fine_energy[k + 1] = total
    shift = 0
    while 1 << shift < sizes.factor:
        shift += 1
    total = 0
    sound.coarse_energy[0] = 0
    for k in range(coarse.size):
        value = 0
        for i in range(k * sizes.factor, (k + 1) * sizes.factor):
            value += fine[i]
        value >>= shift
        coarse[k] = value
        total += value * value
        sound.coarse_energy[k + 1] = total


@kernel_part
def _find_onsets(sound: _Rounded, num_samples: int, sizes: Sizes, onsets: _Longs) -> None:
    """Fill in where blocks begin that have `_RISE` times the energy of each of the 16 before the last.

    16 ms hold a period of the lowest voice, so that its pulses are no onsets. They are at least 6 blocks apart. The
    second row of `onsets` is the greatest sample of each. The last onset is one that never comes.
    """
    energy = sound.fine_energy[sizes.lead :]
    block = sizes.block
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
            onsets[0, count] = b * block
            onsets[1, count] = top
            count += 1
            next_free = b + 6
    onsets[0, count] = onsets[1, count] = num_samples + sizes.match + block


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
    return min(product / sqrt(power_a * power_b), 1.0)


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
    until = onsets[0, onset] - sizes.block
    end = num_samples - length  # the shift at the end
    if until < num_samples:
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
    into = out[place : place + size]
    if second >= 0 and 0 <= first <= samples.size - size:
        old, new = samples[first : first + size], samples[second : second + size]
        for k in range(size):
            t = (k + 0.5) / size
            w = t * t * (3.0 - 2.0 * t)
            v = 1.0 - w
            into[k] = (v * old[k] + w * new[k]) / sqrt(v * v + w * w + 2.0 * correlation * v * w)
        return
    for k in range(size):  # a part sticks out into the silence before or after the sound
        t = (k + 0.5) / size
        w = t * t * (3.0 - 2.0 * t)
        v = 1.0 - w
        total = 0.0
        if 0 <= first + k < samples.size:
            total += v * samples[first + k]
        if second + k >= 0:
            total += w * samples[second + k]
        into[k] = total / sqrt(v * v + w * w + 2.0 * correlation * v * w)


@kernel_part
def _copy(samples: Samples, first: int, place: int, end: int, out: Samples) -> None:
    """Fill out[place:end] with the samples from `first` on, and with silence where there are none."""
    start = min(max(-first, 0), end - place)
    stop = max(min(end - place, samples.size - first), start)
    for k in range(place, place + start):
        out[k] = 0.0
    if stop > start:
        into, part = out[place + start : place + stop], samples[first + start : first + stop]
        for k in range(part.size):
            into[k] = part[k]
    for k in range(place + stop, end):
        out[k] = 0.0


_floats = types.Array(float64, 1, "C", readonly=True)


@kernel(
    int64(
        _floats,
        float64,
        int64[::1],
        int16[::1],
        int64[::1],
        int16[::1],
        int64[::1],
        int64[:, ::1],
        float64[::1],
        float64[::1],
    )
)
def stretch_into(
    samples: Samples,
    scale: float,
    lengths: _Longs,
    fine: _Shorts,
    fine_energy: _Longs,
    coarse: _Shorts,
    coarse_energy: _Longs,
    onsets: _Longs,
    scores: Vector,
    out: Samples,
) -> int:
    """Stretch a sound so that it fills an array.

    The arrays between are of any content; a kernel that makes arrays would need numba at run time.

    Args:
        samples: float64, shape (n,), finite.
        scale: a power of two; no sample times this may be above 2 ** bits.
        lengths: int64, the fields of Sizes in their order.
        fine: int16, shape (n + 2 * lead,).
        fine_energy: int64, shape (n + 2 * lead + 1,).
        coarse: int16, shape (c,), where c = (n + 2 * lead) // factor.
        coarse_energy: int64, shape (c + 1,).
        onsets: int64, shape (2, n // block // 6 + 2).
        scores: float64, shape (6 * drift // factor + 2 * factor + 8,).
        out: float64, shape (length,): gets the result.

    Returns:
        The number of joints.
    """
    sizes = Sizes(
        lengths[0], lengths[1], lengths[2], lengths[3], lengths[4], lengths[5], lengths[6], lengths[7], lengths[8]
    )
    num_samples, length = samples.size, out.size
    sound = _Rounded(fine, fine_energy, coarse, coarse_energy)
    _round(samples, scale, sizes, sound)
    _find_onsets(sound, num_samples, sizes, onsets)
    place = shift = joints = filled = onset = 0
    owed = patience = 0.0
    locked = -1
    while num_samples >= sizes.match and place + sizes.fade <= length:
        while onsets[0, onset] + 5 * sizes.block < min(place + shift, num_samples):
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
    return joints

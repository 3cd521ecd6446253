"""Two small models: random features, and patches as a convolutional net has them; both with ridge regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from .features import BANDS, BINS
from .sets import Clips, Pictures

Digits = npt.NDArray[np.int64]
Guess = Callable[[Pictures], Digits]
Features = Callable[[Pictures], Pictures]
_RANDOM, _RANDOM_RIDGE = 1500, 30.0
_PATCH = (5, 9)  # bins of time, bands
_PATCHES, _PATCH_RIDGE, _THRESHOLD, _POOLS = 96, 300.0, 0.5, (4, 3)
_AT_ONCE = 100


def random_features(clips: Clips, seed: int) -> Guess:
    """1500 random ReLU features of the whole picture (by the idea of Rahimi and Recht 2007)."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 11]))
    size = clips.pictures.shape[1]
    into = (rng.standard_normal((size, _RANDOM)) / np.sqrt(size)).astype(np.float32)
    shift = rng.uniform(-1, 1, _RANDOM).astype(np.float32)
    scale = _scale_of(clips.pictures, np.float32(0.05))
    return _ridge(clips, lambda pictures: np.maximum(scale(pictures) @ into + shift, 0), _RANDOM_RIDGE)


def patch_features(clips: Clips, seed: int) -> Guess:
    """96 whitened patches of training pictures, held against every place of a picture, both signs, rectified, and
    averaged over 4 x 3 regions (Coates, Lee and Ng 2011: one layer without back-propagation)."""
    rng = np.random.Generator(np.random.Philox(key=[seed, 12]))
    filters = _filters(clips.pictures, rng)

    def raw(pictures: Pictures) -> Pictures:
        return np.concatenate([_pooled(some, filters) for some in _batches(pictures)])

    scale = _scale_of(raw(clips.pictures[:1000]), np.float32(1e-3))
    return _ridge(clips, lambda pictures: scale(raw(pictures)), _PATCH_RIDGE)


MODELS: dict[str, Callable[[Clips, int], Guess]] = {"random": random_features, "patches": patch_features}
"""The second is the stronger."""


def _ridge(clips: Clips, features: Features, strength: float) -> Guess:
    """Least squares on the ten digits as one-hot vectors, with a penalty on the square of the weights."""

    def with_one(pictures: Pictures) -> Pictures:
        return np.pad(features(pictures), ((0, 0), (0, 1)), constant_values=1.0)

    seen = with_one(clips.pictures)
    wanted = (np.eye(10) - 0.1)[clips.digits].astype(np.float32)
    square = (seen.T @ seen).astype(np.float64) + strength * np.eye(seen.shape[1])
    weights = np.linalg.solve(square, (seen.T @ wanted).astype(np.float64)).astype(np.float32)
    return lambda pictures: np.argmax(with_one(pictures) @ weights, axis=1)


def _scale_of(values: Pictures, least: np.float32) -> Features:
    """Each column to mean 0 and SD 1, as in `values`."""
    mean, sd = values.mean(axis=0), values.std(axis=0) + least
    return lambda others: (others - mean) / sd


def _patches(pictures: Pictures) -> Pictures:
    """(n, places in time, places in frequency, size of a patch)."""
    windows = sliding_window_view(pictures.reshape(-1, BINS, BANDS), _PATCH, axis=(1, 2))
    flat: Pictures = windows.reshape(*windows.shape[:3], -1)
    return flat


def _filters(pictures: Pictures, rng: np.random.Generator) -> Pictures:
    """(size of a patch, filters): patches drawn from the pictures, whitened."""
    some = _patches(pictures[rng.permutation(len(pictures))[:400]]).reshape(-1, _PATCH[0] * _PATCH[1])
    some = some[rng.permutation(len(some))[:20_000]].astype(np.float64)
    some -= some.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.cov(some.T))
    whiten = (vectors / np.sqrt(np.maximum(values, 0) + 0.05)) @ vectors.T
    chosen = some[:_PATCHES] @ whiten
    filters = whiten @ (chosen / np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-6)).T
    centred: Pictures = (filters - filters.mean(axis=0)).astype(np.float32)
    return centred


def _pooled(pictures: Pictures, filters: Pictures) -> Pictures:
    answers = _patches(pictures) @ filters
    both = np.concatenate([np.maximum(answers - _THRESHOLD, 0), np.maximum(-answers - _THRESHOLD, 0)], axis=-1)
    regions = [
        both[:, times[0] : times[-1] + 1, bands[0] : bands[-1] + 1].mean(axis=(1, 2))
        for times in np.array_split(np.arange(both.shape[1]), _POOLS[0])
        for bands in np.array_split(np.arange(both.shape[2]), _POOLS[1])
    ]
    return np.hstack(regions)


def _batches(pictures: Pictures) -> Iterator[Pictures]:
    for begin in range(0, len(pictures), _AT_ONCE):
        yield pictures[begin : begin + _AT_ONCE]

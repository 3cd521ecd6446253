"""The groups of dev that a fit does not see, and is judged on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from synth.draws import generator

HELD_OUT = 0.3
"""Share of the groups and of the clips: enough for an AUC, and most clips remain to fit to."""


def held_out_split(groups: Sequence[str], *, seed: int) -> tuple[list[int], list[int]]:
    """Split clips by group.

    Args:
        groups: the group of each clip. If there is only one, its clips are split, for what that is worth.
        seed: random seed.

    Returns:
        (indices to fit to, held-out indices): about 30 % of the groups and of the clips are held out, and no group is
        on both sides.
    """
    sizes = Counter(groups)
    names = sorted(sizes)
    rng = generator(seed, "fit.held_out")
    if len(names) < 2:
        order = rng.permutation(len(groups))
        cut = max(1, round(HELD_OUT * len(groups)))
        return sorted(order[cut:].tolist()), sorted(order[:cut].tolist())
    held_out: set[str] = set()
    count = 0
    for name in (names[k] for k in rng.permutation(len(names))):
        if count + sizes[name] / 2 <= HELD_OUT * len(groups) or not held_out:
            held_out.add(name)
            count += sizes[name]
        if len(held_out) == len(names) - 1:
            break
    sides: tuple[list[int], list[int]] = ([], [])
    for index, group in enumerate(groups):
        sides[group in held_out].append(index)
    return sides

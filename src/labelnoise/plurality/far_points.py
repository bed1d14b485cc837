"""How many points of the circle matter, for each row: a bound on the integrand that falls with the angle.

At the angle phi, with m the mean of X_j, the sum E = sum over i < a of Pr(X_j = i) w^i is

- at most Pr(X_j < a), its value at w = 1;
- at most exp(m (cos phi - 1)), the absolute value of the whole series, plus that of the terms from a on; and these are
  at most Pr(X_j >= a), and at most their largest one over sin(phi/2) (summation by parts; Poisson probabilities rise to
  their mode and fall after it). If the mode comes after a, E itself is at most Pr(X_j = a) over sin(phi/2).

All of these fall as phi grows from 0 to pi. So once the bound of the integrand is negligible at a point, it is at all
points after it. (That the integrand has become small is no reason to stop: it comes back near phi = 2 pi/m.) The bound
is computed for eight blocks of points at once, at the first point of each, for steps of several a.
"""

from __future__ import annotations

from labelnoise.compiled import compiled
from labelnoise.vectors import (
    WIDTH,
    divide,
    exp,
    fill,
    fill_from,
    load,
    maximum,
    minimum,
    pointer,
    read,
    square_root,
    store,
    write,
)

MOST_BOUNDED = 15
"""Number of competitors that the bound uses; the factors of the others are at most 1."""
MOST_STEPS = 64
_ROUNDING = 1 + 1e-9
_TAIL = WIDTH * (MOST_BOUNDED + 1)
_LARGEST = _TAIL + 2 * WIDTH
_BELOW = _LARGEST + 3 * WIDTH
ROOM = _BELOW + 2 * WIDTH * MOST_STEPS
"""Room that `blocks_needed` needs."""

_jit = compiled(inner=True, error_model="numpy")


@_jit
def _add_up_to(terms, stride, n_lanes, first, start, stop, step, below):
    """Write Pr(X_j < top) to below[16 * s + j] for the top of every step s, from `stop` down; return their number."""
    n_steps = (stop - start + step - 1) // step
    low, high, i = fill(0.0), fill(0.0), first
    for s in range(n_steps - 1, -1, -1):
        while i < stop - step * s:
            low = low + load(terms, stride * i)
            if n_lanes > WIDTH:
                high = high + load(terms, stride * i + WIDTH)
            i += 1
        store(below, 16 * s, low * fill(_ROUNDING))
        store(below, 16 * s + WIDTH, high * fill(_ROUNDING))
    return n_steps


@_jit
def blocks_needed(
    n_blocks, cosines, mean, power, merged_mean, excess, n, first, start, stop, terms, stride, limit, room
):
    """Return how many blocks of points matter.

    Parameters
    ----------
    n_blocks : int
        Number of all blocks.
    cosines : pointer
        To cos phi - 1 of the first point of every block.
    mean : pointer
        To the mean of X_j; y is j = 0.
    power : pointer
        How many classes competitor j stands for.
    merged_mean, excess : float
        The common factor is at most exp(merged_mean (cos phi - 1) + excess), and at most 1.
    n : int
        Number of competitors.
    first, start, stop : int
        The first a in `terms`, and the range of a in the integral.
    terms, stride : pointer, int
        Pr(X_j = a) at ``stride * a + j``.
    limit : float
        Largest negligible value.
    room : pointer
        To `ROOM` numbers to work in.
    """
    if n_blocks <= 1:
        return n_blocks
    whole, tail, largest, below = room, pointer(room, _TAIL), pointer(room, _LARGEST), pointer(room, _BELOW)
    n = min(n, MOST_BOUNDED)
    n_lanes = WIDTH if n < WIDTH else 2 * WIDTH
    step = 4
    while stop - start > step * (MOST_STEPS - 1):
        step *= 2
    n_steps = _add_up_to(terms, stride, n_lanes, first, start, stop, step, below)
    for block in range(0, n_blocks, WIDTH):
        cosine = load(cosines, block)
        inverse_sine = divide(fill(1.0), square_root(cosine * fill(-0.5)))
        for j in range(1, n + 1):
            store(whole, WIDTH * j, exp(fill_from(mean, j) * cosine))
            # The terms from `stop` on fall at least as fast as a geometric series.
            beyond = read(terms, stop * stride + j) * (stop + 1) / (stop + 1 - read(mean, j))
            write(tail, j, beyond if stop > read(mean, j) else 1.0)
        total, a = fill(0.0), stop
        for s in range(n_steps):
            least = max(start, a - step)
            for lane in range(0, n_lanes, WIDTH):
                sums, peak = fill(0.0), fill(0.0)
                for i in range(least, a):
                    sums = sums + load(terms, stride * i + lane)
                for i in range(max(least - 1, first), a + 1):
                    peak = maximum(peak, load(terms, stride * i + lane))
                store(tail, lane, load(tail, lane) + sums)
                store(largest, lane, peak)
                if lane == 0:
                    product = sums
            store(largest, 16, product)
            product = fill_from(largest, 16)  # Pr(X_y = a), added up over the step
            for j in range(1, n + 1):
                rest = minimum(inverse_sine * fill_from(largest, j), fill_from(tail, j))
                factor = minimum(load(whole, WIDTH * j) + rest, fill_from(below, 16 * s + j))
                product = product * factor
                for _ in range(1, read(power, j)):
                    product = product * factor
            total, a = total + product, least
        total = total * exp(minimum(fill(merged_mean) * cosine + fill(excess), fill(0.0)))
        store(largest, 0, total)
        for lane in range(WIDTH):
            if block + lane > 0 and (block + lane >= n_blocks or read(largest, lane) < limit):
                return min(block + lane, n_blocks)
    return n_blocks

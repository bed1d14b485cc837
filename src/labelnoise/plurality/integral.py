"""The sum over a and over the points of the circle."""

from __future__ import annotations

from labelnoise.compiled import compiled
from labelnoise.plurality.integrand import (
    add_all,
    add_one,
    add_two,
    multiply_common,
    multiply_nodes,
    multiply_one,
    multiply_power,
    multiply_two,
    start_common,
    start_plain,
    start_products,
    start_sums,
)
from labelnoise.vectors import WIDTH, add_up, fill, load, pointer, read, store

CHUNK, NODE_CHUNK = 32, 8
"""Numbers of votes worked on at once, so that their products stay in the processor's first cache."""

_jit = compiled(inner=True, error_model="numpy")


@_jit
def _multiply_competitors(powers, a, end, terms, stride, n, power, ahead, sums, products, common, total):
    """Multiply by competitors n, ..., 2, 1 and add to `total`."""
    j = n
    while j > 0:
        if read(power, j) > 1:
            multiply_power(powers, a, end, terms, stride, j, read(power, j), read(ahead, j), sums, products)
            j -= 1
        elif j == 1:
            add_one(powers, a, end, terms, stride, read(ahead, 1), sums, products, common, total)
            return
        elif read(power, j - 1) > 1:
            multiply_one(powers, a, end, terms, stride, j, read(ahead, j), sums, products)
            j -= 1
        elif j == 2:
            add_two(powers, a, end, terms, stride, read(ahead, 2), read(ahead, 1), sums, products, common, total)
            return
        else:
            multiply_two(powers, a, end, terms, stride, j, read(ahead, j), read(ahead, j - 1), sums, products)
            j -= 2
    add_all(products, end - a, common, total)


@_jit
def _multiply_competitors_at_nodes(powers, a, end, terms, stride, n, power, nodes, sums, products, common, total):
    """Do the same at every node of the tie rule."""
    node_at, n_nodes, z, _ = nodes
    for j in range(n, 0, -1):
        multiply_nodes(powers, a, end, terms, stride, j, read(power, j), sums, node_at, n_nodes, z, products)
    n_products = 0
    for i in range(a, end):
        n_products += read(n_nodes, i)
    add_all(products, n_products, common, total)


@_jit
def integrate(circle, n_blocks, at_nodes, n, first, start, stop, merged_mean, votes, nodes, group, room, out):
    """Add the sum over start <= a < stop and over the first `n_blocks` blocks of points to `out`, for each k.

    Parameters
    ----------
    circle : tuple
        Pointers to the powers of the points, their cosines minus 1, their sines and the readout, and the numbers of
        powers and of all blocks; see `plan.Plan`.
    n_blocks : int
        Number of blocks.
    at_nodes : None or bool
        None if the tie rule has a single node.
    n, first, start, stop : int
        Number of competitors, the first a in `terms`, and the range of a.
    merged_mean : float
        The mean of the classes that cannot reach a.
    votes : tuple
        Pointers to the terms, for each competitor to its power, whether it runs ahead, and where it freezes, and the
        stride of the terms.
    nodes : tuple of pointers
        The nodes of the tie rule; see `start_products`.
    group : PowerSums or None
        The series of weak classes.
    room : tuple of pointers
        Room for the sums, the products, the common factor, and the totals of all blocks.
    out : array
    """
    powers, cosine_minus_1, sine, readout, n_powers, all_blocks = circle
    terms, power, ahead, frozen, stride = votes
    sums, products, common, totals = room
    if at_nodes is None:
        chunk = CHUNK
    else:
        chunk = NODE_CHUNK
    small_classes = False
    if group is not None:
        small_classes = group.n_terms[start] > 0
    for block in range(n_blocks):
        start_sums(powers, first, start, terms, stride, n, ahead, sums)
        start_common(merged_mean, pointer(cosine_minus_1, WIDTH * block), pointer(sine, WIDTH * block), common)
        total = pointer(totals, 2 * WIDTH * block)
        store(total, 0, fill(0.0))
        store(total, WIDTH, fill(0.0))
        a, active = start, n
        while a < stop:
            while active > 0 and read(frozen, active) <= a:
                multiply_common(sums, active, read(power, active), common)
                active -= 1
            end = min(stop, a + chunk)
            if active > 0:
                end = min(end, read(frozen, active))
            if at_nodes is None:
                if small_classes:
                    start_products(powers, a, end, terms, stride, nodes, group, products)
                else:
                    start_plain(powers, a, end, terms, stride, products)
                _multiply_competitors(
                    powers, a, end, terms, stride, active, power, ahead, sums, products, common, total
                )
            else:
                start_products(powers, a, end, terms, stride, nodes, group, products)
                _multiply_competitors_at_nodes(
                    powers, a, end, terms, stride, active, power, nodes, sums, products, common, total
                )
            a = end
        powers = pointer(powers, 2 * WIDTH * n_powers)
    for i in range(len(out)):
        re = im = fill(0.0)
        for at in range(0, 2 * WIDTH * n_blocks, 2 * WIDTH):
            re = re + load(totals, at) * load(readout, at)
            im = im + load(totals, at + WIDTH) * load(readout, at + WIDTH)
        out[i] += add_up(re + im)
        readout = pointer(readout, 2 * WIDTH * all_blocks)

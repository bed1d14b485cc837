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
    multiply_two,
    start_common,
    start_plain,
    start_products,
    start_sums,
)
from labelnoise.plurality.vectors import WIDTH, add_up, fill, load, store

STRICT, LOWEST, RANDOM = 0, 1, 2
CHUNK, NODE_CHUNK = 32, 8
"""Numbers of votes worked on at once, so that their products stay in the processor's first cache."""

_jit = compiled(inner=True, error_model="numpy")


@_jit
def _multiply_competitors(powers, row, a, end, terms, stride, n, ahead, sums, products, common, total):
    """Multiply by competitors n, ..., 2, 1 and add to `total`."""
    j = n
    if j % 2 == 1 and j > 1:
        multiply_one(powers, row, a, end, terms, stride, j, ahead[j], sums, products)
        j -= 1
    while j > 2:
        multiply_two(powers, row, a, end, terms, stride, j, ahead[j], ahead[j - 1], sums, products)
        j -= 2
    if j == 2:
        add_two(powers, row, a, end, terms, stride, ahead[2], ahead[1], sums, products, common, total)
    elif j == 1:
        add_one(powers, row, a, end, terms, stride, ahead[1], sums, products, common, total)
    else:
        add_all(products, end - a, common, total)


@_jit
def _multiply_competitors_at_nodes(powers, row, a, end, terms, stride, n, nodes, sums, products, common, total):
    """Do the same at every node of the tie rule."""
    node_at, n_nodes, z = nodes
    for j in range(n, 0, -1):
        multiply_nodes(powers, row, a, end, terms, stride, j, sums, node_at, n_nodes, z, products)
    n_products = 0
    for i in range(a, end):
        n_products += n_nodes[i]
    add_all(products, n_products, common, total)


@_jit
def integrate(plans, r, n_blocks, ties, n, first, start, stop, stride, merged_mean, z, weight, series, scratch, out):
    """Add the sum over start <= a < stop and over the first `n_blocks` blocks of points to `out`, for each k."""
    powers, terms, sums, products, ahead = plans.powers, scratch.terms, scratch.sums, scratch.products, scratch.ahead
    n_nodes, node_at, frozen = scratch.n_nodes, scratch.node_at, scratch.frozen
    common, total = scratch.factors[: 2 * WIDTH], scratch.factors[2 * WIDTH :]
    n_k = plans.k_at[r + 1] - plans.k_at[r]
    plain = ties != RANDOM and series[2][start] == 0
    chunk = NODE_CHUNK if ties == RANDOM else CHUNK
    for block in range(n_blocks):
        row = plans.power_at[r] + 2 * WIDTH * block * plans.n_powers[r]
        start_sums(powers, row, first, start, terms, stride, n, ahead, sums)
        start_common(merged_mean, plans.cosine_minus_1, plans.sine, plans.point_at[r] + WIDTH * block, common)
        store(total, 0, fill(0.0))
        store(total, WIDTH, fill(0.0))
        a, active = start, n
        while a < stop:
            while active > 0 and frozen[active - 1] <= a:
                multiply_common(sums, active, common)
                active -= 1
            end = min(stop, a + chunk)
            if active > 0:
                end = min(end, frozen[active - 1])
            if plain:
                start_plain(powers, row, a, end, terms, stride, products)
            else:
                start_products(powers, row, a, end, terms, stride, node_at, n_nodes, weight, series, products)
            if ties == RANDOM:
                nodes = (node_at, n_nodes, z)
                _multiply_competitors_at_nodes(
                    powers, row, a, end, terms, stride, active, nodes, sums, products, common, total
                )
            else:
                _multiply_competitors(powers, row, a, end, terms, stride, active, ahead, sums, products, common, total)
            a = end
        re, im = load(total, 0), load(total, WIDTH)
        at = plans.readout_at[r] + 2 * WIDTH * block * n_k
        for i in range(n_k):
            part = re * load(plans.readout, at + 2 * WIDTH * i)
            out[i] += add_up(part + im * load(plans.readout, at + 2 * WIDTH * i + WIDTH))

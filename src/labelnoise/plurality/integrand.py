"""The values of the contour integral's integrand at eight points of the circle at a time.

At a point w, and for a votes of the wanted class y, the integrand is Pr(X_y = a) w^a times one factor per competitor,
E_j(w) = sum over i < a of Pr(X_j = i) w^i. The functions here work on a few consecutive a at once. They start with the
factors that all competitors share, multiply in one or two competitors after the other, and add up. So the loops over a
are long, the sums E_j stay in registers, and one compiled loop serves any number of competitors.

Layout of the memory behind the pointers: a complex number at eight points takes 16 doubles, eight real parts and eight
imaginary parts. ``powers[16 * a]`` is w^a. ``terms[stride * a + j]`` is Pr(X_j = a); j = 0 is y, and the competitors
follow from the largest to the smallest. ``sums[16 * j]`` is E_j. ``products`` holds one number per a and node of the
tie rule. A competitor may stand for several equal classes (`clusters`), and its factor is then a power of E_j.
"""

from __future__ import annotations

from labelnoise.compiled import compiled
from labelnoise.vectors import cos_sin, exp, fill, fill_from, load, read, store

_jit = compiled(inner=True, error_model="numpy")


@_jit
def start_sums(powers, first, stop, terms, stride, n_competitors, ahead, sums):
    """Set E_j to the sum over first <= i < stop, four competitors at a time."""
    j = 1
    while j + 3 <= n_competitors:
        re0 = im0 = re1 = im1 = re2 = im2 = re3 = im3 = fill(0.0)
        for i in range(first, stop):
            w_re, w_im, at = load(powers, 16 * i), load(powers, 16 * i + 8), stride * i + j
            t = fill_from(terms, at)
            re0, im0 = re0 + t * w_re, im0 + t * w_im
            t = fill_from(terms, at + 1)
            re1, im1 = re1 + t * w_re, im1 + t * w_im
            t = fill_from(terms, at + 2)
            re2, im2 = re2 + t * w_re, im2 + t * w_im
            t = fill_from(terms, at + 3)
            re3, im3 = re3 + t * w_re, im3 + t * w_im
        store(sums, 16 * j, re0)
        store(sums, 16 * j + 8, im0)
        store(sums, 16 * j + 16, re1)
        store(sums, 16 * j + 24, im1)
        store(sums, 16 * j + 32, re2)
        store(sums, 16 * j + 40, im2)
        store(sums, 16 * j + 48, re3)
        store(sums, 16 * j + 56, im3)
        j += 4
    while j <= n_competitors:
        re0 = im0 = fill(0.0)
        for i in range(first, stop):
            t = fill_from(terms, stride * i + j)
            re0, im0 = re0 + t * load(powers, 16 * i), im0 + t * load(powers, 16 * i + 8)
        store(sums, 16 * j, re0)
        store(sums, 16 * j + 8, im0)
        j += 1
    for j in range(1, n_competitors + 1):
        if read(ahead, j):
            t = fill_from(terms, stride * stop + j)
            store(sums, 16 * j, load(sums, 16 * j) + t * load(powers, 16 * stop))
            store(sums, 16 * j + 8, load(sums, 16 * j + 8) + t * load(powers, 16 * stop + 8))


@_jit
def start_common(mean, cosine_minus_1, sine, common):
    """Set the shared factor to exp(mean (w - 1)), the whole Poisson series of the classes that cannot reach a."""
    size, (turn_re, turn_im) = exp(fill(mean) * load(cosine_minus_1, 0)), cos_sin(fill(mean) * load(sine, 0))
    store(common, 0, size * turn_re)
    store(common, 8, size * turn_im)


@_jit
def _times_power(re, im, base_re, base_im, power):
    """Return a complex number times another one to the power of `power`, by repeated squaring."""
    while True:
        if power & 1:
            re, im = re * base_re - im * base_im, re * base_im + im * base_re
        power >>= 1
        if power == 0:
            return re, im
        base_re, base_im = (base_re - base_im) * (base_re + base_im), (base_re + base_re) * base_im


@_jit
def multiply_common(sums, j, power, common):
    """Move the factor of a competitor that no longer changes into the shared one."""
    re, im = _times_power(load(common, 0), load(common, 8), load(sums, 16 * j), load(sums, 16 * j + 8), power)
    store(common, 0, re)
    store(common, 8, im)


@_jit
def start_products(powers, first, stop, terms, stride, nodes, group, products):
    """Set the products to the node's weight times Pr(X_y = a) w^a times the factors of the small classes.

    `nodes` holds for each a the first node and their number, and for each node z and its weight. `group` is None where
    there are no small classes. Else it holds, for each a and node, the coefficients d_n of log factor = sum over a <= n
    < a + n_terms of d_n w^n; see `small_classes.PowerSums`.
    """
    node_at, n_nodes, _, weight = nodes
    slot = 0
    for a in range(first, stop):
        t = fill_from(terms, stride * a)
        re, im = t * load(powers, 16 * a), t * load(powers, 16 * a + 8)
        at = 0
        for node in range(read(node_at, a), read(node_at, a) + read(n_nodes, a)):
            share = fill_from(weight, node)
            store(products, slot, re * share)
            store(products, slot + 8, im * share)
            if group is not None:
                at = _multiply_series(powers, a, at, group, products, slot)
            slot += 16


@_jit
def _multiply_series(powers, a, at, group, products, slot):
    """Multiply by the factors of the small classes, whose coefficients begin `at` places after those of a."""
    n_terms = group.n_terms[a]
    if n_terms == 0:
        return at
    log_re = log_im = fill(0.0)
    first = group.coefficients_at[a] + at - a
    for n in range(a, a + n_terms):
        c = fill_from(group.coefficients, first + n)
        log_re, log_im = log_re + c * load(powers, 16 * n), log_im + c * load(powers, 16 * n + 8)
    size, (turn_re, turn_im) = exp(log_re), cos_sin(log_im)
    re, im = size * load(products, slot), size * load(products, slot + 8)
    store(products, slot, re * turn_re - im * turn_im)
    store(products, slot + 8, re * turn_im + im * turn_re)
    return at + n_terms


@_jit
def start_plain(powers, first, stop, terms, stride, products):
    """Set the products to Pr(X_y = a) w^a, where there is one node and no small class."""
    slot = 0
    for a in range(first, stop):
        t = fill_from(terms, stride * a)
        store(products, slot, t * load(powers, 16 * a))
        store(products, slot + 8, t * load(powers, 16 * a + 8))
        slot += 16


@_jit
def multiply_one(powers, first, stop, terms, stride, j, ahead, sums, products):
    """Multiply by competitor j, whose sum is `ahead` (0 or 1) terms ahead of a."""
    sum_re, sum_im = load(sums, 16 * j), load(sums, 16 * j + 8)
    slot = 0
    for a in range(first, stop):
        re, im = load(products, slot), load(products, slot + 8)
        store(products, slot, re * sum_re - im * sum_im)
        store(products, slot + 8, re * sum_im + im * sum_re)
        i = a + ahead
        t = fill_from(terms, stride * i + j)
        sum_re, sum_im = sum_re + t * load(powers, 16 * i), sum_im + t * load(powers, 16 * i + 8)
        slot += 16
    store(sums, 16 * j, sum_re)
    store(sums, 16 * j + 8, sum_im)


@_jit
def multiply_power(powers, first, stop, terms, stride, j, power, ahead, sums, products):
    """Multiply by the power of competitor j's factor, which stands for `power` classes."""
    sum_re, sum_im = load(sums, 16 * j), load(sums, 16 * j + 8)
    slot = 0
    for a in range(first, stop):
        re, im = _times_power(load(products, slot), load(products, slot + 8), sum_re, sum_im, power)
        store(products, slot, re)
        store(products, slot + 8, im)
        i = a + ahead
        t = fill_from(terms, stride * i + j)
        sum_re, sum_im = sum_re + t * load(powers, 16 * i), sum_im + t * load(powers, 16 * i + 8)
        slot += 16
    store(sums, 16 * j, sum_re)
    store(sums, 16 * j + 8, sum_im)


@_jit
def multiply_two(powers, first, stop, terms, stride, j, ahead, next_ahead, sums, products):
    """Multiply by competitors j and j - 1."""
    sum_re, sum_im, other_re, other_im = _load_two(sums, j)
    slot = 0
    for a in range(first, stop):
        re, im = load(products, slot), load(products, slot + 8)
        re, im = re * sum_re - im * sum_im, re * sum_im + im * sum_re
        store(products, slot, re * other_re - im * other_im)
        store(products, slot + 8, re * other_im + im * other_re)
        i = a + ahead
        t = fill_from(terms, stride * i + j)
        sum_re, sum_im = sum_re + t * load(powers, 16 * i), sum_im + t * load(powers, 16 * i + 8)
        i = a + next_ahead
        t = fill_from(terms, stride * i + j - 1)
        other_re, other_im = other_re + t * load(powers, 16 * i), other_im + t * load(powers, 16 * i + 8)
        slot += 16
    _store_two(sums, j, sum_re, sum_im, other_re, other_im)


@_jit
def add_two(powers, first, stop, terms, stride, ahead, next_ahead, sums, products, common, total):
    """Multiply by competitors 2 and 1, and by the shared factor, and add to `total`."""
    sum_re, sum_im, other_re, other_im = _load_two(sums, 2)
    total_re = total_im = fill(0.0)
    slot = 0
    for a in range(first, stop):
        re, im = load(products, slot), load(products, slot + 8)
        re, im = re * sum_re - im * sum_im, re * sum_im + im * sum_re
        total_re, total_im = total_re + re * other_re - im * other_im, total_im + re * other_im + im * other_re
        i = a + ahead
        t = fill_from(terms, stride * i + 2)
        sum_re, sum_im = sum_re + t * load(powers, 16 * i), sum_im + t * load(powers, 16 * i + 8)
        i = a + next_ahead
        t = fill_from(terms, stride * i + 1)
        other_re, other_im = other_re + t * load(powers, 16 * i), other_im + t * load(powers, 16 * i + 8)
        slot += 16
    _store_two(sums, 2, sum_re, sum_im, other_re, other_im)
    _add_with_common(total_re, total_im, common, total)


@_jit
def add_one(powers, first, stop, terms, stride, ahead, sums, products, common, total):
    """Multiply by competitor 1, and by the shared factor, and add to `total`."""
    sum_re, sum_im = load(sums, 16), load(sums, 24)
    total_re = total_im = fill(0.0)
    slot = 0
    for a in range(first, stop):
        re, im = load(products, slot), load(products, slot + 8)
        total_re, total_im = total_re + re * sum_re - im * sum_im, total_im + re * sum_im + im * sum_re
        i = a + ahead
        t = fill_from(terms, stride * i + 1)
        sum_re, sum_im = sum_re + t * load(powers, 16 * i), sum_im + t * load(powers, 16 * i + 8)
        slot += 16
    store(sums, 16, sum_re)
    store(sums, 24, sum_im)
    _add_with_common(total_re, total_im, common, total)


@_jit
def multiply_nodes(powers, first, stop, terms, stride, j, power, sums, node_at, n_nodes, z, products):
    """Multiply by a competitor with fewer than a votes, plus z times that with a votes, at every node z."""
    sum_re, sum_im = load(sums, 16 * j), load(sums, 16 * j + 8)
    slot = 0
    for a in range(first, stop):
        t = fill_from(terms, stride * a + j)
        tied_re, tied_im = t * load(powers, 16 * a), t * load(powers, 16 * a + 8)
        for node in range(read(node_at, a), read(node_at, a) + read(n_nodes, a)):
            share = fill_from(z, node)
            other_re, other_im = sum_re + share * tied_re, sum_im + share * tied_im
            re, im = _times_power(load(products, slot), load(products, slot + 8), other_re, other_im, power)
            store(products, slot, re)
            store(products, slot + 8, im)
            slot += 16
        sum_re, sum_im = sum_re + tied_re, sum_im + tied_im
    store(sums, 16 * j, sum_re)
    store(sums, 16 * j + 8, sum_im)


@_jit
def add_all(products, n, common, total):
    """Multiply the first n products by the shared factor, and add them to `total`."""
    re = im = fill(0.0)
    for slot in range(0, 16 * n, 16):
        re, im = re + load(products, slot), im + load(products, slot + 8)
    _add_with_common(re, im, common, total)


@_jit
def _add_with_common(re, im, common, total):
    common_re, common_im = load(common, 0), load(common, 8)
    store(total, 0, load(total, 0) + re * common_re - im * common_im)
    store(total, 8, load(total, 8) + re * common_im + im * common_re)


@_jit
def _load_two(sums, j):
    return load(sums, 16 * j), load(sums, 16 * j + 8), load(sums, 16 * j - 16), load(sums, 16 * j - 8)


@_jit
def _store_two(sums, j, sum_re, sum_im, other_re, other_im):
    store(sums, 16 * j, sum_re)
    store(sums, 16 * j + 8, sum_im)
    store(sums, 16 * j - 16, other_re)
    store(sums, 16 * j - 8, other_im)

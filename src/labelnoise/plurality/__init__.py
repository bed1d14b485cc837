"""The probability that a class wins the vote of k neighbors, exactly.

`probability` holds the public function. `contour` computes, with `plan`, `bounds`, `competitors`, `clusters`,
`small_classes`, `closed_forms`, `far_points`, `integral` and `integrand`, each of which does one part. `convolution` is
a second, independent engine, simple and slow, against which the tests check the first. `ties` holds the tie rules as
one idea that both use, and `pmf` the Poisson and binomial probabilities.
"""

from labelnoise.plurality.probability import plurality_probability

__all__ = ["plurality_probability"]

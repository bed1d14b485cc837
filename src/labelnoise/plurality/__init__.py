"""The probability that a class wins the vote of k neighbors, exactly.

`probability` is the public function and chooses between two engines, each the other's check in the tests:
`convolution` serves every k at once and small k, `contour` large k and many classes. `ties` holds the tie rules as one
idea that both use, `pmf` the Poisson and binomial probabilities.
"""

from labelnoise.plurality.probability import plurality_probability

__all__ = ["plurality_probability"]

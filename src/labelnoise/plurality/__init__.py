"""The probability that a class wins the vote of k neighbors, exactly.

`probability` holds the public function, which chooses between two engines by their cost: `convolution` serves many k at
once and small k, `contour` large k and many classes. Both are exact to rounding, and the tests check one against the
other. `ties` holds the tie rules as one idea that both use, and `pmf` the Poisson and binomial probabilities.
"""

from labelnoise.plurality.probability import plurality_probability

__all__ = ["plurality_probability"]

"""Estimates from noisy labels alone: the transition matrix, the bracket of the wrong rate, and Pr(true class).

Section 11 of the theory. `noise_estimation` leads from features and labels to the estimate, by `forward` and
`transition` in turn; `posterior` adds the view of the neighbors, and `bracket` the range.
"""

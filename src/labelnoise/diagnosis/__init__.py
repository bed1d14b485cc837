"""Labels of unknown quality: how many are wrong, which, how concentrated, what they cost, and what to check first.

Sections 11 to 13 of the theory. `inputs` holds what is given, in one checked form. `estimation` estimates the noise,
and the probability that each label is wrong, from the noisy labels alone. `auditing` measures the same from a few
labels that a person checked. `relabeling` says what cleaning gains. `diagnose` joins them into a `diagnosis`.
"""

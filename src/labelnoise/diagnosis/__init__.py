"""Labels of unknown quality: how many are wrong, which, how concentrated, what they cost, and what to check first.

Sections 11 to 13 of the theory. `inputs` holds what is given, in one checked form. `transition` estimates T, and the
probability that each label is wrong, from the noisy labels alone. `audit` measures the same from a few labels that a
person checked, with intervals that hold whatever the noise. `plan` says what relabeling gains.
"""

"""Audits: samples drawn with known probabilities, a person's answers, and intervals that hold whatever the noise.

Section 12 of the theory. `design` says how samples are drawn and `draws` draws them; `audit` is what a person fills in,
`audit_file` and `audit_sheet` the file. `survey` turns answers into intervals, `pairs` those of the concentration.
"""

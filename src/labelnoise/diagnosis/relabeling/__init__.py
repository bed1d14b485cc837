"""What wrong labels cost, and what relabeling gains: per sample, per region, and as a plan.

Section 13 of the theory.
"""

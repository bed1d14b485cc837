"""Votes of K neighbors whose clean labels are known: the finite-neighborhood model.

Eq. 2 draws the neighbors' clean labels afresh at every vote, though they are fixed: without noise a 6 : 4
neighborhood is a certain win, but the i.i.d. formula says 0.63. Here the clean label counts c (their sum is K) are
fixed, and only the corruption is random. It then acts through one number, the count m of neighbors that are selected:
given m, every set of m neighbors is equally likely. So the work splits in two:

- `vote_profiles`: W[m], the probability that a label wins the vote when m of the K labels are redrawn. It depends on
  the counts and the corruption matrix alone, and serves every noise rate.
- `selected_count_distribution`: Pr(m), which depends on the placement alone.

The accuracy is the sum over m of Pr(m) W[m] (`VoteProfiles.expected`).

Each engine has a module. Exact are `redraw` (uniform noise, and pure neighborhoods under any matrix), `uniform` (the
same for uniform noise, faster where a neighborhood holds many labels of many classes), `flip` (each class becomes one
other or stays) and `mixed` (any matrix, few labels). `sampling` (any matrix) is random, with standard errors.
"""

from labelnoise.finite.patterns import distinct_patterns
from labelnoise.finite.profiles import VoteProfiles, vote_profiles
from labelnoise.finite.selected import selected_count_distribution

__all__ = ["VoteProfiles", "distinct_patterns", "selected_count_distribution", "vote_profiles"]

// The probability that a class wins a plurality vote, exact: what `labelnoise.plurality_probability` computes.
// Pure functions; nothing here knows of the page.
//
// With a votes for the true class y, the other classes may have i < a votes each (i = a is a tie). The probability that
// y wins K draws from q is (Eq. 2; Levin 1981)
//
//     Q = K! sum over a of  q_y^a / a!  [x^(K - a)]  product over j != y of  (sum over i < a of (q_j x)^i / i!).
//
// Classes with the same q_j form a group of m classes, and q_j only scales x: [x^n] of a group's factor is q_j^n times
// a number that depends on a, m and n alone, and is kept. More than K/2 votes always win: a binomial tail. All terms
// are positive, so nothing cancels.
const Votes = (() => {
  const MAX_K = 100;
  const NEGLIGIBLE = 1e-16; // largest probability of the outcomes that each shortcut leaves out
  const ONE = Float64Array.of(1);
  // Room for intermediate products: arrays made anew for each would take longer than the products.
  const ROOM = [0, 1, 2].map(() => new Float64Array(MAX_K + 1));

  const FACTORIAL = [1];
  for (let n = 1; n <= MAX_K; n++) FACTORIAL.push(FACTORIAL[n - 1] * n);

  // Nodes and weights of the Gauss-Legendre rule with n nodes on [0, 1].
  const legendre = memoized((n) => {
    const rule = [];
    for (let i = 0; i < n; i++) {
      let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
      let slope = 1;
      for (let step = 0; step < 8; step++) {
        let [before, value] = [1, x];
        for (let degree = 2; degree <= n; degree++) {
          [before, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree];
        }
        slope = (n * (x * value - before)) / (x * x - 1);
        x -= value / slope;
      }
      rule.push({ z: (1 + x) / 2, weight: 1 / ((1 - x * x) * slope * slope) });
    }
    return rule;
  });

  // A tied competitor counts z: 0 if it beats y, 1 if it loses to y. A random choice among y and m tied others wins
  // with probability 1/(m + 1), the integral of z^m over [0, 1], for which a Gauss rule is exact.
  const STRICT = [{ before: 0, after: 0, weight: 1 }];
  const LOWEST = [{ before: 0, after: 1, weight: 1 }];
  const random = memoized((nTied) =>
    legendre(Math.floor(nTied / 2) + 1).map(({ z, weight }) => ({ before: z, after: z, weight })),
  );

  function tieNodes(ties, nTied) {
    if (ties === "strict") return STRICT;
    return ties === "lowest" ? LOWEST : random(nTied);
  }

  // The most classes that can tie with one that has a votes.
  function mostTied(nCompetitors, kMax, a) {
    return Math.min(nCompetitors, Math.floor(kMax / a) - 1);
  }

  function product(left, right, degree) {
    const result = new Float64Array(Math.min(degree, left.length + right.length - 2) + 1);
    multiplyInto(result, left, left.length, right, right.length, degree);
    return result;
  }

  function power(base, exponent, degree) {
    let result = ONE;
    for (let square = base, left = exponent; ; square = product(square, square, degree)) {
      if (left % 2 === 1) result = product(result, square, degree);
      left = Math.floor(left / 2);
      if (left === 0) return result;
    }
  }

  // factors[a][node] are the coefficients of (sum over i < a of x^i / i! + z x^a / a!)^m, up to degree kMax - a.
  const groupFactors = memoized((multiplicity, side, ties, nCompetitors, kMax) => {
    const factors = [];
    for (let a = 1; a <= kMax / 2; a++) {
      factors[a] = tieNodes(ties, mostTied(nCompetitors, kMax, a)).map((node) => {
        const series = Float64Array.from({ length: Math.min(a, kMax - a) + 1 }, (_, i) => 1 / FACTORIAL[i]);
        if (a < series.length) series[a] *= node[side];
        return power(series, multiplicity, kMax - a);
      });
    }
    return factors;
  });

  // The competitors of y, equal ones together. The side of a class matters to the rule "lowest" alone.
  function competitorGroups(q, y, ties) {
    const groups = new Map();
    for (let j = 0; j < q.length; j++) {
      if (j === y || q[j] === 0) continue;
      const before = ties === "lowest" && j < y;
      const name = before ? -q[j] : q[j];
      const group = groups.get(name);
      if (group) group.multiplicity += 1;
      else groups.set(name, { share: q[j], side: before ? "before" : "after", multiplicity: 1 });
    }
    return [...groups.values()];
  }

  function powersOf(share, kMax) {
    const powers = new Float64Array(kMax + 1).fill(1);
    for (let n = 1; n <= kMax; n++) powers[n] = powers[n - 1] * share;
    return powers;
  }

  // The largest number of votes that a group with this share gets of k, but for a negligible probability.
  function mostVotes(k, share) {
    const rest = Math.max(1 - share, 0);
    const [forIt, against] = [powersOf(share, k), powersOf(rest, k)];
    let tail = 0;
    for (let n = k; n > 0; n--) {
      tail += (FACTORIAL[k] / FACTORIAL[n] / FACTORIAL[k - n]) * forIt[n] * against[k - n];
      if (tail > NEGLIGIBLE) return n;
    }
    return 0;
  }

  // The terms of a factor that matter, with x scaled, into `target`; return how many: `powers` has no more than matter.
  function scaleInto(target, factor, powers) {
    const terms = Math.min(factor.length, powers.length);
    for (let n = 0; n < terms; n++) target[n] = factor[n] * powers[n];
    return terms;
  }

  // The product of the first `nLeft` and `nRight` terms of two series into `target`, up to `degree`; return its terms.
  function multiplyInto(target, left, nLeft, right, nRight, degree) {
    const terms = Math.min(degree + 1, nLeft + nRight - 1);
    target.fill(0, 0, terms);
    for (let i = 0; i < nLeft; i++) {
      const factor = left[i];
      const end = Math.min(nRight, terms - i);
      for (let n = 0; n < end; n++) target[i + n] += factor * right[n];
    }
    return terms;
  }

  // The coefficient of x^degree in the product of `held` and a factor in which x is scaled.
  function coefficientOfProduct(held, length, factor, powers, degree) {
    let sum = 0;
    const terms = Math.min(factor.length, powers.length);
    const end = Math.min(terms - 1, degree);
    for (let i = Math.max(0, degree - length + 1); i <= end; i++) sum += factor[i] * powers[i] * held[degree - i];
    return sum;
  }

  // The probability that class y wins k draws from q, for each k in `ks`.
  function winProbabilities(q, y, ks, ties) {
    const groups = competitorGroups(q, y, ties);
    const known = ks.map((k) => certainty(q[y], groups, k));
    const open = ks.filter((_, index) => known[index] === null);
    if (open.length === 0) return known;
    const computed = computedWinProbabilities(q[y], groups, open, ties);
    return known.map((value) => value ?? computed.shift());
  }

  // 0 or 1 where the vote is decided but for a negligible probability, else null. The probability that class j has at
  // least as many of k votes as y, where q_j < q_y, is at most (1 - (sqrt q_y - sqrt q_j)^2)^k (Chernoff).
  function certainty(share, groups, k) {
    if (share === 0) return 0;
    let loses = 0;
    for (const group of groups) {
      const bound = (1 - (Math.sqrt(share) - Math.sqrt(group.share)) ** 2) ** k;
      if (group.share > share && bound < NEGLIGIBLE) return 0;
      loses += group.share > share ? 1 : group.multiplicity * bound;
    }
    return loses < NEGLIGIBLE ? 1 : null;
  }

  function computedWinProbabilities(share, groups, ks, ties) {
    const kMax = Math.max(...ks);
    for (const group of groups) group.mostVotes = mostVotes(kMax, group.share * group.multiplicity);
    groups.sort((one, other) => one.mostVotes - other.mostVotes);
    const nCompetitors = groups.reduce((sum, group) => sum + group.multiplicity, 0);
    const rest = groups.reduce((sum, group) => sum + group.multiplicity * group.share, 0);
    const factors = groups.map((group) => groupFactors(group.multiplicity, group.side, ties, nCompetitors, kMax));
    const powers = groups.map((group) => powersOf(group.share, group.mostVotes));
    const [forY, against] = [powersOf(share, kMax), powersOf(rest, kMax)];
    const votes = (k, a) => (FACTORIAL[k] / FACTORIAL[a] / FACTORIAL[k - a]) * forY[a] * against[k - a];
    const last = groups.length - 1;
    const wins = ks.map((k) => {
      let tail = 0;
      for (let a = Math.floor(k / 2) + 1; a <= k; a++) tail += votes(k, a);
      return tail;
    });
    for (let a = 1; a <= kMax / 2; a++) {
      const relevant = ks.map((k) => a <= k / 2 && a * (nCompetitors + 1) >= k && votes(k, a) > NEGLIGIBLE);
      if (!relevant.includes(true)) continue;
      const nodes = tieNodes(ties, mostTied(nCompetitors, kMax, a));
      const degree = Math.max(...ks.filter((_, index) => relevant[index])) - a;
      for (let node = 0; node < nodes.length; node++) {
        let [held, other] = [ROOM[0], ROOM[1]];
        let length = scaleInto(held, factors[0][a][node], last === 0 ? [1] : powers[0]);
        for (let g = 1; g < last; g++) {
          const terms = scaleInto(ROOM[2], factors[g][a][node], powers[g]);
          length = multiplyInto(other, held, length, ROOM[2], terms, degree);
          [held, other] = [other, held];
        }
        for (let index = 0; index < ks.length; index++) {
          if (!relevant[index]) continue;
          const coefficient = coefficientOfProduct(held, length, factors[last][a][node], powers[last], ks[index] - a);
          wins[index] += nodes[node].weight * (FACTORIAL[ks[index]] / FACTORIAL[a]) * forY[a] * coefficient;
        }
      }
    }
    return wins.map((win) => Math.min(win, 1));
  }

  return { winProbabilities };
})();

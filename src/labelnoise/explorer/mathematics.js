// The accuracy of a vote under label noise, exact: what `labelnoise.accuracy_curve` computes for one neighborhood.
// Pure functions of a setting; nothing here knows of the page.
//
// The probability that the true class wins is a polynomial of degree K in the noise rate. It is computed at Chebyshev
// points once. Any noise rate and any concentration is then a dot product with means of the Chebyshev polynomials.
const Mathematics = (() => {
  const GRID = Float64Array.from({ length: 201 }, (_, i) => i / 200);

  // The clean distribution: `clean` on class `label`, the rest evenly on the others or all of it on the next class.
  function cleanDistribution({ classes, label, clean, rest }) {
    const distribution = new Array(classes).fill(rest === "even" ? (1 - clean) / (classes - 1) : 0);
    distribution[(label + 1) % classes] = rest === "even" ? (1 - clean) / (classes - 1) : 1 - clean;
    distribution[label] = clean;
    return distribution;
  }

  // The distribution of a label that was selected for corruption: the clean distribution times the corruption matrix.
  function selectedDistribution(clean, noise) {
    const n = clean.length;
    const before = (j, steps) => clean[(j - steps + n) % n];
    if (noise === "uniform") return clean.map(() => 1 / n);
    if (noise === "flip") return clean.map((_, j) => before(j, 1));
    return clean.map((_, j) => (before(j, 1) + before(j, 2)) / 2);
  }

  // q of Eq. 3.
  function noisyDistribution(setting, rate) {
    const clean = cleanDistribution(setting);
    const selected = selectedDistribution(clean, setting.noise);
    return clean.map((share, j) => (1 - rate) * share + rate * selected[j]);
  }

  // The noise rate at which another class overtakes the true class in q, so that more neighbors do not help; 1 if none.
  function overtakingRate(setting) {
    const clean = cleanDistribution(setting);
    const selected = selectedDistribution(clean, setting.noise);
    const rates = clean.map((share, j) => {
      const [lead, later] = [clean[setting.label] - share, selected[setting.label] - selected[j]];
      if (j === setting.label) return 1;
      if (lead < 0) return 0;
      return later < 0 ? lead / (lead - later) : 1;
    });
    return Math.min(1, ...rates);
  }

  // Chebyshev coefficients of the accuracy as a function of the noise rate in [0, 1], one row per k.
  function chebyshevCoefficients(setting, ks) {
    const size = Math.max(...ks) + 1;
    const angles = Array.from({ length: size }, (_, i) => (Math.PI * (i + 0.5)) / size);
    const values = angles.map((angle) => {
      const rate = (1 + Math.cos(angle)) / 2;
      return Votes.winProbabilities(noisyDistribution(setting, rate), setting.label, ks, setting.ties);
    });
    const cosines = cosineTable(size);
    return ks.map((_, index) =>
      Float64Array.from({ length: size }, (_, degree) => {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += values[i][index] * cosines[(degree * (2 * i + 1)) % (4 * size)];
        return ((degree === 0 ? 1 : 2) * sum) / size;
      }),
    );
  }

  const cosineTable = memoized((size) =>
    Float64Array.from({ length: 4 * size }, (_, i) => Math.cos((Math.PI * i) / (2 * size))),
  );

  // The mean of each Chebyshev polynomial T_n(2 g - 1), n <= degree, over the local noise rate g of a neighborhood:
  // g ~ Beta(rate (1 - rho)/rho, (1 - rate)(1 - rho)/rho). With J the Jacobi matrix of this distribution and e its
  // first unit vector, the mean of T_n is e' T_n(2 J - 1) e, and T_(m+n) = 2 T_m T_n - T_(m-n) halves the work.
  function chebyshevMeans(rate, concentration, degree) {
    const means = new Float64Array(degree + 1);
    if (concentration === 0 || concentration === 1 || rate === 0 || rate === 1) {
      const angle = Math.acos(2 * rate - 1);
      for (let n = 0; n <= degree; n++) {
        means[n] = concentration === 1 ? rate + (n % 2 === 0 ? 1 - rate : rate - 1) : Math.cos(n * angle);
      }
      return means;
    }
    const size = Math.floor(degree / 2) + 1;
    const { diagonal, beside } = jacobiMatrix(rate, concentration, size);
    let previous = new Float64Array(size);
    let current = new Float64Array(size);
    let next = new Float64Array(size);
    current[0] = 1;
    means[0] = 1;
    for (let n = 0; 2 * n < degree; n++) {
      const reach = Math.min(size, n + 2);
      for (let i = 0; i < reach; i++) {
        let image = diagonal[i] * current[i];
        if (i > 0) image += beside[i] * current[i - 1];
        if (i + 1 < size) image += beside[i + 1] * current[i + 1];
        next[i] = n === 0 ? image : 2 * image - previous[i];
      }
      let [along, square] = [0, 0];
      for (let i = 0; i < reach; i++) {
        along += next[i] * current[i];
        square += next[i] * next[i];
      }
      means[2 * n + 1] = n === 0 ? along : 2 * along - means[1];
      if (2 * n + 2 <= degree) means[2 * n + 2] = 2 * square - 1;
      [previous, current, next] = [current, next, previous];
    }
    return means;
  }

  // The matrix of multiplication by 2 g - 1 in the orthonormal polynomials of the Beta distribution; beside[i] couples
  // i - 1 and i.
  function jacobiMatrix(rate, concentration, size) {
    const total = (1 - concentration) / concentration;
    const [alpha, beta] = [rate * total, (1 - rate) * total];
    const diagonal = new Float64Array(size);
    const beside = new Float64Array(size);
    diagonal[0] = 2 * rate - 1;
    for (let n = 1; n < size; n++) {
      const m = n - 1;
      const s = 2 * m + total;
      diagonal[n] = ((alpha - beta) / s) * ((total - 2) / (s + 2));
      const general = ((((m + alpha) / s) * ((m + beta) / s) * n * (m + total - 1)) / (s + 1)) / (s - 1);
      beside[n] = 2 * Math.sqrt(n === 1 ? (rate * (1 - rate)) / (total + 1) : general);
    }
    return { diagonal, beside };
  }

  const gridMeans = memoized((concentration, degree) =>
    Array.from(GRID, (rate) => chebyshevMeans(rate, concentration, degree)),
  );

  function dot(coefficients, means) {
    let sum = 0;
    for (let n = 0; n < coefficients.length; n++) sum += coefficients[n] * means[n];
    return Math.min(Math.max(sum, 0), 1);
  }

  // The curves of a setting: for each k, the accuracy on the grid and at any noise rate, and the tolerance.
  function curves(setting) {
    const { ks, concentration } = setting;
    const degree = Math.max(...ks);
    const onGrid = gridMeans(concentration, degree);
    return chebyshevCoefficients(setting, ks).map((coefficients, index) => {
      const accuracyAt = (rate) => dot(coefficients, chebyshevMeans(rate, concentration, degree));
      const accuracy = onGrid.map((means) => dot(coefficients, means));
      return { k: ks[index], accuracy, accuracyAt, tolerance: (target) => tolerance(accuracy, accuracyAt, target) };
    });
  }

  // The largest noise rate that keeps the accuracy at `target` or above: 1 if it never falls below, NaN if it starts
  // below.
  function tolerance(accuracy, accuracyAt, target) {
    const below = accuracy.findIndex((value) => value < target);
    if (below === -1) return 1;
    if (below === 0) return NaN;
    let [low, high] = [GRID[below - 1], GRID[below]];
    for (let step = 0; step < 30; step++) {
      const middle = (low + high) / 2;
      if (accuracyAt(middle) < target) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  }

  // The probability that m of k labels of a neighborhood are selected, for m = 0..k: beta-binomial.
  function selectedCounts(k, rate, concentration) {
    const counts = new Float64Array(k + 1);
    if (rate === 0 || rate === 1 || concentration === 1) {
      counts[0] = 1 - rate;
      counts[k] += rate;
      return counts;
    }
    // With c = rho/(1 - rho), the weights are products of (rate + i c) and (1 - rate + j c); c = 0 is the binomial.
    const c = concentration / (1 - concentration);
    let logarithm = 0;
    const logarithms = Array.from(counts, (_, m) => {
      if (m > 0) logarithm += Math.log((((k - m + 1) / m) * (rate + (m - 1) * c)) / (1 - rate + (k - m) * c));
      return logarithm;
    });
    const largest = Math.max(...logarithms);
    const weights = logarithms.map((value) => Math.exp(value - largest));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return counts.map((_, m) => weights[m] / sum);
  }

  return { GRID, curves, cleanDistribution, noisyDistribution, overtakingRate, selectedCounts };
})();

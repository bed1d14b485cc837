// Pictures of a setting, as SVG: the curves, the bars of the label distribution, the counts of selected labels.
// They take values and draw them; colors and fonts are those of the style sheet.
const Drawing = (() => {
  const LEFT = 46;
  const STEPS = [0.25, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
  const MOST_BARS = 20;
  const FIRST_BARS = 9; // with more classes than MOST_BARS, so many are drawn, and one of the others

  function element(name, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function percent(share) {
    return `${Number((100 * share).toFixed(1))} %`;
  }

  function line(x1, y1, x2, y2, style) {
    return element("line", { x1, y1, x2, y2, class: style });
  }

  function label(x, y, text, anchor = "middle", style = "") {
    return element("text", { x, y, "text-anchor": anchor, class: style }, text);
  }

  // A frame with a horizontal and a vertical scale, in pixels of the element, so that letters keep their size.
  function frame(svg, { top, right, bottom, high = 1, first = 0, last = 1 }) {
    const [width, height] = [svg.clientWidth, svg.clientHeight];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const [plotWidth, plotHeight] = [Math.max(width - LEFT - right, 10), Math.max(height - top - bottom, 10)];
    return {
      x: (value) => LEFT + ((value - first) / (last - first)) * plotWidth,
      y: (value) => top + (1 - value / high) * plotHeight,
      valueAt: (x) => first + ((x - LEFT) / plotWidth) * (last - first),
      left: LEFT,
      right: LEFT + plotWidth,
      top,
      bottom: top + plotHeight,
      width: plotWidth,
    };
  }

  // The style class with the color of the n-th curve: colors depend on how many there are.
  function colorOf(curves, n) {
    return `of${curves.length} n${n}`;
  }

  function percentAxis(plot, high) {
    const step = STEPS.find((candidate) => high / candidate >= 2.5);
    const nodes = [];
    for (let i = 0; i * step <= high + 1e-9; i++) {
      nodes.push(line(plot.left, plot.y(i * step), plot.right, plot.y(i * step), i === 0 ? "axis" : "gridline"));
      nodes.push(label(plot.left - 8, plot.y(i * step) + 4, percent(i * step), "end"));
    }
    return nodes;
  }

  // The names of the curves in the lower left corner, which curves that fall leave empty; the largest K on top.
  function legend(curves, plot) {
    return curves.flatMap(({ k }, n) => {
      const y = plot.bottom - 14 - 18 * n;
      const swatch = line(plot.left + 12, y, plot.left + 36, y, `curve ${colorOf(curves, n)}`);
      return [swatch, label(plot.left + 43, y + 4, `K = ${k}`, "start", "strong")];
    });
  }

  // The curves, with the noise rate that is looked at, the breaking points, and the limit of many neighbors if any.
  function drawCurves(svg, { curves, rate, breaks, limit }) {
    const plot = frame(svg, { top: 20, right: 14, bottom: 34 });
    const nodes = percentAxis(plot, 1);
    for (let i = 0; i <= 4; i++) nodes.push(label(plot.x(i / 4), plot.bottom + 17, `${25 * i} %`));
    nodes.push(label((plot.left + plot.right) / 2, plot.bottom + 32, "noise rate"), label(4, 11, "accuracy", "start"));
    if (limit !== null && limit > 0 && limit < 1) {
      const x = plot.x(limit);
      nodes.push(line(x, plot.top, x, plot.bottom, "limit"), label(x + 6, plot.top + 14, "K → ∞", "start"));
    }
    curves.forEach((curve, n) => {
      const style = colorOf(curves, n);
      const points = curve.accuracy.map((value, i) => [plot.x(Mathematics.GRID[i]), plot.y(value)]);
      const written = points.map((point) => point.map((number) => number.toFixed(1)).join()).join(" ");
      nodes.push(element("polyline", { points: written, class: `curve ${style}` }));
      const { at, target } = breaks[n];
      if (at < 1) {
        const [x, y] = [plot.x(at), plot.y(target)];
        nodes.push(line(x, y, x, plot.bottom, `drop ${style}`));
        nodes.push(element("path", { d: `M${x} ${y - 6} l6 6 l-6 6 l-6 -6 z`, class: `break ${style}` }));
      }
    });
    const x = plot.x(rate);
    const place = Math.min(Math.max(x, plot.left + 30), plot.right - 8);
    nodes.push(line(x, plot.top, x, plot.bottom, "guide"));
    nodes.push(label(place, plot.top - 8, percent(rate), "middle", "strong"));
    curves.forEach((curve, n) => {
      const at = { cx: x, cy: plot.y(curve.accuracyAt(rate)), r: 6 };
      nodes.push(element("circle", { ...at, class: `point ${colorOf(curves, n)}` }));
    });
    nodes.push(...legend(curves, plot));
    svg.replaceChildren(...nodes);
    return plot;
  }

  // The classes that get a bar, with their names; of very many classes the last bar stands for each of the others.
  function barClasses(n, truth) {
    const shown = n <= MOST_BARS ? n : FIRST_BARS;
    const first = n <= MOST_BARS ? 0 : truth;
    const indices = Array.from({ length: shown }, (_, i) => (first + i) % n);
    const bars = indices.map((index) => ({ index, name: `${index + 1}` }));
    return n <= MOST_BARS ? bars : [...bars, { index: (truth + FIRST_BARS) % n, name: "others" }];
  }

  function drawBars(svg, { clean, noisy, truth }) {
    const bars = barClasses(clean.length, truth);
    const high = Math.max(...clean, ...noisy);
    const plot = frame(svg, { top: 8, right: 4, bottom: 34, high, last: bars.length });
    const rival = noisy.reduce((best, share, j) => (j !== truth && (best < 0 || share > noisy[best]) ? j : best), -1);
    const nodes = percentAxis(plot, high);
    const half = Math.min(0.4 * (plot.x(1) - plot.x(0)), 26);
    const every = Math.ceil(20 / (plot.x(1) - plot.x(0)));
    bars.forEach(({ index, name }, i) => {
      const middle = plot.x(i + 0.5);
      const kind = index === truth ? " true" : index === rival ? " rival" : "";
      const [y, cleanY] = [plot.y(noisy[index]), plot.y(clean[index])];
      const sides = { x: middle - half, width: 2 * half };
      nodes.push(element("rect", { ...sides, y, height: plot.bottom - y, class: `noisy${kind}` }));
      nodes.push(element("rect", { ...sides, y: cleanY, height: plot.bottom - cleanY, class: "clean" }));
      if (i % every === 0 || name === "others") nodes.push(label(middle, plot.bottom + 16, name));
    });
    const title = clean.length <= MOST_BARS ? "class" : `class (others: each of ${clean.length - FIRST_BARS})`;
    nodes.push(label((plot.left + plot.right) / 2, plot.bottom + 31, title));
    svg.replaceChildren(...nodes);
  }

  function drawCounts(svg, { counts, style }) {
    const k = counts.length - 1;
    const high = Math.max(...counts);
    const plot = frame(svg, { top: 8, right: 4, bottom: 34, high, last: k + 1 });
    const nodes = percentAxis(plot, high);
    const width = Math.max(0.8 * (plot.x(1) - plot.x(0)), 1);
    counts.forEach((share, m) => {
      const y = plot.y(share);
      const sides = { x: plot.x(m + 0.5) - width / 2, width };
      nodes.push(element("rect", { ...sides, y, height: plot.bottom - y, class: `count ${style}` }));
    });
    for (const m of new Set([0, Math.round(k / 2), k])) nodes.push(label(plot.x(m + 0.5), plot.bottom + 16, String(m)));
    nodes.push(label((plot.left + plot.right) / 2, plot.bottom + 31, `selected labels among K = ${k}`));
    svg.replaceChildren(...nodes);
  }

  return { colorOf, drawBars, drawCounts, drawCurves, percent };
})();

// The state of the page: read from the controls and the address, shown by Drawing, computed by Mathematics.
const Explorer = (() => {
  const CLASSES = [...Array.from({ length: 19 }, (_, i) => i + 2), 100];
  const BUILT_IN = {
    classes: 10,
    ks: [10, 30, 100],
    noise: "uniform",
    ties: "random",
    concentration: 0,
    clean: 1,
    rest: "even",
    label: 0,
    rate: 0.6,
    keep: 0.5,
  };
  const CHOICES = {
    noise: ["uniform", "flip", "two_alternatives"],
    ties: ["random", "lowest", "strict"],
    rest: ["even", "next"],
  };
  const NOISE_NAMES = { uniform: "uniform noise", flip: "flip noise", two_alternatives: "noise with two alternatives" };
  const COUNT_NOTES = [
    "Spread noise: about the same share in every neighborhood.",
    "Fully concentrated noise: all of them or none.",
    "Concentrated noise: many in some neighborhoods, few in others.",
  ];
  const RANGES = { concentration: [0, 1], clean: [0.3, 1], rate: [0, 1] };
  const AFTER_LAST_CHANGE = 400; // milliseconds until the address and the announcement follow

  const at = (id) => document.getElementById(id);
  const exactPercent = Drawing.percent;

  // A percentage without decimals, except close to 0 and 100 %.
  function percent(share) {
    return share > 0.99 || share < 0.01 ? exactPercent(share) : `${Math.round(100 * share)} %`;
  }

  function listed(parts) {
    return parts.length < 2 ? parts.join() : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  }

  // Text such as classes=10&k=10,30 -> a state; what is missing or has no meaning is taken from `defaults`.
  function parse(text, defaults) {
    const given = new URLSearchParams(text);
    const state = { ...defaults, ks: [...defaults.ks] };
    for (const [name, allowed] of Object.entries(CHOICES)) {
      if (allowed.includes(given.get(name))) state[name] = given.get(name);
    }
    for (const [name, [least, most]] of Object.entries(RANGES)) {
      const value = Number.parseFloat(given.get(name));
      if (Number.isFinite(value)) state[name] = Math.min(Math.max(value, least), most);
    }
    if (CLASSES.includes(Number(given.get("classes")))) state.classes = Number(given.get("classes"));
    if (["0.5", "0.9"].includes(given.get("keep"))) state.keep = Number(given.get("keep"));
    const ks = (given.get("k") ?? "").split(",").map(Number);
    const meant = ks.filter((k) => Number.isInteger(k) && k >= 1 && k <= 100);
    if (meant.length > 0) state.ks = meant.slice(0, 3);
    const label = Number.parseInt(given.get("label"), 10);
    if (label >= 0) state.label = label;
    return possible(state);
  }

  function possible(state) {
    if (state.classes < 3 && state.noise === "two_alternatives") state.noise = "flip";
    state.label = Math.min(state.label, state.classes - 1);
    return state;
  }

  function addressOf({ ks, ...others }) {
    return new URLSearchParams({ k: ks.join(","), ...others }).toString().replaceAll("%2C", ",");
  }

  const initial = parse(document.documentElement.dataset.state, BUILT_IN);
  let state = parse(location.hash.slice(1), initial);
  let plot = null;
  let [drawing, later] = [0, 0];

  function showControls() {
    at("classes").value = CLASSES.indexOf(state.classes);
    at("classes").setAttribute("aria-valuetext", `${state.classes} classes`);
    at("classes-value").textContent = state.classes;
    const sorted = [...new Set(state.ks)].sort((one, other) => one - other);
    for (let i = 0; i < 3; i++) {
      const [field, k] = [at(`k${i}`), state.ks[i]];
      if (k !== undefined) field.value = k;
      field.disabled = k === undefined;
      at(`k${i}-value`).textContent = k ?? "";
      at(`k${i}-value`).className = k === undefined ? "" : Drawing.colorOf(sorted, sorted.indexOf(k));
      if (i > 0) at(`with${i}`).checked = k !== undefined;
    }
    at("with2").disabled = state.ks.length < 2;
    for (const name of [...Object.keys(CHOICES), ...Object.keys(RANGES), "keep"]) at(name).value = state[name];
    at("noise").options[2].disabled = state.classes < 3;
    at("concentration-value").textContent = state.concentration.toFixed(2);
    at("clean-value").textContent = exactPercent(state.clean);
    for (const name of ["rate", "clean"]) at(name).setAttribute("aria-valuetext", exactPercent(state[name]));
    at("label-field").hidden = state.ties !== "lowest";
    at("label").max = state.classes - 1;
    at("label").value = state.label;
    at("label-value").textContent = `${state.label + 1} of ${state.classes}`;
    for (const button of document.querySelectorAll("[data-preset]")) {
      const preset = parse(button.dataset.preset, BUILT_IN);
      const same = addressOf({ ...preset, rate: 0 }) === addressOf({ ...state, rate: 0 });
      button.setAttribute("aria-pressed", String(same));
    }
  }

  // 0 for spread noise, 1 for fully concentrated noise, 2 between.
  function stage() {
    return state.concentration === 0 ? 0 : state.concentration === 1 ? 1 : 2;
  }

  function sentence(curves, breaks) {
    const where = ["", ", fully concentrated,", `, concentrated (${state.concentration}),`][stage()];
    const left = listed(curves.map((curve) => percent(curve.accuracyAt(state.rate))));
    const points = breaks.map(({ at: rate }) => (rate < 1 ? percent(rate) : "never"));
    const same = new Set(points).size === 1 ? points.slice(0, 1) : points;
    const [it, verb] = curves.length > 1 ? ["they", "break"] : ["it", "breaks"];
    return (
      `${exactPercent(state.rate)} ${NOISE_NAMES[state.noise]}${where} leaves an accuracy of ${left} ` +
      `with K = ${listed(curves.map(({ k }) => k))}; ` +
      `${it} ${verb} ${points[0] === "never" ? "" : "at "}${listed(same)}.`
    );
  }

  function showBars(setting) {
    const [clean, noisy] = [Mathematics.cleanDistribution(setting), Mathematics.noisyDistribution(setting, state.rate)];
    const kept = percent(noisy[state.label]);
    at("bars-title").textContent = `A neighbor's label is right (class ${state.label + 1}) with probability ${kept}`;
    const changed = state.noise === "uniform" ? (state.rate * (state.classes - 1)) / state.classes : state.rate;
    at("changed").textContent =
      `${exactPercent(state.rate)} of the labels are selected, and ${exactPercent(changed)} change.`;
    Drawing.drawBars(at("bars"), { clean, noisy, truth: state.label });
  }

  function showCounts(curves) {
    const k = curves.at(-1).k;
    const counts = Mathematics.selectedCounts(k, state.rate, state.concentration);
    at("counts-title").textContent = `How many of a neighborhood's ${k} labels are selected`;
    at("counts-note").textContent = COUNT_NOTES[stage()];
    Drawing.drawCounts(at("counts"), { counts, style: Drawing.colorOf(curves, curves.length - 1) });
  }

  function showSummary(curves, breaks) {
    const rows = curves.map((curve, n) => {
      const row = document.createElement("tr");
      const swatch = document.createElement("span");
      swatch.className = `swatch ${Drawing.colorOf(curves, n)}`;
      const heading = document.createElement("th");
      heading.scope = "row";
      heading.append(swatch, `K = ${curve.k}`);
      const shares = [curve.accuracyAt(0), curve.accuracyAt(state.rate), breaks[n].at];
      const texts = shares.map((share) => `${(100 * share).toFixed(1)} %`);
      if (!(breaks[n].at < 1)) texts[2] = "never";
      row.append(heading, ...texts.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    });
    at("summary").replaceChildren(...rows);
    at("at-rate").textContent = `At ${exactPercent(state.rate)} noise`;
  }

  // Compute and draw everything; return the milliseconds that it took.
  function redraw() {
    const start = performance.now();
    drawing = 0;
    showControls();
    const setting = { ...state, ks: [...new Set(state.ks)].sort((one, other) => one - other) };
    const curves = Mathematics.curves(setting);
    const breaks = curves.map((curve) => {
      const target = state.keep * curve.accuracyAt(0);
      return { at: curve.tolerance(target), target };
    });
    at("sentence").textContent = sentence(curves, breaks);
    showSummary(curves, breaks);
    const limit = state.concentration === 0 ? Mathematics.overtakingRate(setting) : null;
    plot = Drawing.drawCurves(at("chart"), { curves, rate: state.rate, breaks, limit });
    showBars(setting);
    showCounts(curves);
    return performance.now() - start;
  }

  function follow() {
    const address = `#${addressOf(state)}`;
    if (address !== location.hash) history.replaceState(null, "", address);
    at("announcement").textContent = at("sentence").textContent;
  }

  // Draw in the next frame, once, however many events came.
  function drawSoon() {
    if (drawing === 0) drawing = requestAnimationFrame(redraw);
  }

  // Change a part of the state; the address follows when nothing moves any more.
  function change(part) {
    state = possible({ ...state, ...part });
    at("copied").textContent = "";
    drawSoon();
    clearTimeout(later);
    later = setTimeout(follow, AFTER_LAST_CHANGE);
  }

  function moveTo(event) {
    const x = event.clientX - at("chart").getBoundingClientRect().left;
    change({ rate: Math.round(200 * Math.min(Math.max(plot.valueAt(x), 0), 1)) / 200 });
  }

  function listen() {
    at("classes").addEventListener("input", () => change({ classes: CLASSES[at("classes").value] }));
    for (const name of ["rate", "concentration", "clean", "keep", "label"]) {
      at(name).addEventListener("input", () => change({ [name]: Number(at(name).value) }));
    }
    for (const name of ["noise", "ties", "rest"]) {
      at(name).addEventListener("input", () => change({ [name]: at(name).value }));
    }
    const ksShown = (n) => Array.from({ length: n }, (_, i) => Number(at(`k${i}`).value));
    for (let i = 0; i < 3; i++) at(`k${i}`).addEventListener("input", () => change({ ks: ksShown(state.ks.length) }));
    for (const i of [1, 2]) {
      at(`with${i}`).addEventListener("input", () => change({ ks: ksShown(at(`with${i}`).checked ? i + 1 : i) }));
    }
    for (const button of document.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => change(parse(button.dataset.preset, BUILT_IN)));
    }
    document.querySelector("form").addEventListener("reset", (event) => {
      event.preventDefault();
      change(initial);
    });
    document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    at("copy").addEventListener("click", async () => {
      follow();
      try {
        await navigator.clipboard.writeText(location.href);
        at("copied").textContent = "copied";
      } catch {
        at("copied").textContent = "it is in the address bar";
      }
    });
    const chart = at("chart");
    chart.addEventListener("pointerdown", (event) => {
      chart.setPointerCapture(event.pointerId);
      moveTo(event);
    });
    chart.addEventListener("pointermove", (event) => {
      if (chart.hasPointerCapture(event.pointerId)) moveTo(event);
    });
    addEventListener("hashchange", () => change(parse(location.hash.slice(1), initial)));
    new ResizeObserver(drawSoon).observe(chart);
  }

  listen();
  redraw();
  return { redraw, state: () => ({ ...state }) };
})();

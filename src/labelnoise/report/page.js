"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const plots = JSON.parse(document.getElementById("plots").textContent);

  // ---- Plots: Plotly is unpacked, and each plot is drawn when it comes near to the window.

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function painted(trace) {
    // Set the colors of the current look; a path such as "marker.color" names where each belongs.
    const copy = structuredClone(trace);
    for (const [path, pair] of Object.entries(copy.meta?.paint ?? {})) {
      const names = path.split(".");
      const last = names.pop();
      let at = copy;
      for (const name of names) at = at[name] ??= {};
      at[last] = pair[dark.matches ? 1 : 0];
    }
    return copy;
  }

  function themed(layout) {
    const ink = color("--ink"), line = color("--line"), ground = color("--paper");
    const axis = (given) => ({ gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true, ...given });
    return {
      margin: { l: 56, r: 12, t: 16, b: 52 },
      ...layout,
      paper_bgcolor: ground,
      plot_bgcolor: ground,
      font: { family: "system-ui, sans-serif", size: 13, color: ink },
      hoverlabel: { bgcolor: color("--raised"), bordercolor: line, font: { color: ink } },
      xaxis: axis(layout.xaxis),
      yaxis: axis(layout.yaxis),
    };
  }

  function draw(box) {
    const { data, layout } = plots[box.dataset.plot];
    const hidden = [...box.parentElement.querySelectorAll("input[type=checkbox]:not(:checked)")];
    const isShown = ({ meta }) =>
      !hidden.some(({ dataset }) =>
        dataset.k ? String(meta?.k) === dataset.k : dataset.ties ? meta?.ties === dataset.ties : false);
    const traces = data.map((trace) => ({ ...painted(trace), visible: isShown(trace) }));
    const config = { responsive: true, displaylogo: false, typesetMath: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
    return Plotly.react(box, traces, themed(layout), config);
  }

  function showImage(box) {
    // The image of a sample stands in the table of suspects, if there is one of it.
    const peek = document.getElementById("peek");
    box.on("plotly_hover", ({ points }) => {
      const row = points[0].customdata?.[0];
      const image = Number.isInteger(row) && document.querySelector(`img[data-row="${row}"]`);
      peek.hidden = !image;
      if (image) peek.firstElementChild.src = image.src;
    });
    box.on("plotly_unhover", () => { peek.hidden = true; });
  }

  async function start(boxes) {
    const text = atob(document.getElementById("plotly").textContent);
    const packed = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const library = document.createElement("script");
    library.textContent = await new Response(unpacked).text();
    document.head.append(library);
    const drawn = new Set();
    const drawOnce = async (box) => {
      if (drawn.has(box)) return;
      drawn.add(box);
      await draw(box);
      showImage(box);
      box.dataset.drawn = "yes";
    };
    const near = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) drawOnce(target);
    }, { rootMargin: "600px" });
    for (const box of boxes) {
      near.observe(box);
      for (const input of box.parentElement.querySelectorAll("input[type=checkbox]")) {
        input.addEventListener("change", () => drawn.has(box) && draw(box));
      }
    }
    dark.addEventListener("change", () => drawn.forEach(draw));
    addEventListener("beforeprint", () => boxes.forEach(drawOnce));
  }

  const boxes = [...document.querySelectorAll(".plot")];
  if (boxes.length) start(boxes);

  // ---- Tables: sort by a head, filter by text, save what is shown as CSV.

  const number = (text) => (text.trim() === "" ? NaN : Number(text.replace(/[,%]/g, "")));

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
    const section = table.closest("section"), rows = () => [...body.rows];
    const text = (row, column) => row.cells[column].textContent;

    heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const sorted = rows();
      const isNumeric = sorted.every((row) => text(row, column) === "" || !isNaN(number(text(row, column))));
      const compare = isNumeric
        ? (a, b) => number(a) - number(b)
        : (a, b) => a.localeCompare(b, undefined, { numeric: true });
      sorted.sort((a, b) => sign * compare(text(a, column), text(b, column)));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      body.append(...sorted);
    }));

    section.querySelector(".filter").addEventListener("input", ({ target }) => {
      const wanted = target.value.toLowerCase();
      for (const row of rows()) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      const shown = rows().filter((row) => !row.hidden).length;
      section.querySelector(".count").textContent = `${shown.toLocaleString("en")} row${shown === 1 ? "" : "s"}`;
    });

    section.querySelector(".save").addEventListener("click", () => {
      const quoted = (cell) => `"${cell.textContent.replace(/"/g, '""')}"`;
      const kept = (cells) => [...cells].filter((_, column) => heads[column].querySelector("button")).map(quoted).join(",");
      const lines = [kept(heads), ...rows().filter((row) => !row.hidden).map((row) => kept(row.cells))];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
      link.download = "suspects.csv";
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();

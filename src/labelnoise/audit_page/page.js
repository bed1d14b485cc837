// The page of an audit: shows one sample after the other, and sends each answer to the server, which saves it.
const AuditPage = (() => {
  const SMALL = 160; // images with fewer pixels are enlarged without smoothing
  const at = (id) => document.getElementById(id);

  let state = null;
  let place = 0;
  let saving = false;

  const current = () => state.samples[place];

  async function ask(what, body) {
    const request = body === undefined
      ? {}
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(what, request);
    } catch {
      throw new Error("The server does not answer. Run labelnoise audit again; what was saved is in the file.");
    }
    const value = await response.json();
    if (!response.ok) throw Object.assign(new Error(value.error), { status: response.status });
    return value;
  }

  function firstOpen(from) {
    const n = state.samples.length;
    for (let step = 0; step < n; step++) {
      if (state.samples[(from + step) % n].answer === null) return (from + step) % n;
    }
    return null;
  }

  function showError(text) {
    at("error").textContent = text;
    at("error").hidden = text === "";
  }

  function showProgress() {
    const { samples } = state;
    const answered = samples.filter(({ answer }) => answer !== null).length;
    const unsure = samples.filter((sample) => sample.unsure).length;
    at("bar").max = samples.length;
    at("bar").value = answered;
    at("progress").textContent =
      `${answered} of ${samples.length} checked${unsure ? `, ${unsure} of them unsure` : ""}` +
      (answered === samples.length ? ". All done: press Stop." : "");
    at("file").textContent = state.file;
  }

  function showImage(image, index) {
    image.classList.remove("small");
    image.onload = () => image.classList.toggle("small", image.naturalWidth < SMALL);
    image.src = `image/${index}`;
  }

  function show() {
    const sample = current();
    showProgress();
    at("place").textContent = `Sample ${place + 1} of ${state.samples.length}`;
    at("image").hidden = !sample.image;
    at("no-image").hidden = sample.image;
    at("caption").textContent = `row ${sample.index}${sample.name ? `: ${sample.name}` : ""}`;
    if (sample.image) showImage(at("image"), sample.index);
    at("image").alt = `image of row ${sample.index}`;
    at("no-image").textContent = sample.name ? `${sample.name} (no image found)` : `row ${sample.index} of your data`;
    const partner = state.samples.find(({ index }) => index === sample.partner);
    at("partner").hidden = !partner?.image;
    if (partner?.image) {
      showImage(at("partner-image"), partner.index);
      at("partner-image").alt = `image of row ${partner.index}`;
      at("partner-caption").textContent = `a neighbor, row ${partner.index}, given as ${partner.given}`;
    }
    at("given-name").textContent = sample.given;
    at("suggested-name").textContent = sample.suggested;
    at("suggested").hidden = sample.suggested === sample.given;
    at("given").classList.toggle("chosen", sample.answer === sample.given);
    at("suggested").classList.toggle("chosen", sample.answer === sample.suggested);
    at("unsure").classList.toggle("chosen", sample.unsure);
    const other = sample.answer !== null && ![sample.given, sample.suggested].includes(sample.answer) && !sample.unsure;
    at("class").value = other ? sample.answer : "";
    at("class").blur();
    at("back").disabled = place === 0;
    at("forth").disabled = place === state.samples.length - 1;
    const following = firstOpen(place + 1);
    at("next-open").disabled = following === null;
    const soon = following === null ? null : state.samples[following];
    if (soon?.image) new Image().src = `image/${soon.index}`;
  }

  // Take a new state from the server; stay at the sample, wherever the file has it now.
  function take(news, index) {
    state = news;
    const found = state.samples.findIndex((sample) => sample.index === index);
    if (found >= 0) place = found;
    if (place >= state.samples.length) place = 0;
    if (state.restored > 0) {
      at("saved").textContent = `${state.restored} of your answers were missing from the file; they are there again.`;
    }
  }

  async function answer(text) {
    if (saving || state === null) return;
    const { index, answer: seen } = current();
    saving = true;
    try {
      const news = await ask("answer", { index, answer: text, seen });
      at("saved").textContent = `Saved: row ${index} is ${text}.`;
      take(news, index);
      showError("");
      const following = firstOpen(place + 1);
      if (following !== null) place = following;
      show();
    } catch (error) {
      const typed = at("class").value;
      if (error.status === 409) {
        take(await ask("state"), index);
        show();
        at("class").value = typed;
      }
      showError(error.message);
    } finally {
      saving = false;
    }
  }

  function go(to) {
    if (state === null || to < 0 || to >= state.samples.length) return;
    place = to;
    showError("");
    show();
  }

  async function stop() {
    try {
      await ask("stop", {});
      state = null;
      const rest = document.createElement("p");
      rest.textContent =
        "Stopped. Every answer is in the file. Run the same command again to go on. You can close this window.";
      at("work").replaceChildren(rest);
    } catch (error) {
      showError(error.message);
    }
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || state === null) return;
    const field = at("class");
    if (document.activeElement === field) {
      if (event.key === "Escape") {
        field.value = "";
        field.blur();
      }
      return;
    }
    const actions = {
      1: () => answer(current().given),
      2: () => answer(current().suggested),
      u: () => answer("unsure"),
      ArrowLeft: () => go(place - 1),
      ArrowRight: () => go(place + 1),
    };
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    } else if (/^[\p{L}\p{N}/]$/u.test(event.key)) {
      // The letter itself goes into the field, which has the focus by then; a slash only opens it.
      field.value = "";
      field.focus();
      if (event.key === "/") event.preventDefault();
    }
  }

  async function start() {
    try {
      take(await ask("state"));
    } catch (error) {
      showError(error.message);
      return;
    }
    const options = state.classes.map((name) => Object.assign(document.createElement("option"), { value: name }));
    at("classes").replaceChildren(...options);
    place = firstOpen(0) ?? 0;
    at("given").addEventListener("click", () => answer(current().given));
    at("suggested").addEventListener("click", () => answer(current().suggested));
    at("unsure").addEventListener("click", () => answer("unsure"));
    at("other").addEventListener("submit", (event) => {
      event.preventDefault();
      if (at("class").value.trim() !== "") answer(at("class").value);
    });
    at("back").addEventListener("click", () => go(place - 1));
    at("forth").addEventListener("click", () => go(place + 1));
    at("next-open").addEventListener("click", () => go(firstOpen(place + 1) ?? place));
    at("stop").addEventListener("click", stop);
    document.addEventListener("keydown", press);
    show();
  }

  return { started: start() };
})();

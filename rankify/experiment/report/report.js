"use strict";
// Texts of collections and models are put on the page as text alone: `textContent` and text nodes, never as HTML.
(() => {
  const datasets = JSON.parse(document.getElementById("data").textContent);
  const get = (id) => document.getElementById(id);
  const PAGE = 200;
  const state = { dataset: 0, measure: 0, sort: -1, down: true, search: "", unseen: false, shown: PAGE };

  function make(name, attributes = {}, ...inside) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...inside.filter((one) => one !== null && one !== undefined));
    return element;
  }

  const value = (number) => (number === null ? "" : number.toFixed(4));
  const address = (data, question) => `#q/${encodeURIComponent(data.name)}/${encodeURIComponent(question.id)}`;
  const citing = (question) => question.systems.some((one) => one.answer && one.answer.unseen_count);

  // the list

  function controls() {
    if (!datasets.length) return;
    get("dataset").replaceChildren(...datasets.map((one, place) => make("option", { value: place }, one.name)));
    get("dataset").parentElement.hidden = datasets.length < 2;
    get("only").hidden = !datasets.some((data) => data.questions.some(citing));
    get("controls").hidden = false;
    measures();
  }

  function measures() {
    const names = datasets[state.dataset].measures;
    get("measure").replaceChildren(...names.map((name, place) => make("option", { value: place }, name)));
    state.measure = Math.min(state.measure, names.length - 1);
    get("measure").value = state.measure;
  }

  function found(question) {
    if (state.unseen && !citing(question)) return false;
    const texts = [question.id, question.text, ...question.gold, ...question.systems.map((one) => (one.answer || {}).text || "")];
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    const whole = texts.join("\n").toLowerCase();
    return words.every((word) => whole.includes(word));
  }

  function ordered(questions) {
    if (state.sort < 0) return state.down ? questions : [...questions].reverse();
    const key = (question) => question.systems[state.sort].values[state.measure] ?? -1;
    const sign = state.down ? -1 : 1;
    return [...questions].sort((a, b) => sign * (key(a) - key(b)));
  }

  function list() {
    if (!datasets.length) return;
    const data = datasets[state.dataset];
    const head = [["question", -1], ...data.systems.map((one, place) => [one.name, place])];
    get("list").tHead.replaceChildren(make("tr", {}, ...head.map(([name, place]) => {
      const arrow = state.sort === place && (place >= 0 || !state.down) ? (state.down ? " ↓" : " ↑") : "";
      const button = make("button", { type: "button" }, name + arrow);
      button.addEventListener("click", () => {
        state.down = state.sort === place ? !state.down : true;
        state.sort = place;
        list();
      });
      const order = state.sort === place ? (state.down ? "descending" : "ascending") : "none";
      return make("th", { scope: "col", "aria-sort": order }, button);
    })));
    const all = ordered(data.questions.filter(found));
    get("list").tBodies[0].replaceChildren(...all.slice(0, state.shown).map((question) => make("tr", {},
      make("td", {}, make("a", { href: address(data, question) }, question.text || question.id), " ",
        citing(question) ? make("span", { class: "tag bad" }, "cites what was not shown") : null),
      ...question.systems.map((one) => make("td", {}, value(one.values[state.measure] ?? null))))));
    get("more").hidden = all.length <= state.shown;
    const here = data.questions.length < data.asked ? `; the first ${data.questions.length} of ${data.asked} are here` : "";
    get("counted").textContent = `${all.length} of ${data.questions.length} questions${here}`;
  }

  // a question

  function marked(text, golds) {
    const wanted = golds.filter((gold) => gold.trim()).map((gold) => gold.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    if (!wanted.length) return [text];
    const pieces = text.split(new RegExp(`(${wanted.join("|")})`, "giu"));
    return pieces.map((piece, place) => (place % 2 ? make("mark", {}, piece) : piece));
  }

  function named([id, title]) {
    return title && title !== id ? `${title} (${id})` : id;
  }

  function passage(data, number, question, tags) {
    const [, , text] = data.documents[number];
    const relevant = question.relevant.includes(number) ? make("span", { class: "tag good" }, "relevant") : null;
    return make("details", {}, make("summary", {}, named(data.documents[number]), " ", relevant, ...tags),
      make("p", { class: "text" }, ...marked(text, question.gold)));
  }

  function moved(before, number, place) {
    const was = before.indexOf(number);
    if (was < 0) return make("span", { class: "moved" }, "from below");
    if (was === place) return null;
    return make("span", { class: "moved" }, was > place ? `↑ ${was - place}` : `↓ ${place - was}`);
  }

  function stages(data, system, one, question) {
    return make("div", { class: "stages" }, ...one.stages.map((numbers, stage) => make("div", {},
      make("p", { class: "pipeline" }, system.stages[stage]),
      numbers.length ? make("ol", {}, ...numbers.map((number, place) => make("li", {},
        passage(data, number, question, stage ? [moved(one.stages[stage - 1], number, place)] : []))))
        : make("p", { class: "note" }, "nothing was found"))));
  }

  function taken(answer) {
    const said = Object.entries(answer.usage).filter(([, count]) => count).map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`);
    if (answer.confidence !== null) said.unshift(`confidence ${answer.confidence.toFixed(3)}`);
    return said.length ? make("p", { class: "note" }, said.join(", ")) : null;
  }

  function answered(data, answer, question) {
    const unseen = answer.unseen.length ? answer.unseen.map((number) => `[${number}]`).join(" ") : `${answer.unseen_count} times`;
    return [
      make("p", { class: "text answer" }, answer.text ? answer.text : "no answer"),
      answer.unseen_count ? make("p", {}, make("span", { class: "tag bad" }, `cites what was not shown: ${unseen}`)) : null,
      answer.reasoning ? make("details", {}, make("summary", {}, "Reasoning"), make("p", { class: "text" }, answer.reasoning)) : null,
      make("p", { class: "note" }, answer.contexts.length ? "Context, in the order in which it was shown:" : "No passage was shown."),
      make("ol", { class: "contexts" }, ...answer.contexts.map((number, place) => make("li", {}, passage(data, number, question,
        answer.cited.includes(place + 1) ? [make("span", { class: "tag good" }, "cited")] : [])))),
      taken(answer),
    ];
  }

  function system(data, place, question) {
    const about = data.systems[place];
    const one = question.systems[place];
    const values = data.measures.map((name, number) => [name, one.values[number]]).filter(([, number]) => number !== null);
    return make("section", { class: "card", "aria-label": about.name },
      make("h3", {}, about.name),
      make("p", { class: "pipeline" }, about.reader ? `${about.pipeline} >> ${about.reader}` : about.pipeline),
      make("p", {}, ...values.map(([name, number]) => make("span", { class: "tag" }, `${name} ${value(number)}`))),
      ...(one.answer ? answered(data, one.answer, question) : []),
      make("details", { open: !one.answer }, make("summary", {}, one.stages.length > 1 ? "Retrieved and reranked" : "Retrieved"),
        stages(data, about, one, question)));
  }

  function beside(data, place) {
    const link = (other, text) => (data.questions[other] ? make("a", { href: address(data, data.questions[other]) }, text) : null);
    return make("nav", { class: "between", "aria-label": "Questions" }, make("a", { href: "#questions" }, "All questions"),
      link(place - 1, "← Before"), link(place + 1, "Next →"));
  }

  function question(data, place) {
    const one = data.questions[place];
    get("question").replaceChildren(
      beside(data, place),
      make("p", { class: "note" }, `${data.name}, ${one.id}`),
      make("p", { class: "asked" }, one.text),
      one.gold.length ? make("p", {}, make("span", { class: "tag" }, "gold"), one.gold.join(" · ")) : null,
      one.relevant.length ? make("details", {}, make("summary", {}, `${one.relevant.length} relevant`),
        make("ul", { class: "contexts" }, ...one.relevant.map((number) => make("li", {}, passage(data, number, { ...one, relevant: [] }, []))))) : null,
      ...data.systems.map((_, number) => system(data, number, one)),
      beside(data, place));
  }

  // where one is

  function go() {
    const [kind, name, id] = location.hash.slice(1).split("/").map((part) => {
      try { return decodeURIComponent(part); } catch { return part; }
    });
    const data = kind === "q" ? datasets.find((one) => one.name === name) : undefined;
    const place = data ? data.questions.findIndex((one) => one.id === id) : -1;
    get("question").hidden = place < 0;
    get("overview").hidden = get("questions").hidden = place >= 0;
    if (place >= 0) {
      question(data, place);
      window.scrollTo(0, 0);
    } else if (kind && get(kind)) get(kind).scrollIntoView();
  }

  function heard(id, event, change) {
    get(id).addEventListener(event, () => {
      change(get(id));
      state.shown = PAGE;
      list();
    });
  }

  heard("dataset", "change", (element) => { state.dataset = Number(element.value); state.sort = -1; state.down = true; measures(); });
  heard("measure", "change", (element) => { state.measure = Number(element.value); });
  heard("search", "input", (element) => { state.search = element.value; });
  heard("unseen", "change", (element) => { state.unseen = element.checked; });
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  get("more").addEventListener("click", () => { state.shown += PAGE; list(); });
  window.addEventListener("hashchange", go);
  controls();
  list();
  go();
})();

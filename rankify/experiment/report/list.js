
  // the list of questions

  const baseline = (data) => data.systems.findIndex((one) => one.name === data.baseline);

  function controls() {
    if (!datasets.length) return;
    get("dataset").replaceChildren(...datasets.map((one, place) => make("option", { value: place }, one.name)));
    get("dataset").parentElement.hidden = datasets.length < 2;
    get("only").hidden = !datasets.some((data) => data.questions.some(citing));
    get("controls").hidden = false;
    chosen();
  }

  // What can be chosen of the collection that is shown.
  function chosen() {
    const data = datasets[state.dataset];
    state.measure = Math.min(state.measure, data.measures.length - 1);
    get("dataset").value = state.dataset;
    get("measure").replaceChildren(...data.measures.map((name, place) => make("option", { value: place }, name)));
    get("measure").value = state.measure;
    const compares = data.systems.length > 1 && baseline(data) >= 0;
    state.against = state.against && compares;
    get("against").checked = state.against;
    get("compared").hidden = !compares;
    get("compared").lastChild.textContent = ` differences from ${data.baseline}`;
  }

  function found(question) {
    if (state.unseen && !citing(question)) return false;
    const texts = [question.id, question.text, ...question.gold, ...question.systems.map((one) => (one.answer || {}).text || "")];
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    const whole = texts.join("\n").toLowerCase();
    return words.every((word) => whole.includes(word));
  }

  // A system's value of a question, or how far it is from the baseline's; null where there is none.
  function shown(data, question, place) {
    const own = question.systems[place].values[state.measure] ?? null;
    if (!state.against) return own;
    const base = question.systems[baseline(data)].values[state.measure] ?? null;
    return own === null || base === null ? null : own - base;
  }

  function ordered(data, questions) {
    if (state.sort < 0) return state.down ? questions : [...questions].reverse();
    const sign = state.down ? -1 : 1;
    const known = questions.map((question) => [shown(data, question, state.sort), question]);
    return known.sort(([a], [b]) => (a === null) - (b === null) || sign * (a - b)).map(([, question]) => question);
  }

  function head(data) {
    const columns = [["question", -1], ...data.systems.map((one, place) => [one.name, place])];
    get("list").tHead.replaceChildren(make("tr", {}, ...columns.map(([name, place]) => {
      const here = state.sort === place;
      const order = here ? (state.down ? "descending" : "ascending") : "none";
      const arrow = here && (place >= 0 || !state.down) ? (state.down ? " ↓" : " ↑") : "";
      const button = make("button", { type: "button" }, name, make("span", { "aria-hidden": "true" }, arrow));
      button.addEventListener("click", () => {
        state.down = here ? !state.down : true;
        state.sort = place;
        list();
        get("list").tHead.rows[0].cells[place + 1].firstChild.focus();
      });
      return make("th", { scope: "col", "aria-sort": place < 0 && state.down ? "none" : order }, button);
    })));
  }

  function cell(data, question, place) {
    const number = shown(data, question, place);
    if (!state.against || number === null) return make("td", {}, value(number));
    if (place === baseline(data)) return make("td", { class: "dim" }, "baseline");
    const gain = number * { more: 1, less: -1, neither: 0 }[data.better[state.measure]];
    return make("td", { class: gain > 0 ? "up" : gain < 0 ? "down" : "dim" }, number ? signed(number) : "0");
  }

  function list() {
    if (!datasets.length) return;
    const data = datasets[state.dataset];
    head(data);
    const all = ordered(data, data.questions.filter(found));
    get("list").tBodies[0].replaceChildren(...all.slice(0, state.shown).map((question) => make("tr", {},
      make("th", { scope: "row" }, make("a", { href: address(data, question) }, question.text || question.id), " ",
        citing(question) ? tag("cites what was not shown", "bad") : null),
      ...data.systems.map((_, place) => cell(data, question, place)))));
    get("more").hidden = all.length <= state.shown;
    const here = data.questions.length < data.asked ? `; the first ${data.questions.length} of ${data.asked} are on this page` : "";
    get("counted").textContent = `${all.length} of ${data.questions.length} questions${here}`;
    reach();
  }


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

  // What the judgments say of a document; nothing where none of the question's documents is judged.
  function grade(data, question, number) {
    if (!question.judged) return null;
    const row = question.judged.find(([judged]) => judged === number);
    if (!row) return tag("unjudged");
    return row[1] >= data.rel ? tag(`relevant, grade ${row[1]}`, "good") : tag(`not relevant, grade ${row[1]}`, "bad");
  }

  function passage(data, number, question, tags, open = false) {
    const [, , text] = data.documents[number];
    return make("details", { open: open && text.length <= SHORT },
      make("summary", {}, named(data.documents[number]), " ", grade(data, question, number), ...tags),
      make("p", { class: "text" }, ...(text ? marked(text, question.gold) : [make("span", { class: "note" }, "no text")])));
  }

  // How far something went up or down; nothing where it stayed.
  function moved(was, now, unknown) {
    if (!was && now) return make("span", { class: "moved up" }, unknown);
    if (was === now || !now) return null;
    return make("span", { class: `moved ${was > now ? "up" : "down"}` }, was > now ? `↑ ${was - now}` : `↓ ${now - was}`);
  }

  // Where each system ranked the judged documents, with moves against the baseline.
  function ranks(data, question) {
    const rows = question.judged || [];
    if (!rows.length) return null;
    const base = baseline(data);
    const cells = ([, , ranked]) => ranked.map((rank, place) => make("td", {}, rank ? `${rank}` : "–",
      base < 0 || place === base ? null : moved(ranked[base], rank, "new"),
      place !== base && !rank && ranked[base] ? make("span", { class: "moved down" }, "lost") : null));
    return make("details", { open: rows.length <= 12 },
      make("summary", {}, `Where ${rows.length} judged ${rows.length > 1 ? "documents stand" : "document stands"}`),
      make("div", { class: "wide", "data-label": "Ranks of judged documents" }, make("table", { class: "ranks", "aria-label": "Ranks of judged documents" },
        make("thead", {}, make("tr", {}, ...["judged document", ...data.systems.map((one) => one.name)].map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...rows.map((row) => make("tr", {}, make("th", { scope: "row" }, passage(data, row[0], question, [])), ...cells(row)))))),
      make("p", { class: "note" }, `Ranks, – where a document was not found.${base < 0 ? "" : ` Moves are against ${data.baseline}.`}`));
  }

  function stages(data, system, one, question) {
    return make("div", { class: "stages" }, ...one.stages.map((numbers, stage) => make("div", {},
      make("p", { class: "pipeline" }, system.stages[stage]),
      numbers.length ? make("ol", {}, ...numbers.map((number, place) => make("li", {}, passage(data, number, question,
        stage ? [moved(one.stages[stage - 1].indexOf(number) + 1, place + 1, "from below")] : []))))
        : make("p", { class: "note" }, "nothing was found"))));
  }

  function taken(answer) {
    const said = Object.entries(answer.usage).filter(([, count]) => count).map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`);
    if (answer.confidence !== null) said.unshift(`confidence ${answer.confidence.toFixed(3)}`);
    return said.length ? make("p", { class: "note" }, said.join(", ")) : null;
  }

  // A text, folded where it is long.
  function folded(name, text) {
    return make("details", { open: text.length <= SHORT }, make("summary", {}, name), make("p", { class: "text" }, text));
  }

  function said(text) {
    if (text.length <= 2 * SHORT) return make("p", { class: "text answer" }, text || "no answer");
    return make("details", {}, make("summary", { class: "text answer" }, `${text.slice(0, SHORT)}…`), make("p", { class: "text" }, text));
  }

  function answered(data, answer, question) {
    const unseen = answer.unseen.length ? answer.unseen.map((number) => `[${number}]`).join(" ") : `${answer.unseen_count} times`;
    return [
      said(answer.text),
      answer.unseen_count ? make("p", {}, tag(`cites what was not shown: ${unseen}`, "bad")) : null,
      answer.reasoning ? folded("Reasoning", answer.reasoning) : null,
      make("p", { class: "note" }, answer.contexts.length ? "Context, in the order in which it was shown:" : "No passage was shown."),
      make("ol", { class: "contexts" }, ...answer.contexts.map((number, place) => make("li", {}, passage(data, number, question,
        answer.cited.includes(place + 1) ? [tag("cited", "good")] : [], true)))),
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
      make("p", {}, ...values.map(([name, number]) => tag(`${name} ${value(number)}`))),
      ...(one.answer ? answered(data, one.answer, question) : []),
      make("details", { open: !one.answer }, make("summary", {}, one.stages.length > 1 ? "Retrieved and reranked" : "Retrieved"),
        stages(data, about, one, question)));
  }

  function beside(data, place, where) {
    const link = (other, text) => (data.questions[other] ? make("a", { href: address(data, data.questions[other]) }, text) : null);
    return make("nav", { class: "between", "aria-label": `Questions, ${where}` }, make("a", { href: "#questions" }, "All questions"),
      link(place - 1, "← Previous"), link(place + 1, "Next →"));
  }

  function question(data, place) {
    const one = data.questions[place];
    const parts = [
      beside(data, place, "above"),
      make("p", { class: "note" }, `${data.name}, ${one.id}`),
      make("h2", { class: "asked", tabindex: "-1" }, one.text || one.id),
      one.gold.length ? make("p", {}, tag("gold"), one.gold.join(" · ")) : null,
      ranks(data, one),
      ...data.systems.map((_, number) => system(data, number, one)),
      beside(data, place, "below"),
    ];
    get("question").replaceChildren(...parts.filter(Boolean));
  }


  // where one is

  function go() {
    const [kind, name, id] = location.hash.slice(1).split("/").map((part) => {
      try { return decodeURIComponent(part); } catch { return part; }
    });
    const number = datasets.findIndex((one) => one.name === name);
    const data = datasets[number];
    const place = kind === "q" && data ? data.questions.findIndex((one) => one.id === id) : -1;
    get("question").hidden = place < 0;
    get("overview").hidden = get("questions").hidden = place >= 0;
    if (place >= 0) {
      question(data, place);
      window.scrollTo(0, 0);
      get("question").querySelector(".asked").focus({ preventScroll: true });
    } else if (kind === "by" && data) {
      Object.assign(state, { dataset: number, measure: data.first, against: true, down: true, shown: PAGE, search: "", unseen: false });
      state.sort = data.systems.findIndex((one) => one.name === id);
      get("search").value = "";
      get("unseen").checked = false;
      chosen();
      list();
      get("questions").scrollIntoView();
      get("questions").focus({ preventScroll: true });
    } else if (kind && get(kind)) get(kind).scrollIntoView();
    reach();
  }

  // What is wider than its place can be scrolled by keys, too.
  function reach() {
    for (const one of document.querySelectorAll(".wide")) {
      const wider = one.scrollWidth > one.clientWidth;
      for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", one.dataset.label]]) {
        if (wider) one.setAttribute(name, value);
        else one.removeAttribute(name);
      }
    }
  }

  function heard(id, event, change) {
    get(id).addEventListener(event, () => {
      change(get(id));
      state.shown = PAGE;
      list();
    });
  }

  heard("dataset", "change", (element) => { Object.assign(state, { dataset: Number(element.value), sort: -1, down: true }); chosen(); });
  heard("measure", "change", (element) => { state.measure = Number(element.value); });
  heard("search", "input", (element) => { state.search = element.value; });
  heard("against", "change", (element) => { state.against = element.checked; });
  heard("unseen", "change", (element) => { state.unseen = element.checked; });
  get("controls").addEventListener("submit", (event) => event.preventDefault());
  get("more").addEventListener("click", () => {
    const place = state.shown;
    state.shown += PAGE;
    list();
    get("list").tBodies[0].rows[place].querySelector("a").focus();
  });
  window.addEventListener("hashchange", go);
  window.addEventListener("resize", reach);
  controls();
  list();
  document.querySelectorAll("#overview table").forEach(sortable);
  document.querySelectorAll(".bars").forEach(bars);
  go();
  get("questions").removeAttribute("aria-busy");
})();


  // wins and losses: a link for each bar

  // One link for each row of a plot, which stands on the bar that the pointer or an arrow key is at.
  function bars(row) {
    const data = datasets.find((one) => one.name === row.dataset.dataset);
    const about = data && data.systems.find((one) => one.name === row.dataset.system);
    const count = about && about.order ? about.order.length : 0;
    if (!count) return;
    const [x, y, width, height] = row.dataset.box.split(" ").map(Number);
    const draw = (name, attributes, ...inside) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      element.append(...inside);
      return element;
    };
    const all = draw("rect", { x, y, width, height, class: "all" });
    const at = draw("rect", { x, y, width: Math.max(width / count, 1), height, class: "at" });
    const link = draw("a", { tabindex: "0" }, all, at);
    const reads = row.closest("figure").querySelector(".reads");
    const place = data.systems.indexOf(about);
    const measure = data.measures.indexOf(row.dataset.measure);
    let now = -1;

    function go(wanted, say = true) {
      now = Math.min(Math.max(wanted, 0), count - 1);
      at.setAttribute("x", x + (width * now) / count);
      const question = data.questions[about.order[now]];
      const known = (one) => question.systems[one].values[measure];
      const difference = question && known(place) - known(baseline(data));
      const text = question ? `${question.text || question.id}: ${signed(difference)}` : "a query that is not on this page";
      if (question) link.setAttribute("href", address(data, question));
      else link.removeAttribute("href");
      link.setAttribute("aria-label", `${about.name}, ${now + 1} of ${count}: ${text}`);
      if (say) reads.textContent = `${about.name}: ${text}`;
    }

    for (const kind of ["pointermove", "pointerdown"]) {
      link.addEventListener(kind, (event) => {
        const box = all.getBoundingClientRect();
        go(Math.floor(((event.clientX - box.left) / box.width) * count));
      });
    }
    link.addEventListener("focus", () => go(now));
    link.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -count, End: count };
      if (!(event.key in steps)) return;
      event.preventDefault();
      go(now + steps[event.key]);
    });
    go(0, false);
    row.append(link);
    row.closest("svg").setAttribute("role", "group");
  }

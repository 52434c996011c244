
  // tables of the overview

  // What a cell is sorted by: its words, or its number, whatever mark stands beside it; null where it has none.
  function keyOf(cell) {
    if (cell.classList.contains("words")) return cell.textContent;
    const found = Number.parseFloat(cell.textContent.replace(/[,<]/g, "").replace(/^([+-]?)inf/, "$1Infinity"));
    return Number.isNaN(found) ? null : found;
  }

  // Has a column's head sort the rows: the highest first, then the lowest, words from A; the first column puts them back.
  function sortable(table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const order = (place, down) => {
      const known = rows.map((row) => [keyOf(row.cells[place]), row]);
      const sign = down ? -1 : 1;
      return known.sort(([a], [b]) => (a === null) - (b === null) || sign * ((a > b) - (a < b))).map(([, row]) => row);
    };
    heads.forEach((head, place) => {
      const arrow = make("span", { "aria-hidden": "true" });
      const button = make("button", { type: "button" }, head.textContent, arrow);
      button.addEventListener("click", () => {
        const ways = ["descending", "ascending"];
        const [first, other] = head.classList.contains("words") ? ways.reverse() : ways;
        const way = head.getAttribute("aria-sort") === first ? other : first;
        const down = way === "descending";
        for (const one of heads) {
          one.setAttribute("aria-sort", "none");
          one.querySelector("span").textContent = "";
        }
        if (place) {
          head.setAttribute("aria-sort", way);
          arrow.textContent = down ? " ↓" : " ↑";
        }
        body.append(...(place ? order(place, down) : rows));
      });
      head.setAttribute("aria-sort", "none");
      head.replaceChildren(button);
    });
  }


  // tables of the overview

  // A cell's number, whatever mark stands behind it; null where it has none.
  function numberOf(cell) {
    const found = Number.parseFloat(cell.textContent.replaceAll(",", ""));
    return Number.isNaN(found) ? null : found;
  }

  // Has a column's head sort the rows: the highest first, then the lowest; the first column puts them back.
  function sortable(table) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    const order = (place, down) => {
      const known = rows.map((row) => [numberOf(row.cells[place]), row]);
      return known.sort(([a], [b]) => (a === null) - (b === null) || (down ? b - a : a - b)).map(([, row]) => row);
    };
    heads.forEach((head, place) => {
      const arrow = make("span", { "aria-hidden": "true" });
      const button = make("button", { type: "button" }, head.textContent, arrow);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        for (const one of heads) {
          one.setAttribute("aria-sort", "none");
          one.querySelector("span").textContent = "";
        }
        if (place) {
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          arrow.textContent = down ? " ↓" : " ↑";
        }
        body.append(...(place ? order(place, down) : rows));
      });
      head.setAttribute("aria-sort", "none");
      head.replaceChildren(button);
    });
  }

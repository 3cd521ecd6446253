// Sorts a table by the column that is clicked; without JavaScript the table stays as it is.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
      const value = row => key(row) === "" ? Infinity : Number(key(row));
      const text = head.classList.contains("text");
      const order = text ? (a, b) => key(a).localeCompare(key(b)) : (a, b) => value(a) - value(b);
      const rows = [...body.rows].sort((a, b) => down * order(a, b));
      body.append(...rows);
      table.querySelectorAll("th").forEach(header => header.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
    };
  });
}

// Overview: the classes in the order of a column, without asking the server.

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** The order after a click on a column's head: the lowest first, then the highest, then the lowest. */
export const nextRank = (rank, column) => (rank === column ? `-${column}` : column);

/** Puts the rows of every ranked table below `root` in the order that the address names, unknown values last. */
export function showRank(root, rank) {
  for (const table of root.querySelectorAll("table.ranked")) {
    const column = (rank ?? "").replace(/^-/, "");
    const sign = rank?.startsWith("-") ? -1 : 1;
    for (const head of table.querySelectorAll("th[data-column]")) {
      if (head.dataset.column === column) head.setAttribute("aria-sort", (sign > 0) !== ("falling" in head.dataset) ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (!rows.length) continue;
    rows.forEach((row, index) => { row.dataset.original ??= index; });
    const known = column in rows[0].dataset && table.querySelector(`th[data-column="${CSS.escape(column)}"]`);
    rows.sort((one, two) => (known ? compare(one.dataset[column], two.dataset[column], sign) : 0) || one.dataset.original - two.dataset.original);
    if (rows.some((row, index) => row !== body.rows[index])) body.replaceChildren(...rows);
  }
}

function compare(one, two, sign) {
  if (one === "" || two === "") return (one === "") - (two === "");
  const numbers = [Number(one), Number(two)];
  return sign * (numbers.some(Number.isNaN) ? collator.compare(one, two) : numbers[0] - numbers[1]);
}

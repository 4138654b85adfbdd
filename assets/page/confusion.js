// The confusion matrix of Compare: pointing at a cell or moving to it by keys, and opening its samples.

import { DEFAULTS, keysOf } from "./address.js";

// All filters of the gallery taken away; its order stays.
const FILTERS = Object.fromEntries(
  keysOf(({ tab }) => tab === "gallery").filter((key) => key !== "sort").map((key) => [key, DEFAULTS[key]]),
);

const read = new WeakMap();

function numbersOf(matrix) {
  if (!read.has(matrix)) {
    const classes = JSON.parse(matrix.dataset.classes);
    const counts = new Map(JSON.parse(matrix.dataset.cells).map(([row, column, count]) => [row * classes.length + column, count]));
    read.set(matrix, { classes, counts, row: 0, column: 0 });
  }
  return read.get(matrix);
}

function show(matrix, row, column) {
  const numbers = numbersOf(matrix);
  const { classes, counts } = numbers;
  Object.assign(numbers, { row, column });
  const count = counts.get(row * classes.length + column) ?? 0;
  const [, title, tested] = classes[row];
  const text = row === column
    ? `${title}: ${count} of ${tested} test samples recognised.`
    : `${title} taken for ${classes[column][1]}: ${count} of ${tested} test samples.`;
  matrix.closest("section").querySelector(".matrix-status").textContent = text;
  const cursor = matrix.querySelector(".cursor");
  const size = 100 / classes.length;
  Object.assign(cursor.style, { left: `${column * size}%`, top: `${row * size}%`, width: `${size}%`, height: `${size}%` });
  cursor.hidden = false;
  matrix.classList.toggle("full", count > 0);
}

function cellAt(matrix, event) {
  const size = numbersOf(matrix).classes.length;
  const box = matrix.getBoundingClientRect();
  const at = (offset, length) => Math.min(Math.max(Math.floor(size * offset / length), 0), size - 1);
  return [at(event.clientY - box.top, box.height), at(event.clientX - box.left, box.width)];
}

/** Opens the samples of the cell that is marked; an empty cell has none. */
function open(matrix, go) {
  const { classes, counts, row, column } = numbersOf(matrix);
  if (!counts.get(row * classes.length + column)) return;
  const samples = row === column ? { shown: "right" } : { shown: "confused", rival: classes[column][0] };
  go({ ...FILTERS, tab: "gallery", class: classes[row][0], split: "test", ...samples });
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** Answers the pointer and the keys in every matrix of a slot. */
export function listenToMatrix(slot, go) {
  const matrixOf = (event) => event.target.closest(".matrix");
  slot.addEventListener("pointermove", (event) => {
    const matrix = matrixOf(event);
    if (matrix) show(matrix, ...cellAt(matrix, event));
  });
  slot.addEventListener("click", (event) => {
    const matrix = matrixOf(event);
    if (!matrix) return;
    show(matrix, ...cellAt(matrix, event));
    open(matrix, go);
  });
  slot.addEventListener("keydown", (event) => {
    const matrix = matrixOf(event);
    if (!matrix || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter") return open(matrix, go);
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const { classes, row, column } = numbersOf(matrix);
    const within = (index) => Math.min(Math.max(index, 0), classes.length - 1);
    show(matrix, within(row + step[0]), within(column + step[1]));
  });
}

// Heat maps: which overlay an image shows, which polygons are drawn, where nothing is. Opacity alone is a CSS variable.

import { DEFAULTS } from "./address.js";
import { splitLate, unfold } from "./fragments.js";
import { recolour } from "./palette.js";

/** The look that a picture can have: an activation map never shows what speaks against. */
const own = (image, state) => ("unsigned" in image.dataset ? { ...state, signed: false } : state);

/** What the server draws: at its own threshold and colours; any others are put in here. */
const address = (image, state) => `${image.dataset.heat.replace("{view}", state.layer)}&signed=${state.signed ? 1 : 0}`;

const lookOf = (state) => `${state.signed ? DEFAULTS.colours : state.colours} ${state.threshold.toFixed(2)}`;
const SERVERS = lookOf(DEFAULTS);
const TABLES = new Map(Object.entries(window.shelfLens.colours).map(
  ([name, text]) => [name, Uint8Array.from(text.match(/../g), (byte) => parseInt(byte, 16))],
));

const MAX_CACHED = 300; // some kilobytes each
const cache = new Map();

/** The bytes of a picture that the server draws, kept so that a slider in motion asks nobody. */
function bytesOf(drawn) {
  const known = cache.get(drawn);
  const answer = known ?? fetch(drawn, { cache: "force-cache" }).then((response) => { // mostly what the page has just shown
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return response.arrayBuffer();
  });
  cache.delete(drawn);
  cache.set(drawn, answer);
  if (!known) answer.catch(() => cache.delete(drawn));
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
  return answer;
}

async function show(image, shown) {
  const state = own(image, shown);
  const drawn = address(image, state);
  const look = lookOf(state);
  if (image.dataset.shows === `${drawn} ${look}`) return;
  image.dataset.shows = `${drawn} ${look}`;
  if (look === SERVERS) {
    image.src = drawn;
    return;
  }
  try {
    const bytes = await bytesOf(drawn);
    if (image.dataset.shows !== `${drawn} ${look}`) return;
    const table = TABLES.get(state.signed ? "signed" : state.colours);
    const url = URL.createObjectURL(recolour(bytes, table, state.threshold, state.signed));
    const forget = () => URL.revokeObjectURL(url);
    image.addEventListener("load", forget, { once: true });
    image.addEventListener("error", forget, { once: true });
    image.src = url;
  } catch {
    if (image.dataset.shows === `${drawn} ${look}`) image.src = drawn;
  }
}

/** Shows the state's threshold, sign and view in everything below `root`. */
export function paint(root, state) {
  for (const image of root.querySelectorAll("img[data-heat]")) {
    const gallery = image.dataset.heat.includes("{view}");
    image.hidden = gallery && state.layer === "photograph";
    if (!image.hidden) show(image, state);
  }
  for (const polygon of root.querySelectorAll("polygon[data-importance]")) {
    const value = Number(state.signed ? polygon.dataset.signed : polygon.dataset.importance);
    polygon.classList.toggle("drawn", value !== 0 && Math.abs(value) >= state.threshold - 1e-9);
  }
  for (const note of root.querySelectorAll(".faint")) {
    note.hidden = Number(state.signed ? note.dataset.signed : note.dataset.importance) >= state.threshold - 1e-9;
  }
}

/** The addresses of the pictures that a fragment, not shown yet, will show at once. */
export function picturesOf(html, state) {
  if (!/<img |class="sprite"/.test(html)) return [];
  const parsed = document.createElement("template");
  [parsed.innerHTML] = splitLate(html);
  if (state.against) unfold(parsed.content);
  const found = new Set();
  for (const image of parsed.content.querySelectorAll("img")) {
    if (image.closest("details") || (image.dataset.heat?.includes("{view}") && state.layer === "photograph")) continue;
    found.add(image.dataset.heat ? address(image, own(image, state)) : image.getAttribute("src"));
  }
  for (const { style } of parsed.content.querySelectorAll(".sprite")) {
    if (style.backgroundImage) found.add(style.backgroundImage.slice(5, -2));
  }
  return [...found];
}

/** Fetches what the visible images below `root` will show with the other sign: the pointer is on the switch. */
export function prefetchSign(root, state) {
  const other = { ...state, signed: !state.signed };
  for (const image of root.querySelectorAll("img[data-heat]:not([hidden], [data-unsigned])")) {
    if (image.offsetParent) new Image().src = address(image, other);
  }
}

/** Fetches what is folded away below `root`: the pointer is on the switch that shows it. */
export function prefetchFolded(root, state) {
  for (const { content } of root.querySelectorAll("template.folded")) {
    for (const image of content.querySelectorAll("img[data-heat]")) new Image().src = address(image, state);
  }
}

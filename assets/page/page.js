// The page: one state, written in the address, shown by fragments that the server renders. Gradio supplies the tabs and
// dropdowns; their events call `pick`, and `header` tells them what to show.

import { readState, writeState } from "./address.js";
import { keepAs, load } from "./fragments.js";
import { paint, warm } from "./heat.js";

const THEME = "shelf-lens-theme";
const queue = window.shelfLens.queue;
const slots = new Map();
let state = readState(location.search);
let choices = null;
let trigger = null;
let told = "";

// --- which fragment a slot shows ---------------------------------------------------------------------------------

const names = (keys) => new URLSearchParams(keys.filter((key) => state[key] !== null).map((key) => [key, state[key]]));

const SLOTS = {
  strip: { tab: "sample", keys: () => (state.class ? ["db", "model", "class"] : ["db", "model", "sample"]) },
  sample: { tab: "sample", keys: () => ["db", "model", "class", "sample", "focus"] },
  maps: { tab: "sample", keys: () => ["db", "model", "class", "sample", "map"] },
  gallery: { tab: "gallery", keys: () => ["db", "model", "class"] },
  global: {
    tab: "global",
    keys: () => ["db", "model", "class", ...(state.scope === "model" ? ["scope", "pair"] : [])],
  },
  overview: { tab: "overview", keys: () => ["db", "model"] },
};

const urlOf = (slot) => `view/${slot}?${names(SLOTS[slot].keys())}`;

async function fill(slot) {
  const element = slots.get(slot);
  const url = urlOf(slot);
  if (element.dataset.url === url) return decorate(slot);
  element.dataset.url = url;
  const slow = setTimeout(() => element.setAttribute("aria-busy", "true"), 200);
  try {
    const answer = await load(url);
    if (element.dataset.url !== url) return;
    adopt(answer.state);
    element.dataset.url = urlOf(slot);
    keepAs(element.dataset.url, answer);
    const { id, dataset } = element.contains(document.activeElement) ? document.activeElement : { dataset: {} };
    const chosen = id ? `#${id}` : dataset.state && `[data-state="${dataset.state}"]`;
    element.innerHTML = answer.html;
    decorate(slot);
    if (chosen) element.querySelector(chosen)?.focus();
  } catch (error) {
    if (element.dataset.url !== url) return;
    element.dataset.url = "";
    element.innerHTML = '<div class="sl-note" role="alert">The server did not answer. '
      + '<button type="button" class="sl-button" data-retry>Try again</button></div>';
  } finally {
    clearTimeout(slow);
    if (element.dataset.url === urlOf(slot) || !element.dataset.url) element.removeAttribute("aria-busy");
  }
}

/** Takes over the names that the server filled in, without a new step in the history. */
function adopt(resolved) {
  const before = JSON.stringify(state);
  state = { ...state, ...resolved };
  if (JSON.stringify(state) === before) return;
  history.replaceState(null, "", writeState(state, location.search));
  tellHeader();
}

// --- showing -----------------------------------------------------------------------------------------------------

function render() {
  document.body.classList.toggle("sl-signed", state.signed);
  document.body.classList.toggle("sl-against", state.against);
  document.body.style.setProperty("--sl-opacity", state.opacity);
  for (const control of document.querySelectorAll("[data-state]")) showControl(control);
  tellHeader();
  for (const slot of Object.keys(SLOTS)) {
    if (SLOTS[slot].tab === state.tab && slots.has(slot)) fill(slot);
  }
}

function showControl(control) {
  if (control.dataset.state === "split") return; // what is shown without a choice depends on the class: filterTiles
  const value = state[control.dataset.state];
  if (value === null) return; // the server's own choice is shown
  if (control.type === "checkbox") control.checked = value;
  else if (control.type === "radio") control.checked = value === control.value;
  else control.value = value;
  const output = control.closest("label")?.querySelector("output");
  if (output) output.textContent = control.dataset.state === "opacity" ? `${Math.round(value * 100)} %` : value.toFixed(2);
}

function decorate(slot) {
  const root = slots.get(slot);
  paint(root, state);
  if (slot === "strip") markCurrent();
  if (slot === "gallery") filterTiles(root);
  if (slot === "global" || slot === "maps") for (const fold of root.querySelectorAll("details")) fold.open = fold.dataset.open === state.open;
  if (slot === "sample") {
    markCurrent();
    for (const neighbour of [1, -1, 2]) prefetch(neighbour);
  }
  for (const control of root.querySelectorAll("[data-state]")) showControl(control);
}

function filterTiles(root) {
  const splits = [...root.querySelectorAll("input[data-state=split]")].map((radio) => radio.value);
  const fallback = root.querySelector("[data-split-default]")?.dataset.splitDefault ?? "all";
  const split = splits.includes(state.split) ? state.split : fallback;
  let shown = 0;
  for (const tile of root.querySelectorAll(".tile")) {
    const { verdict, split: own } = tile.dataset;
    tile.hidden = (split !== "all" && own !== split) || (state.shown !== "all" && verdict !== state.shown);
    shown += tile.hidden ? 0 : 1;
  }
  for (const radio of root.querySelectorAll("input[data-state=split]")) radio.checked = radio.value === split;
  const none = root.querySelector(".sl-none");
  if (none) none.hidden = shown > 0;
}

// --- stepping through the samples of a class ---------------------------------------------------------------------

const thumbnails = () => [...(slots.get("strip")?.querySelectorAll("a[data-sample]") ?? [])];

function markCurrent() {
  const all = thumbnails();
  const place = all.findIndex((thumbnail) => thumbnail.dataset.sample === state.sample);
  all.forEach((thumbnail, index) => {
    if (index === place) thumbnail.setAttribute("aria-current", "true");
    else thumbnail.removeAttribute("aria-current");
  });
  const strip = slots.get("strip");
  const counter = strip?.querySelector(".counter");
  if (counter) counter.textContent = place < 0 ? `${all.length}` : `${place + 1} of ${all.length}`;
  for (const [name, off] of [["previous", place <= 0], ["next", place < 0 || place === all.length - 1]]) {
    const button = strip?.querySelector(`[data-step="${name === "next" ? 1 : -1}"]`);
    if (button) button.disabled = off;
  }
  const rail = strip?.querySelector(".rail");
  if (rail && place >= 0) {
    const box = all[place];
    rail.scrollLeft = box.offsetLeft - rail.offsetLeft - (rail.clientWidth - box.clientWidth) / 2;
  }
}

function neighbour(steps) {
  const all = thumbnails();
  const place = all.findIndex((thumbnail) => thumbnail.dataset.sample === state.sample);
  return place < 0 ? undefined : all[place + steps]?.dataset.sample;
}

function step(steps) {
  const sample = neighbour(steps);
  if (sample) go({ sample });
}

async function prefetch(steps) {
  const sample = neighbour(steps);
  if (!sample) return;
  const query = new URLSearchParams(names(["db", "model", "class"]));
  query.set("sample", sample);
  try {
    warm((await load(`view/sample?${query}`)).html, state);
  } catch { /* it will be asked for again when it is needed */ }
}

// --- changing the state ------------------------------------------------------------------------------------------

const NO_STEP = new Set(["threshold", "opacity", "signed", "against", "layer", "shown", "split", "open", "map"]);

function go(change) {
  const next = { ...state, ...change };
  const other = (key) => key in change && change[key] !== state[key];
  if (other("class") && !("sample" in change)) next.sample = null;
  if (other("class") && !("scope" in change)) next.scope = "class";
  if ((other("class") || other("model") || other("db")) && !("open" in change)) next.open = null;
  if (("sample" in change || other("class")) && !("focus" in change)) next.focus = null;
  if (JSON.stringify(next) === JSON.stringify(state)) return;
  const minor = Object.keys(change).every((key) => NO_STEP.has(key));
  const moved = next.tab !== state.tab;
  state = next;
  history[minor ? "replaceState" : "pushState"](null, "", writeState(state, location.search));
  if (moved) window.scrollTo(0, 0);
  if ("model" in change || "db" in change) loadChoices();
  render();
}

async function loadChoices() {
  const url = `view/choices?${names(["db", "model"])}`;
  try {
    const answer = await load(url);
    choices = answer.choices;
    if (!state.model) adopt(answer.state);
    document.title = `${answer.title} · Shelf Lens`;
    tellHeader();
  } catch { /* the tab's own fragment says that the server does not answer */ }
}

function tellHeader() {
  if (!trigger || !choices) return;
  const now = JSON.stringify([choices, state.db, state.model, state.class, state.tab]);
  if (now === told) return;
  told = now;
  trigger("sync");
}

// --- what Gradio's events call -----------------------------------------------------------------------------------

const update = (fields) => ({ __type__: "update", ...fields });

window.shelfLens = {
  mount(element) {
    for (const slot of element.querySelectorAll("[data-slot]")) slots.set(slot.dataset.slot, slot);
    render();
  },
  bridge(fire) {
    trigger = fire;
    applyTheme(); // Gradio has just set its own
    tellHeader();
  },
  header: () => [
    update({ choices: choices.databases, value: state.db }),
    update({ choices: choices.models, value: state.model }),
    update({ choices: choices.classes, value: state.class }),
    update({ selected: state.tab }),
  ],
  pick(key, value) {
    if (value !== null && value !== undefined && value !== "" && value !== state[key]) go({ [key]: value });
  },
};

// --- events of the page ------------------------------------------------------------------------------------------

const GO_KEYS = ["model", "class", "sample", "open", "focus", "map"];

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-go],[data-step],[data-copy],[data-theme],[data-retry],[data-tab-id]");
  if (!target) return;
  if ("go" in target.dataset) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    const wanted = new URL(target.href).searchParams;
    const named = GO_KEYS.filter((key) => wanted.has(key)).map((key) => [key, wanted.get(key)]);
    const { tab, scope } = readState(wanted);
    go({ ...Object.fromEntries(named), tab, ...(tab === "global" ? { scope } : {}) });
  } else if ("step" in target.dataset) step(Number(target.dataset.step));
  else if ("tabId" in target.dataset) go({ tab: target.dataset.tabId }); // Gradio's select event fires at start, too
  else if ("copy" in target.dataset) copyLink(target);
  else if ("theme" in target.dataset) switchTheme();
  else render();
});

document.addEventListener("input", (event) => {
  const control = event.target;
  const key = control.dataset?.state;
  if (!key) return;
  if (control.type === "checkbox") go({ [key]: control.checked });
  else if (control.type === "range") go({ [key]: Number(control.value) });
  else go({ [key]: control.value });
});

document.addEventListener("toggle", (event) => {
  const fold = event.target.dataset?.open;
  if (!fold || !event.target.isConnected) return;
  if (event.target.open) go({ open: fold });
  else if (state.open === fold) go({ open: null });
}, true); // it does not bubble

document.addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!steps || state.tab !== "sample" || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, textarea, select, [role=tab], [role=listbox]")) return;
  event.preventDefault();
  step(steps);
});

// Typing in Gradio's dropdown would append to the shown choice: select it, so that typing replaces it.
document.addEventListener("focusin", (event) => {
  if (event.target.matches(".sl-pick input")) event.target.select();
});

// An entry in the table lights up its polygons, and the other way round.
document.addEventListener("pointerover", (event) => {
  const entry = event.target.closest?.("[data-entry]");
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  if (!entry) return;
  const scope = entry.closest("[data-slot]");
  for (const twin of scope.querySelectorAll(`[data-entry="${entry.dataset.entry}"]`)) twin.classList.add("lit");
});

window.addEventListener("popstate", () => {
  const before = state;
  state = readState(location.search);
  if (state.model !== before.model || state.db !== before.db) loadChoices();
  render();
});

async function copyLink(button) {
  const link = location.href;
  try {
    await navigator.clipboard.writeText(link);
  } catch { // no permission, or a page that is not served over https
    const field = Object.assign(document.createElement("textarea"), { value: link });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.dataset.copy = "done";
  setTimeout(() => { button.dataset.copy = ""; }, 1600);
}

function switchTheme() {
  const dark = document.body.classList.toggle("dark");
  localStorage.setItem(THEME, dark ? "dark" : "light");
}

/** The visitor's own choice, if there is one; else Gradio follows the system. */
function applyTheme() {
  const wanted = localStorage.getItem(THEME);
  if (wanted) document.body.classList.toggle("dark", wanted === "dark");
}

applyTheme();

loadChoices();
if (state.tab === "sample") load(urlOf("sample")); // while Gradio still starts
for (const [name, ...rest] of queue) window.shelfLens[name](...rest);

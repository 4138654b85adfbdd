// The page: one state, written in the address, shown by fragments that the server renders. Gradio supplies the tabs and
// dropdowns; their events call `pick`, and `header` gives what they show.

import { keysOf, readState, writeState } from "./address.js";
import { prefetch, prefetchPictures, cancelPrefetch } from "./prefetch_queue.js";
import { listenToMatrix } from "./confusion.js";
import { listen } from "./events.js";
import { prefetcher } from "./prefetch.js";
import { keepAs, load, painted, splitLate, unfold } from "./fragments.js";
import { connect, drawn, setInGradio, shows, sync, updates } from "./header.js";
import { paint, picturesOf } from "./heat.js";
import { showRank } from "./ranking.js";
import { addressOf, choicesOf, namesOf, slotsOf } from "./slots.js";
import { stepper } from "./strip.js";
import { asCsv, download, showCount, showTags, tagged } from "./tags.js";
import { applyTheme } from "./theme.js";
import { listenToSuperpixels, showWhatIf, toggled } from "./whatif.js";

const queue = window.shelfLens.queue;
const slots = new Map();
let state = readState(location.search);
let choices = null;
let keys = {};
let known = null; // that what the header offers, and the databases' keys, have arrived

// --- filling the slots -------------------------------------------------------------------------------------------

const urlOf = (slot, view = state) => addressOf(slot, view, tagged(tagKey()));
const shownSlots = (view) => slotsOf(view).filter((slot) => slots.has(slot));

/** Whether a slot shows what the state asks for. */
const isReady = (slot) => slots.get(slot)?.dataset.shown === urlOf(slot);

async function fill(slot) {
  const element = slots.get(slot);
  if (slot === "gallery" && state.shown === "tagged" && !tagKey()) await known;
  const url = urlOf(slot);
  if (element.dataset.url === url) return decorate(slot);
  element.dataset.url = url;
  const slow = setTimeout(() => { if (element.dataset.url === url) element.setAttribute("aria-busy", "true"); }, 200);
  try {
    const answer = await load(url);
    if (element.dataset.url !== url) return;
    if (!shownSlots(state).includes(slot)) { // the visitor has gone to another tab, and maybe chosen another class there
      element.dataset.url = "";
      return;
    }
    const resolved = answered(slot, answer);
    const asIs = Object.entries(resolved).every(([name, value]) => [null, value].includes(state[name]));
    adopt(resolved);
    element.dataset.url = urlOf(slot);
    if (asIs) keepAs(element.dataset.url, answer); // else it tells of a name that is not there
    element.dataset.shown = element.dataset.url;
    const focus = focusWithin(element);
    const whole = show(slot, answer.html, !focus);
    if (focus) (element.querySelector(focus) ?? element).focus({ preventScroll: true });
    return whole;
  } catch {
    if (element.dataset.url !== url) return;
    element.dataset.url = element.dataset.shown = "";
    element.innerHTML = '<div class="sl-note" role="alert">The server did not answer. '
      + '<button type="button" class="sl-button" data-retry>Try again</button></div>';
  } finally {
    clearTimeout(slow);
    if (element.dataset.url === urlOf(slot) || !element.dataset.url) element.removeAttribute("aria-busy");
  }
}

/**
 * Puts a fragment in its slot. With `patient`, its late part follows when the pictures are painted; what stood there stays
 * until then. Gives a promise of the whole.
 */
async function show(slot, html, patient) {
  const element = slots.get(slot);
  const [now, late] = splitLate(html);
  const before = element.querySelector("[data-late]");
  element.innerHTML = patient ? now : now + late;
  const rest = element.querySelector("[data-late]");
  if (patient && late && before) rest.replaceWith(before);
  decorate(slot);
  if (!patient || !late) return;
  const root = element.lastElementChild;
  await painted(root);
  if (!root.isConnected) return; // something else is shown by now
  rest.innerHTML = late;
  before?.replaceWith(rest);
  decorate(slot);
}

/** What is to have the focus when an element's content is new: its twin there, else the element; "" without focus. */
function focusWithin(element) {
  const { activeElement } = document;
  if (!element.contains(activeElement)) return "";
  element.tabIndex = -1;
  const { id, dataset } = activeElement;
  return id ? `#${CSS.escape(id)}` : `[data-state="${dataset.state}"]:is(select, :checked)`;
}

/** The names that an answer settles: those that were asked about, and those that the visitor has not chosen. */
function answered(slot, answer) {
  const asked = namesOf(slot, state);
  return Object.fromEntries(Object.entries(answer.state).filter(([name]) => state[name] === null || asked.includes(name)));
}

/** Takes over the names that the server filled in, without a new step in the history. */
function adopt(resolved) {
  const named = { ...state, ...resolved };
  if (JSON.stringify(named) === JSON.stringify(state)) return;
  state = named;
  history.replaceState(null, "", writeState(state, location.search));
  syncHeader();
}

// --- showing -----------------------------------------------------------------------------------------------------

function render() {
  document.body.classList.toggle("sl-signed", state.signed);
  document.body.classList.toggle("sl-against", state.against);
  document.body.classList.toggle("sl-cividis", state.colours !== "jet");
  document.body.classList.toggle("sl-whatif", state.whatif);
  document.body.dataset.compare = state.compare;
  document.body.dataset.only = state.only ?? "";
  document.body.style.setProperty("--sl-opacity", state.opacity);
  for (const control of document.querySelectorAll("[data-state]")) showControl(control);
  if (!shows("tab", "selected", state.tab)) syncHeader();
  const filling = shownSlots(state).map(fill);
  setTimeout(syncHeader);
  const filled = Promise.allSettled(filling);
  filled.then(() => requestAnimationFrame(() => setTimeout(next.prefetchNext))); // once it is painted
  return filled;
}

function showControl(control) {
  const value = state[control.dataset.state];
  if (control.type === "search") {
    if (control !== document.activeElement) control.value = value ?? "";
    return;
  }
  if (control.dataset.state === "split" || (value === null && !("none" in control.dataset))) return; // the server's own choice
  if (control.type === "checkbox") control.checked = value;
  else if (control.type === "radio") control.checked = value === control.value;
  else control.value = value ?? "";
  const output = control.closest("label")?.querySelector("output");
  if (output) output.textContent = control.dataset.state === "opacity" ? `${Math.round(value * 100)} %` : value.toFixed(2);
}

function decorate(slot) {
  const root = slots.get(slot);
  if (state.against) unfold(root);
  paint(root, state);
  if (["strip", "compare-strip", "compare", "sample"].includes(slot)) steps.mark();
  if (slot === "gallery") offerOrders();
  if (slot === "overview") showRank(root, state.rank);
  showTags(root, tagKey());
  showCount(tagKey());
  if (slot === "global" || slot === "maps") for (const fold of root.querySelectorAll("details")) fold.open = fold.dataset.open === state.open;
  if (slot === "sample") showWhatIf(root, state);
  for (const control of root.querySelectorAll("[data-state]")) showControl(control);
}

/** Trust is judged within one class only: it takes every weight. */
function offerOrders() {
  for (const option of document.querySelectorAll("select[data-state=sort] option")) {
    option.disabled = state.within === "all" && ["doubtful", "trusted"].includes(option.value);
  }
}

// --- tags ----------------------------------------------------------------------------------------------------------

const tagKey = () => keys[state.db] ?? "";

function retag(change) {
  if (!change(tagKey())) alert("This browser keeps no notes for this page; allow it to store data and try again.");
  showTagged();
}

function showTagged() {
  showCount(tagKey());
  for (const slot of slots.values()) showTags(slot, tagKey());
  if (state.tab === "gallery" && state.shown === "tagged") render();
}

function exportTagged() {
  const address = (path, note) => {
    const view = { ...readState(""), db: state.db, model: note.model, class: note.class, sample: path, tab: "sample" };
    return location.origin + location.pathname + writeState(view);
  };
  download(`tagged-${state.db}.csv`, asCsv(state.db, tagged(tagKey()), address));
}

// --- changing the state ------------------------------------------------------------------------------------------

const MINOR = new Set(keysOf(({ history: step }) => !step));

/** The state that a change leads to: what belongs to another class or sample is left behind. */
function after(change) {
  const view = { ...state, ...change };
  const other = (key) => key in change && change[key] !== state[key];
  if (other("class") && !("sample" in change)) view.sample = null;
  if (other("class") && !("scope" in change)) view.scope = "class";
  if ((other("class") || other("model") || other("db")) && !("open" in change)) view.open = null;
  if (("sample" in change || other("class")) && !("focus" in change)) view.focus = null;
  if (other("sample") || other("class") || other("db") || view.whatif === false) view.off = null;
  return view;
}

/** Makes a change and shows it; gives a promise of its content. */
function go(change) {
  const view = after(change);
  if (JSON.stringify(view) === JSON.stringify(state)) return Promise.resolve();
  const minor = Object.keys(change).every((key) => MINOR.has(key));
  const moved = view.tab !== state.tab;
  cancelPrefetch();
  if (["db", "class", "sample", "tab"].some((key) => view[key] !== state[key])) steps.forget();
  state = view;
  history[minor ? "replaceState" : "pushState"](null, "", writeState(state, location.search));
  if (moved) window.scrollTo(0, 0);
  if ("model" in change || "db" in change) loadChoices();
  return render();
}

let choosing = 0;
let title = "";

async function loadChoices() {
  const mine = ++choosing;
  try {
    const answer = await load(choicesOf(state));
    if (mine !== choosing) return; // another model or database has been picked since
    choices = answer.choices;
    keys = answer.keys;
    if (!state.model || !state.db) adopt({ ...answer.state, ...(state.model ? { model: state.model } : {}) });
    title = `${answer.title} · Shelf Lens`;
    document.title = title;
    showTagged();
    syncHeader();
  } catch { /* the tab's own fragment says that the server does not answer */ }
}

const offered = (name, value) => (choices ? { choices: choices[name], value } : {});

const wanted = () => ({
  db: offered("databases", state.db),
  model: offered("models", state.model),
  class: offered("classes", state.class),
  tab: { selected: state.tab },
});

const syncHeader = () => sync(wanted());

// --- what Gradio's events call -----------------------------------------------------------------------------------

Object.assign(window.shelfLens, {
  mount(element) {
    for (const slot of element.querySelectorAll("[data-slot]")) {
      slots.set(slot.dataset.slot, slot);
      if (slot.dataset.slot === "sample") listenToSuperpixels(slot, () => state, (name) => go({ off: toggled(state, name) }));
      if (slot.dataset.slot === "compare") listenToMatrix(slot, go);
    }
    render();
  },
  bridge(fire) {
    connect(fire);
    applyTheme(); // Gradio has just set its own, and its own title
    document.title = title || document.title;
    syncHeader();
  },
  header: () => updates(wanted()),
  drawn,
  pick(key, value) {
    if (value === null || value === undefined || value === "") return;
    setInGradio(key, "value", value);
    if (value === state[key]) return;
    go({ [key]: value, ...(key === "class" && state.tab === "overview" ? { tab: "sample" } : {}) }); // which tells of no class
  },
});

// --- at the start ------------------------------------------------------------------------------------------------

const page = {
  get state() { return state; },
  get classes() { return choices?.classes; },
  slots, after, exportTagged, go, isReady, render, retag, shownSlots, showTagged, urlOf,
  step: (count) => steps.step(count),
  neighbour: (count) => steps.neighbour(count),
  prefetchChoice: (event) => next.prefetchChoice(event),
};
const steps = stepper(page);
const next = prefetcher(page);

window.addEventListener("popstate", () => {
  const before = state;
  state = readState(location.search);
  steps.forget();
  if (state.model !== before.model || state.db !== before.db) loadChoices();
  for (const field of document.querySelectorAll("[type=search][data-state=q]")) field.value = state.q ?? ""; // though it has the focus
  render();
});

/** Fetches what the address asks for while Gradio still starts; a tab's own slot is named like it. */
async function begin() {
  if (state.shown === "tagged") return; // which are known when loadChoices is done
  const answer = await load(urlOf(state.tab));
  adopt(answered(state.tab, answer));
  keepAs(urlOf(state.tab), answer);
  prefetchPictures(picturesOf(answer.html, state));
  if (!slots.size) prefetch(...slotsOf(state).filter((slot) => slot !== state.tab).map((slot) => () => next.fetchSlot(slot, state)));
}

if (document.body) applyTheme();
known = loadChoices();
begin().catch(() => {}); // the tab's slot says that the server does not answer
listen(page);
for (const [name, ...rest] of queue) window.shelfLens[name](...rest);

// The page: one state, written in the address, shown by fragments that the server renders. Gradio supplies the tabs and
// dropdowns; their events call `pick`, and `header` tells them what to show.

import { readState, writeState } from "./address.js";
import { ahead, picturesAhead, stopAhead } from "./ahead.js";
import { listenToMatrix } from "./confusion.js";
import { listen } from "./events.js";
import { keepAs, load, painted, parts, unfold } from "./fragments.js";
import { paint, picturesOf } from "./heat.js";
import { showRank } from "./ranking.js";
import { addressOf, choicesOf, namesOf, otherSlots, slotsOf } from "./slots.js";
import { asCsv, download, showCount, showTags, tagged } from "./tags.js";
import { applyTheme } from "./theme.js";
import { listenToParts, showWhatIf, toggled } from "./whatif.js";

const queue = window.shelfLens.queue;
const slots = new Map();
let state = readState(location.search);
let choices = null;
let keys = {};
let known = null; // that what the header offers, and the databases' keys, have arrived
let trigger = null;
let told = {}; // what Gradio's components were told last

// --- filling the slots -------------------------------------------------------------------------------------------

const urlOf = (slot, view = state) => addressOf(slot, view, tagged(tagKey()));
const shownSlots = (view) => slotsOf(view).filter((slot) => slots.has(slot));

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
    const focus = focusWithin(element);
    const whole = show(slot, answer.html, !focus);
    if (focus) (element.querySelector(focus) ?? element).focus({ preventScroll: true });
    return whole;
  } catch {
    if (element.dataset.url !== url) return;
    element.dataset.url = "";
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
  const [now, late] = parts(html);
  const before = element.querySelector("[data-late]");
  element.innerHTML = patient ? now : now + late;
  const place = element.querySelector("[data-late]");
  if (patient && late && before) place.replaceWith(before);
  decorate(slot);
  if (!patient || !late) return;
  const root = element.lastElementChild;
  await painted(root);
  if (!root.isConnected) return; // something else is shown by now
  place.innerHTML = late;
  before?.replaceWith(place);
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
  tellHeader();
}

// --- showing -----------------------------------------------------------------------------------------------------

function render() {
  document.body.classList.toggle("sl-signed", state.signed);
  document.body.classList.toggle("sl-against", state.against);
  document.body.classList.toggle("sl-even", state.colours !== "jet");
  document.body.classList.toggle("sl-whatif", state.whatif);
  document.body.dataset.compare = state.compare;
  document.body.dataset.only = state.only ?? "";
  document.body.style.setProperty("--sl-opacity", state.opacity);
  for (const control of document.querySelectorAll("[data-state]")) showControl(control);
  if (state.tab !== told.tab?.selected) tellHeader();
  const filling = shownSlots(state).map(fill);
  setTimeout(tellHeader);
  const filled = Promise.allSettled(filling);
  filled.then(() => requestAnimationFrame(() => setTimeout(lookAhead))); // once it is painted
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
  if (["strip", "compare-strip", "compare", "sample"].includes(slot)) markCurrent();
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

// --- stepping through the samples of a class ---------------------------------------------------------------------

const strip = () => slots.get(state.tab === "compare" ? "compare-strip" : "strip");
const thumbnails = () => [...(strip()?.querySelectorAll("a[data-sample]") ?? [])];

function markCurrent() {
  const rows = strip()?.querySelector("nav");
  if (!rows || rows.dataset.marked === state.sample) return;
  rows.dataset.marked = state.sample;
  const all = thumbnails();
  const place = all.findIndex((thumbnail) => thumbnail.dataset.sample === state.sample);
  rows.querySelector("[aria-current]")?.removeAttribute("aria-current");
  all[place]?.setAttribute("aria-current", "true");
  rows.querySelector(".counter").textContent = place < 0 ? `${all.length} explained` : `${place + 1} of ${all.length}`;
  rows.querySelector('[data-step="-1"]').disabled = place <= 0;
  rows.querySelector('[data-step="1"]').disabled = place < 0 || place === all.length - 1;
  if (place >= 0) requestAnimationFrame(() => centre(rows.querySelector(".rail"), all[place])); // when it is laid out anyway
}

function centre(rail, box) {
  rail.scrollLeft = box.offsetLeft - rail.offsetLeft - (rail.clientWidth - box.clientWidth) / 2;
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

// --- fetching ahead ------------------------------------------------------------------------------------------------

const LOOKING_MS = 100;
let soon = 0;

/** Fetches the next samples at once, and the other tabs' view of this class when the visitor has stopped to look. */
function lookAhead() {
  stopAhead();
  clearTimeout(soon);
  if (state.tab === "sample") {
    const near = [1, -1, 2].map(neighbour).filter(Boolean).map((sample) => after({ sample }));
    ahead(...near.flatMap((view) => shownSlots(view).map((slot) => () => shownAhead(slot, view, true))));
  }
  soon = setTimeout(() => {
    if (state.class) ahead(...otherSlots(state).map((slot) => () => shownAhead(slot, state)));
  }, LOOKING_MS);
}

const pictures = new WeakMap(); // the addresses in a fragment, by fragment and look

async function shownAhead(slot, view, likely = false) {
  const now = state;
  const answer = await load(urlOf(slot, view));
  if (state !== now) return;
  const look = `${view.layer} ${view.signed}`;
  if (pictures.get(answer)?.look !== look) pictures.set(answer, { look, addresses: picturesOf(answer.html, view) });
  picturesAhead(pictures.get(answer).addresses, likely);
}

let resting = 0;
const RESTING_MS = 60;

/** The class that the pointer rests on, or that typing has led to, may be chosen: fetched while the visitor makes up their mind. */
function foresee(event) {
  const list = event.target.closest?.("#sl-class");
  clearTimeout(resting);
  if (!list) return;
  const fetchIt = () => {
    const option = event.type === "keyup" ? list.querySelector("[role=option].active") : event.target.closest("[role=option]");
    const label = option && choices?.classes[option.dataset.index]?.[1];
    if (!label || label === state.class) return;
    const view = after({ class: label });
    for (const slot of shownSlots(view)) shownAhead(slot, view, true).catch(() => {}); // asked for again when it is chosen
  };
  if (event.type === "pointerdown") fetchIt();
  else resting = setTimeout(fetchIt, RESTING_MS);
}

// --- changing the state ------------------------------------------------------------------------------------------

const NO_STEP = new Set([
  "threshold", "opacity", "signed", "against", "colours", "rank", "open", "whatif", "off", "map", "q",
]);

/** The state that a change leads to: what belongs to another class or sample is left behind. */
function after(change) {
  const next = { ...state, ...change };
  const other = (key) => key in change && change[key] !== state[key];
  if (other("class") && !("sample" in change)) next.sample = null;
  if (other("class") && !("scope" in change)) next.scope = "class";
  if ((other("class") || other("model") || other("db")) && !("open" in change)) next.open = null;
  if (("sample" in change || other("class")) && !("focus" in change)) next.focus = null;
  if (other("sample") || other("class") || other("db") || next.whatif === false) next.off = null;
  return next;
}

/** Makes a change and shows it; gives a promise of its content. */
function go(change) {
  const next = after(change);
  if (JSON.stringify(next) === JSON.stringify(state)) return Promise.resolve();
  const minor = Object.keys(change).every((key) => NO_STEP.has(key));
  const moved = next.tab !== state.tab;
  stopAhead();
  state = next;
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
    tellHeader();
  } catch { /* the tab's own fragment says that the server does not answer */ }
}

function tellHeader() {
  if (trigger && choices && header().some((fields) => Object.keys(fields).length)) trigger("sync");
}

// --- what Gradio's events call -----------------------------------------------------------------------------------

const wanted = () => ({
  db: { choices: choices.databases, value: state.db },
  model: { choices: choices.models, value: state.model },
  class: { choices: choices.classes, value: state.class },
  tab: { selected: state.tab },
});

/** What each component has to be told, without what it knows: Gradio draws hundreds of choices anew for every update. */
const header = () => Object.entries(wanted()).map(([key, fields]) =>
  Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== told[key]?.[name])));

/** The visitor's own choice in a component: that need not be told. */
function knows(key, field, value) {
  told = { ...told, [key]: { ...told[key], [field]: value } };
}

window.shelfLens = {
  mount(element) {
    for (const slot of element.querySelectorAll("[data-slot]")) {
      slots.set(slot.dataset.slot, slot);
      if (slot.dataset.slot === "sample") listenToParts(slot, () => state, (name) => go({ off: toggled(state, name) }));
      if (slot.dataset.slot === "compare") listenToMatrix(slot, go);
    }
    render();
  },
  bridge(fire) {
    trigger = fire;
    applyTheme(); // Gradio has just set its own, and its own title
    document.title = title || document.title;
    tellHeader();
  },
  header() {
    const updates = header().map((fields) => ({ __type__: "update", ...fields }));
    told = wanted();
    return updates;
  },
  pick(key, value) {
    if (value === null || value === undefined || value === "") return;
    knows(key, "value", value);
    if (value === state[key]) return;
    go({ [key]: value, ...(key === "class" && state.tab === "overview" ? { tab: "sample" } : {}) }); // which tells of no class
  },
};

// --- at the start ------------------------------------------------------------------------------------------------

listen({ get state() { return state; }, slots, go, step, render, knows, retag, exportTagged, showTagged, foresee });

window.addEventListener("popstate", () => {
  const before = state;
  state = readState(location.search);
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
  picturesAhead(picturesOf(answer.html, state));
  if (!slots.size) ahead(...slotsOf(state).filter((slot) => slot !== state.tab).map((slot) => () => shownAhead(slot, state)));
}

if (document.body) applyTheme();
known = loadChoices();
begin().catch(() => {}); // the tab's slot says that the server does not answer
for (const [name, ...rest] of queue) window.shelfLens[name](...rest);

// Events of links, buttons, controls and keys, as changes of the page.

import { keysOf, readState } from "./address.js";
import { copyText } from "./copy.js";
import { listenToDropdowns, setInGradio } from "./header.js";
import { prefetchFolded, prefetchSign } from "./heat.js";
import { nextRank } from "./ranking.js";
import { addTag, removeTag } from "./tags.js";
import { switchTheme } from "./theme.js";

const NAMES = keysOf(({ kind, tab }) => kind === "name" && tab === null);
const TARGETS = "[data-go],[data-step],[data-copy],[data-theme],[data-retry],[data-tab-id],[data-clear],[data-rank],"
  + "[data-reset],[data-untag],[data-export]";

/** `page`: its `state` and `slots`, and the functions that change it. */
export function listen(page) {
  listenToClicks(page);
  listenToControls(page);
  listenToTags(page);
  listenToKeys(page);
  listenToDropdowns();
  replay();
  for (const near of ["pointerover", "pointerdown", "keyup"]) document.addEventListener(near, page.prefetchChoice, true);
  for (const near of ["pointerover", "focusin"]) {
    document.addEventListener(near, lightUp);
    document.addEventListener(near, (event) => {
      const prefetch = { signed: prefetchSign, against: prefetchFolded }[event.target.closest?.("label")?.querySelector("[data-state]")?.dataset.state];
      if (prefetch) for (const slot of page.slots.values()) prefetch(slot, page.state);
    });
  }
}

/** Carries out what the visitor did while the scripts were loading (app/web/templates/head_scripts.html). */
function replay() {
  const { earlyEvents, kinds, record } = window.shelfLens;
  for (const kind of kinds) removeEventListener(kind, record, true);
  for (const event of earlyEvents.splice(0)) {
    if (event.target.isConnected) event.target.dispatchEvent(new event.constructor(event.type, event));
  }
}

function listenToClicks(page) {
  document.addEventListener("click", (event) => {
    const target = event.target.closest(TARGETS);
    if (!target) return;
    const { clear, copy, rank, step, tabId, theme, untag } = target.dataset;
    if ("go" in target.dataset) {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      page.go(linked(target, page.state));
    } else if (step !== undefined) page.step(Number(step));
    else if (tabId !== undefined) { // Gradio's select event fires at start, too
      setInGradio("tab", "selected", tabId);
      page.go({ tab: tabId });
    } else if (clear !== undefined) page.go({ [clear]: null });
    else if (rank !== undefined) page.go({ rank: nextRank(page.state.rank, rank) });
    else if (untag !== undefined) page.retag((key) => removeTag(key, target.closest("[data-tags]").dataset.tags, untag));
    else if ("export" in target.dataset) page.exportTagged();
    else if ("reset" in target.dataset) page.go({ off: null });
    else if (copy !== undefined) copyText(target);
    else if (theme !== undefined) switchTheme();
    else page.render();
  });
}

/** The change that a link of the page stands for: the names that it has, and all fields of its tab. */
function linked(target, state) {
  const wanted = new URL(target.getAttribute("href"), location.href).searchParams;
  const named = NAMES.filter((key) => wanted.has(key)).map((key) => [key, wanted.get(key)]);
  const there = readState(wanted);
  if ("stay" in target.dataset) return { ...Object.fromEntries(named), tab: state.tab };
  const own = keysOf(({ tab }) => tab === there.tab).map((key) => [key, there[key]]);
  return { ...Object.fromEntries(named), ...Object.fromEntries(own), tab: there.tab };
}

function listenToControls(page) {
  let asking = false;

  /** Typing is faster than answers: when one has come, what is written by then is asked for. */
  async function ask(field) {
    if (asking) return;
    asking = true;
    const written = () => field.value.trim() || null;
    do await page.go({ q: written() });
    while (page.state.tab === "search" && page.state.q !== written());
    asking = false;
  }

  document.addEventListener("input", (event) => {
    const control = event.target;
    const key = control.dataset?.state;
    if (!key) return;
    if (control.type === "search") ask(control);
    else if (control.type === "checkbox") page.go({ [key]: control.checked });
    else if (control.type === "range") page.go({ [key]: Number(control.value) });
    else page.go({ [key]: control.value.trim() || null });
  });

  document.addEventListener("toggle", (event) => {
    const fold = event.target.dataset?.open;
    if (!fold || !event.target.isConnected) return;
    if (event.target.open) page.go({ open: fold });
    else if (page.state.open === fold) page.go({ open: null });
  }, true); // it does not bubble
}

function listenToTags(page) {
  document.addEventListener("submit", (event) => {
    const card = event.target.closest("[data-tags]");
    if (!card) return;
    event.preventDefault();
    const field = event.target.querySelector("input");
    const tag = field.value.trim() || field.placeholder;
    field.value = "";
    const { class: label, model } = page.state;
    page.retag((key) => addTag(key, card.dataset.tags, tag, { class: label, model }));
  });
  window.addEventListener("storage", page.showTagged); // another window of this browser has changed the tags
}

// 1 to 4: the view that the gallery shows, or that stands alone on a sample; the same key again shows all four.
const VIEWS = ["photograph", "image", "text", "multimodal"];

function listenToKeys(page) {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { state } = page;
    const view = VIEWS[Number(event.key) - 1];
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (view && !event.target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select")) {
      if (state.tab === "gallery") page.go({ layer: view });
      else if (state.tab === "sample") page.go({ only: state.only === view ? null : view });
    }
    const stepping = state.tab === "sample" || (state.tab === "compare" && state.compare === "sample");
    if (steps && stepping && !event.target.closest("input:not([type=checkbox]), textarea, select, [role=tab], [role=listbox]")) {
      event.preventDefault();
      page.step(steps);
    }
  });
}

/** An entry in the table lights up its polygons, and the other way round; a disputed feature its outlines. */
function lightUp(event) {
  const about = event.target.closest?.("[data-entry], [data-dispute]");
  for (const lit of document.querySelectorAll("[data-entry].lit, [data-dispute].lit")) lit.classList.remove("lit");
  if (!about) return;
  const [kind, value] = "entry" in about.dataset ? ["entry", about.dataset.entry] : ["dispute", about.dataset.dispute];
  for (const twin of about.closest("[data-slot]")?.querySelectorAll(`[data-${kind}="${value}"]`) ?? []) twin.classList.add("lit");
}

// Single Sample: pointing at superpixels and words, and switching them off to see what the surrogate then estimates.

import { drawSuperpixels, superpixelAt } from "./superpixels.js";

const MINUS = "\u2212";

const signed = (value) => (value < 0 ? MINUS : "+") + Math.abs(value).toFixed(3);

/** A share as the server writes it; being a sum of weights, it may leave 0..1. */
const percent = (share) => `${(100 * share).toFixed(1).replace("-", MINUS)}\u202f%`;

/** What is switched off: `image-12.text-3` as a set of names. */
export const switchedOff = (state) => new Set(state.whatif && state.off ? state.off.split(".") : []);

/** The set with one name in or out, as the address has it. */
export function toggled(state, name) {
  const off = switchedOff(state);
  if (!off.delete(name)) off.add(name);
  return [...off].sort((one, two) => one.localeCompare(two, "en", { numeric: true })).join(".") || null;
}

const numbers = (off, modality) =>
  [...off].filter((name) => name.startsWith(`${modality}-`)).map((name) => Number(name.slice(modality.length + 1)));

/** What the surrogate estimates without these features: the intercept and the weights that are left. */
export function estimate(surrogate, off) {
  const gone = { image: new Set(numbers(off, "image")), text: new Set(numbers(off, "text")) };
  let sum = surrogate.intercept;
  for (const modality of ["image", "text"]) {
    surrogate[modality].forEach((weight, index) => { if (!gone[modality].has(index)) sum += weight; });
  }
  return sum;
}

/** Shows the state's switches in a sample's fragment: pictures, tables, estimates and the command. */
export function showWhatIf(root, state, lit = null) {
  const article = root.querySelector("article.sample");
  if (!article) return;
  const off = switchedOff(state);
  for (const box of article.querySelectorAll("[data-keep]")) box.checked = !off.has(box.dataset.keep);
  for (const word of article.querySelectorAll("polygon[data-entry], tr[data-entry]")) {
    word.classList.toggle("off", off.has(`text-${word.dataset.entry}`));
  }
  for (const row of article.querySelectorAll("tr[data-superpixel]")) row.classList.toggle("off", off.has(`image-${row.dataset.superpixel}`));
  if (article.dataset.segments) drawSuperpixels(article, article.dataset.segments, new Set(numbers(off, "image")), lit);
  const panel = article.querySelector(".whatif");
  if (!panel) return;
  article.querySelectorAll("[data-surrogate]").forEach((section, index) => {
    panel.querySelector(`[data-estimate="${index}"]`).textContent = percent(estimate(JSON.parse(section.dataset.surrogate), off));
  });
  const dropped = (option, modality) => {
    const gone = numbers(off, modality);
    return gone.length ? ` ${option} ${gone.join(",")}` : "";
  };
  panel.querySelector("code").textContent = panel.dataset.probe
    + dropped("--drop-segments", "image") + dropped("--drop-entries", "text");
  panel.querySelector("[data-reset]").hidden = !off.size;
}

/** What a superpixel weighs, in the words of its tip. */
function superpixelTip(section, superpixel) {
  const weight = JSON.parse(section.dataset.surrogate).image[superpixel];
  return weight === undefined ? "" : `Part ${superpixel}: ${signed(weight)} for ${section.dataset.target}`;
}

/** Lights up and names what the pointer is over. `current` gives the state, `toggle` switches a feature. */
export function listenToSuperpixels(slot, current, toggle) {
  const tip = Object.assign(document.createElement("div"), { className: "superpixel-tip", hidden: true });
  document.body.append(tip);
  let lit = null;
  let asked = 0;
  const light = (superpixel) => {
    if (superpixel === lit) return;
    lit = superpixel;
    for (const row of slot.querySelectorAll("tr[data-superpixel]")) row.classList.toggle("lit", Number(row.dataset.superpixel) === superpixel);
    showWhatIf(slot, current(), lit);
  };
  const leave = () => { asked++; tip.hidden = true; light(null); };
  const frameOf = (event) => {
    const frame = event.target.closest?.(".frame");
    return frame?.querySelector("canvas.superpixels") && !event.target.closest("[data-entry]") ? frame : null;
  };
  const superpixelOf = (event, frame) => superpixelAt(event, frame, frame.closest("article").dataset.segments);

  slot.addEventListener("pointermove", async (event) => {
    const row = event.target.closest?.("tr[data-superpixel]");
    if (row) { tip.hidden = true; return light(Number(row.dataset.superpixel)); }
    const frame = frameOf(event);
    if (!frame) return leave();
    const mine = ++asked;
    const superpixel = await superpixelOf(event, frame);
    if (mine !== asked) return; // the pointer has moved on
    light(superpixel);
    const section = frame.closest("[data-surrogate]");
    tip.textContent = superpixel === null ? "" : superpixelTip(section, superpixel);
    tip.hidden = !tip.textContent;
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${event.clientY + 18}px`;
  });
  slot.addEventListener("pointerleave", leave);
  slot.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr[data-superpixel]");
    light(row ? Number(row.dataset.superpixel) : null);
  });
  slot.addEventListener("click", async (event) => {
    if (!current().whatif) return;
    const word = event.target.closest(".frame [data-entry]");
    if (word) return toggle(`text-${word.dataset.entry}`);
    const frame = frameOf(event);
    const superpixel = frame ? await superpixelOf(event, frame) : null;
    if (superpixel !== null) toggle(`image-${superpixel}`);
  });
  slot.addEventListener("change", (event) => {
    if (event.target.dataset.keep) toggle(event.target.dataset.keep);
  });
}

// Which fragment of the server each slot of the page shows, by the view that the address names.

import { DEFAULTS, keysOf } from "./address.js";

const MOST_TAGGED = 300; // as many as the gallery shows; an address has its limits

const ofStrip = (view) => [view.class ? "sample" : "class"];

/** `only` = whether the tab shows the slot; `without` = fields that its fragment does not depend on in this view. */
const SLOTS = {
  strip: { tab: "sample", without: ofStrip },
  sample: { tab: "sample" },
  maps: { tab: "sample" },
  gallery: { tab: "gallery" },
  global: { tab: "global", without: (view) => (view.scope === "model" ? [] : ["pair"]) },
  overview: { tab: "overview" },
  "compare-strip": { tab: "compare", fragment: "strip", only: (view) => view.compare === "sample", without: ofStrip },
  compare: { tab: "compare", without: (view) => (view.compare === "sample" ? [] : ["sample", "about"]) },
  search: { tab: "search" },
};

const fieldsOf = (fragment) => keysOf(({ fragments }) => fragments.includes(fragment));

const query = (keys, view) =>
  new URLSearchParams(keys.filter((key) => view[key] !== DEFAULTS[key]).map((key) => [key, view[key]]));

/** The fields of the view that stand in the address of a slot's fragment. */
export function namesOf(slot, view) {
  const { fragment = slot, without = () => [] } = SLOTS[slot];
  const left = without(view);
  return fieldsOf(fragment).filter((key) => !left.includes(key));
}

/** The address of what a slot shows; `tagged` = the tagged samples by path, which the server does not know. */
export function addressOf(slot, view, tagged) {
  const names = query(namesOf(slot, view), view);
  if (slot === "gallery" && view.shown === "tagged") {
    const asked = Object.keys(tagged).filter((path) => view.within === "all" || tagged[path].class === view.class);
    for (const path of asked.slice(0, MOST_TAGGED)) names.append("tagged", path);
  }
  return `view/${SLOTS[slot].fragment ?? slot}?${names}`;
}

/** The address of what the header offers. */
export const choicesOf = (view) => `view/choices?${query(fieldsOf("choices"), view)}`;

/** The slots of the view's tab that it needs. */
export const slotsOf = (view) =>
  Object.keys(SLOTS).filter((slot) => SLOTS[slot].tab === view.tab && (SLOTS[slot].only?.(view) ?? true));

/** Those of the other tabs. */
export const otherSlots = (view) => Object.keys(SLOTS).filter((slot) => SLOTS[slot].tab !== view.tab);

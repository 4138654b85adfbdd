// Which fragment of the server each place of the page shows, by the view that the address names.

const OF_STRIP = (view) => (view.class ? ["db", "model", "class"] : ["db", "model", "sample"]);
const OF_GALLERY = ["db", "model", "class", "within", "shown", "split", "rival", "share", "sure", "word", "sort"];
const MOST_TAGGED = 300; // as many as the gallery shows; an address has its limits

const SLOTS = {
  strip: { tab: "sample", keys: OF_STRIP },
  sample: { tab: "sample", keys: () => ["db", "model", "class", "sample", "focus"] },
  maps: { tab: "sample", keys: () => ["db", "model", "class", "sample", "map"] },
  gallery: { tab: "gallery", keys: () => OF_GALLERY },
  global: {
    tab: "global",
    keys: (view) => ["db", "model", "class", ...(view.scope === "model" ? ["scope", "pair"] : [])],
  },
  overview: { tab: "overview", keys: () => ["db", "model"] },
  "compare-strip": { tab: "compare", fragment: "strip", only: (view) => view.compare === "sample", keys: OF_STRIP },
  compare: {
    tab: "compare",
    keys: (view) => ["db", "model", "class", "compare", ...(view.compare === "sample" ? ["sample", "about"] : [])],
  },
  search: { tab: "search", keys: () => ["db", "model", "q"] },
};

const query = (keys, view) => new URLSearchParams(keys.filter((key) => view[key] !== null).map((key) => [key, view[key]]));

/** The address of what a slot shows; `tagged` = the tagged samples by path, which the server does not know. */
export function addressOf(slot, view, tagged) {
  const { fragment = slot, keys } = SLOTS[slot];
  const names = query(keys(view), view);
  if (slot === "gallery" && view.shown === "tagged") {
    const asked = Object.keys(tagged).filter((path) => view.within === "all" || tagged[path].class === view.class);
    for (const path of asked.slice(0, MOST_TAGGED)) names.append("tagged", path);
  }
  return `view/${fragment}?${names}`;
}

/** The address of what the header offers. */
export const choicesOf = (view) => `view/choices?${query(["db", "model"], view)}`;

/** The names of the view that a slot's request holds. */
export const namesOf = (slot, view) => SLOTS[slot].keys(view);

/** The slots of the view's tab that it needs. */
export const slotsOf = (view) =>
  Object.keys(SLOTS).filter((slot) => SLOTS[slot].tab === view.tab && (SLOTS[slot].only?.(view) ?? true));

/** Those of the other tabs. */
export const otherSlots = (view) => Object.keys(SLOTS).filter((slot) => SLOTS[slot].tab !== view.tab);

// The view as it stands in the page's address; the twin of app/view_state.py.

export const DEFAULTS = Object.freeze({
  db: null, model: null, class: null, sample: null, tab: null,
  threshold: 0.2, opacity: 0.6, signed: false, against: false,
  colours: "jet", layer: "multimodal", shown: "all", split: null,
  within: "class", rival: null, share: null, sure: null, word: null, sort: "name", rank: null,
  scope: "class", pair: null, open: null, focus: null, map: null, q: null,
  whatif: false, off: null, only: null, compare: "sample", about: "answer",
});

const ALLOWED = {
  tab: ["overview", "sample", "gallery", "global", "compare", "search"],
  colours: ["jet", "cividis"],
  layer: ["photograph", "image", "text", "multimodal"],
  shown: ["all", "right", "wrong", "confused", "tagged"],
  within: ["class", "all"],
  sort: ["name", "unsure", "sure", "picture", "words", "doubtful", "trusted"],
  compare: ["sample", "class", "confusion"],
  about: ["answer", "true"],
  only: ["photograph", "image", "text", "multimodal"],
  split: ["train", "test", "all"],
  scope: ["class", "model"],
};

const NAMES = ["db", "model", "class", "sample", "pair", "open", "focus", "rival", "share", "sure", "word", "rank", "off", "map", "q"];

const share = (text, fallback) => {
  const number = text ? Number(text) : NaN;
  return Number.isNaN(number) ? fallback : Math.min(Math.max(number, 0), 1);
};

/** The tab of an address that names none: a sample's where it is about a class or a sample, else the overview. */
const impliedTab = (state) => (state.class || state.sample ? "sample" : "overview");

/** Reads an address; what is missing or unknown falls back to the default. */
export function readState(search) {
  const query = new URLSearchParams(search);
  const state = { ...DEFAULTS };
  for (const key of NAMES) state[key] = query.get(key) || null;
  for (const key of Object.keys(ALLOWED)) {
    if (ALLOWED[key].includes(query.get(key))) state[key] = query.get(key);
  }
  state.tab ??= impliedTab(state);
  for (const key of ["threshold", "opacity"]) state[key] = share(query.get(key), DEFAULTS[key]);
  for (const key of ["signed", "against", "whatif"]) state[key] = query.get(key) === "1";
  return state;
}

/** The address's query with defaults left out. Gradio's own switches (`__theme`) are kept. */
export function writeState(state, search = "") {
  const query = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) {
    if (state[key] === null || state[key] === (key === "tab" ? impliedTab(state) : DEFAULTS[key])) continue;
    query.set(key, state[key] === true ? "1" : String(state[key]));
  }
  for (const [key, value] of new URLSearchParams(search)) if (key.startsWith("__")) query.set(key, value);
  return `?${query}`;
}

// The view as it stands in the page's address. Its fields are those of app/view_state.py, which the page brings along.

const FIELDS = Object.entries(window.shelfLens.fields);

/** The keys of the fields that a test is true of. */
export const keysOf = (test) => FIELDS.filter(([, field]) => test(field)).map(([key]) => key);

export const DEFAULTS = Object.freeze(Object.fromEntries(FIELDS.map(([key, { initial }]) => [key, initial])));

const name = (text) => text || null;

const READ = {
  name,
  range: name, // the server reads it
  choice: (text, { allowed, initial }) => (allowed.includes(text) ? text : initial),
  flag: (text) => text === "1",
  share(text, { initial }) {
    const number = text ? Number(text) : NaN;
    return Number.isNaN(number) ? initial : Math.min(Math.max(number, 0), 1);
  },
};

/** The tab of an address that names none: a sample's where it is about a class or a sample, else the overview. */
const impliedTab = (state) => (state.class || state.sample ? "sample" : "overview");

/** Reads an address; what is missing or unknown falls back to the default. */
export function readState(search) {
  const query = new URLSearchParams(search);
  const state = Object.fromEntries(FIELDS.map(([key, field]) => [key, READ[field.kind](query.get(key), field)]));
  state.tab ??= impliedTab(state);
  return state;
}

/** The address's query with defaults left out. Gradio's own switches (`__theme`) are kept. */
export function writeState(state, search = "") {
  const query = new URLSearchParams();
  for (const [key, { initial }] of FIELDS) {
    if (state[key] === null || state[key] === (key === "tab" ? impliedTab(state) : initial)) continue;
    query.set(key, state[key] === true ? "1" : String(state[key]));
  }
  for (const [key, value] of new URLSearchParams(search)) if (key.startsWith("__")) query.set(key, value);
  return `?${query}`;
}

// What Gradio's dropdowns and tabs show: kept equal to the page's state by as few updates as possible, for Gradio draws
// hundreds of choices anew for every update.

let trigger = null; // makes Gradio ask for `updates`
let shown = {}; // the fields of each component as Gradio has them

let typed = null; // the dropdown's field that the visitor is writing into

const changes = (wanted) => Object.entries(wanted).map(([component, fields]) =>
  Object.fromEntries(Object.entries(fields).filter(([field, value]) => value !== shown[component]?.[field])));

/** Gradio is ready: `fire` makes it ask for updates. */
export function connect(fire) {
  trigger = fire;
}

/** Has Gradio ask for updates where a component shows something else than is `wanted`. */
export function sync(wanted) {
  if (trigger && changes(wanted).some((fields) => Object.keys(fields).length)) trigger("sync");
}

/** The updates of every component, in the order of `wanted`. */
export function updates(wanted) {
  const answer = changes(wanted).map((fields) => ({ __type__: "update", ...fields }));
  shown = wanted;
  return answer;
}

/** Gradio has drawn the updates. New choices are all shown, whatever is written into their dropdown: a key has it search them. */
export function drawn() {
  const field = typed;
  requestAnimationFrame(() => {
    for (const event of [new Event("input", { bubbles: true }), new KeyboardEvent("keydown", { bubbles: true })]) field?.dispatchEvent(event);
  });
}

/** Follows what is written into the dropdowns. */
export function listenToDropdowns() {
  document.addEventListener("input", ({ target }) => {
    if (target.matches(".sl-pick input")) typed = target;
  });
  document.addEventListener("focusout", () => { typed = null; });
  // Typing in Gradio's dropdown would append to the shown choice: select it, so that typing replaces it.
  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(".sl-pick input")) target.select();
  });
}

/** The visitor has set a component's field in Gradio itself. */
export function setInGradio(component, field, value) {
  shown = { ...shown, [component]: { ...shown[component], [field]: value } };
}

/** Whether Gradio shows this value. */
export const shows = (component, field, value) => shown[component]?.[field] === value;

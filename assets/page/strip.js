// The strip of thumbnails above a sample: marks the current one and steps through the others.

/**
 * `page` gives its `state` and `slots`, tells whether a slot `isReady` and can `go`.
 * Steps that are asked for before the strip and the sample have arrived are kept, and taken once they are there.
 */
export function stepper(page) {
  let kept = 0;

  const slotName = () => (page.state.tab === "compare" ? "compare-strip" : "strip");
  const strip = () => page.slots.get(slotName());
  const thumbnails = () => [...(strip()?.querySelectorAll("a[data-sample]") ?? [])];
  const indexIn = (all) => all.findIndex(({ dataset }) => dataset.sample === page.state.sample);

  function neighbour(steps) {
    const all = thumbnails();
    const index = indexIn(all);
    return index < 0 ? undefined : all[index + steps]?.dataset.sample;
  }

  function step(steps) {
    if (page.state.sample === null || !page.isReady(slotName())) kept += steps;
    else {
      const sample = neighbour(steps);
      if (sample) page.go({ sample });
    }
  }

  /** Takes the steps that were kept, as far as there are samples. */
  function takeKept() {
    if (!kept || page.state.sample === null || !page.isReady(slotName())) return;
    const all = thumbnails();
    const index = indexIn(all);
    const wanted = Math.min(Math.max(index + kept, 0), all.length - 1);
    kept = 0;
    if (index >= 0 && wanted !== index) page.go({ sample: all[wanted].dataset.sample });
  }

  function mark() {
    const rows = strip()?.querySelector("nav");
    if (rows && rows.dataset.marked !== page.state.sample) {
      rows.dataset.marked = page.state.sample;
      const all = thumbnails();
      const index = indexIn(all);
      rows.querySelector("[aria-current]")?.removeAttribute("aria-current");
      all[index]?.setAttribute("aria-current", "true");
      rows.querySelector(".counter").textContent = index < 0 ? `${all.length} explained` : `${index + 1} of ${all.length}`;
      rows.querySelector('[data-step="-1"]').disabled = index <= 0;
      rows.querySelector('[data-step="1"]').disabled = index < 0 || index === all.length - 1;
      if (index >= 0) requestAnimationFrame(() => centre(rows.querySelector(".rail"), all[index])); // when it is laid out anyway
    }
    takeKept();
  }

  return { neighbour, step, mark, forget: () => { kept = 0; } };
}

function centre(rail, box) {
  rail.scrollLeft = box.offsetLeft - rail.offsetLeft - (rail.clientWidth - box.clientWidth) / 2;
}

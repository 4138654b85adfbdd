// Prefetching: what the visitor is likely to ask for next.

import { prefetch, prefetchPictures, cancelPrefetch } from "./prefetch_queue.js";
import { load } from "./fragments.js";
import { picturesOf } from "./heat.js";
import { otherSlots } from "./slots.js";

const LOOKING_MS = 100;
const RESTING_MS = 60;

/** `page` gives its `state`, `after` a change, `urlOf` and `shownSlots` of a view, `neighbour` samples and `classes`. */
export function prefetcher(page) {
  const pictures = new WeakMap(); // the addresses in a fragment, by fragment and look
  let soon = 0;
  let resting = 0;

  /** Fetches what a slot will show in a view; `likely` = it may be asked for at any moment. */
  async function fetchSlot(slot, view, likely = false) {
    const now = page.state;
    const answer = await load(page.urlOf(slot, view));
    if (page.state !== now) return;
    const look = `${view.layer} ${view.signed}`;
    if (pictures.get(answer)?.look !== look) pictures.set(answer, { look, addresses: picturesOf(answer.html, view) });
    prefetchPictures(pictures.get(answer).addresses, likely);
  }

  /** Fetches the next samples at once, and the other tabs' view of this class when the visitor has stopped to look. */
  function prefetchNext() {
    const { state } = page;
    cancelPrefetch();
    clearTimeout(soon);
    if (state.tab === "sample") {
      const near = [1, -1, 2].map(page.neighbour).filter(Boolean).map((sample) => page.after({ sample }));
      prefetch(...near.flatMap((view) => page.shownSlots(view).map((slot) => () => fetchSlot(slot, view, true))));
    }
    soon = setTimeout(() => {
      const { state: now } = page;
      if (now.class) prefetch(...otherSlots(now).map((slot) => () => fetchSlot(slot, now)));
    }, LOOKING_MS);
  }

  /** The class that the pointer rests on, or that typing has led to, may be chosen: fetched while the visitor makes up their mind. */
  function prefetchChoice(event) {
    const list = event.target.closest?.("#sl-class");
    clearTimeout(resting);
    if (!list) return;
    const fetchIt = () => {
      const option = event.type === "keyup" ? list.querySelector("[role=option].active") : event.target.closest("[role=option]");
      const label = option && page.classes?.[option.dataset.index]?.[1];
      if (!label || label === page.state.class) return;
      const view = page.after({ class: label });
      for (const slot of page.shownSlots(view)) fetchSlot(slot, view, true).catch(() => {}); // asked for again when it is chosen
    };
    if (event.type === "pointerdown") fetchIt();
    else resting = setTimeout(fetchIt, RESTING_MS);
  }

  return { fetchSlot, prefetchNext, prefetchChoice };
}

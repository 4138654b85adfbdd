// Pieces of the page, fetched as {html, state} from /view/... and kept for a while, so that going back is instant.

const MAX_CACHED = 80;
const FRESH_MS = 60_000; // a run may still be filling the database
const TIMEOUT_MS = 30_000; // nothing waits for ever for a server that has begun to answer

const cache = new Map();

/** The fragment at an address; the same promise while it is fresh. */
export function load(url) {
  const known = cache.get(url);
  if (known && performance.now() - known.at < FRESH_MS) return known.answer;
  const answer = fetch(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS) }).then((response) => {
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return response.json();
  });
  answer.catch(() => cache.delete(url));
  cache.delete(url);
  cache.set(url, { answer, at: performance.now() });
  if (cache.size > MAX_CACHED) cache.delete(cache.keys().next().value);
  return answer;
}

/** Makes an answer known under a second address: the one with every name filled in. */
export function keepAs(url, answer) {
  if (!cache.has(url)) cache.set(url, { answer: Promise.resolve(answer), at: performance.now() });
}

/** A fragment's html as what is shown at once, and what may follow when that is painted ("" = nothing). */
export function splitLate(html) {
  const [now, late = ""] = html.split("<!-- late -->");
  return [now, late];
}

/** Puts what was folded away below `root` in its place. */
export function unfold(root) {
  for (const folded of root.querySelectorAll("template.folded")) folded.replaceWith(folded.content);
}

const MAX_WAIT_MS = 300;

/** When the pictures below `root` have been painted, or have kept everybody waiting. */
export async function painted(root) {
  const pictures = [...root.querySelectorAll("img[src]")].map((image) => image.decode());
  await Promise.race([Promise.allSettled(pictures), new Promise((resolve) => { setTimeout(resolve, MAX_WAIT_MS); })]);
  await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
}

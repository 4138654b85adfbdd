// The queue of requests ahead of need: two at a time, so that what is asked for never has to wait.

const AT_ONCE = 2;
const KNOWN = 4000;
const DECODED = 16;

const fetched = new Set();
const decoded = []; // the last pictures that are likely to be shown next: a browser forgets what nobody holds
let waiting = [];
let running = 0;

/** Puts functions, each of which begins a request and gives a promise, at the end of the queue. */
export function prefetch(...requests) {
  waiting.push(...requests);
  next();
}

/** Something else is wanted now: what has not begun is dropped. */
export function cancelPrefetch() {
  waiting = [];
}

/**
 * Puts pictures in front of the queue: they belong to what has just been fetched. The browser keeps them; `likely` ones are
 * decoded, too.
 */
export function prefetchPictures(addresses, likely = false) {
  if (fetched.size > KNOWN) fetched.clear();
  const unknown = addresses.filter((address) => !fetched.has(address));
  waiting.unshift(...unknown.map((address) => () => picture(address, likely)));
  next();
}

async function picture(address, likely) {
  if (fetched.has(address)) return;
  fetched.add(address);
  const image = new Image();
  const arrived = new Promise((resolve) => { Object.assign(image, { onload: resolve, onerror: resolve, fetchPriority: "low", src: address }); });
  await arrived;
  if (!likely) return;
  decoded.push(image);
  if (decoded.length > DECODED) decoded.shift();
  image.decode().catch(() => {}); // there is no such picture
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    waiting.shift()().catch(() => {}).finally(() => { // it will be asked for again when it is needed
      running -= 1;
      next();
    });
  }
}

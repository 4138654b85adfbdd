// What the visitor may ask for next, fetched ahead: two requests at a time, so that what is asked for never has to wait.

const AT_ONCE = 2;
const KNOWN = 4000;

const fetched = new Set();
let waiting = [];
let running = 0;

/** Puts functions, each of which begins a request and gives a promise, at the end of the queue. */
export function ahead(...requests) {
  waiting.push(...requests);
  next();
}

/** Something else is wanted now: what has not begun is dropped. */
export function stopAhead() {
  waiting = [];
}

/** Puts pictures in front of the queue: they belong to what has just been fetched. The browser keeps them. */
export function picturesAhead(addresses) {
  if (fetched.size > KNOWN) fetched.clear();
  waiting.unshift(...addresses.filter((address) => !fetched.has(address)).map((address) => () => picture(address)));
  next();
}

function picture(address) {
  if (fetched.has(address)) return Promise.resolve();
  fetched.add(address);
  return new Promise((resolve) => {
    Object.assign(new Image(), { onload: resolve, onerror: resolve, fetchPriority: "low", src: address });
  });
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

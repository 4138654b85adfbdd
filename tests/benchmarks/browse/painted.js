// Runs in the page before its own scripts: milliseconds from the visitor's key or click to the last picture painted.

const frame = () => new Promise(requestAnimationFrame);
const afterPaint = async () => { await frame(); await new Promise((resolve) => { setTimeout(resolve); }); };
let began = 0; // of a page that has just been opened: its navigation

for (const type of ["pointerdown", "keydown"]) {
  addEventListener(type, (event) => { if (event.isTrusted && began === null) began = event.timeStamp; }, true);
}

// Asking where something inside a tile is would lay the tile out, which the page leaves undone out of sight: the tile is asked.
const inView = (element) => {
  const box = (element.closest(".tile") ?? element).getBoundingClientRect();
  return box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
};

/** Every picture below `root`: images, and the sprite sheets that stand behind thumbnails. */
function pictures(root, everywhere) {
  const seen = (element) => !element.hidden && (everywhere || (inView(element) && element.checkVisibility()));
  const images = [...root.querySelectorAll("img")].filter(seen);
  const sheets = new Set([...root.querySelectorAll(".sprite")].filter(seen)
    .map((element) => element.style.backgroundImage.slice(5, -2)).filter(Boolean));
  return { images, sheets };
}

async function decoded({ images, sheets }) {
  const behind = [...sheets].map((address) => Object.assign(new Image(), { src: address }));
  await Promise.all([...images, ...behind].map((image) => image.decode()));
}

/** `ready()` gives the element whose pictures count, once it shows what was asked for. */
async function painted(ready, everywhere) {
  const started = performance.now();
  for (;;) {
    if (performance.now() - started > 30_000) throw new Error(`not painted; began ${began}, ready ${Boolean(ready())}`);
    const root = ready();
    if (root && began !== null) {
      const found = pictures(root, everywhere);
      if (found.images.every((image) => image.complete && image.naturalWidth > 0)) {
        try {
          await decoded(found);
          await afterPaint();
          return performance.now() - began;
        } catch { /* replaced while it was decoded */ }
      }
    }
    await frame();
  }
}

const text = (selector) => document.querySelector(selector)?.textContent.trim() ?? "";

window.bench = {
  /** Starts to wait for `selector` to say `wanted` (or anything but `unwanted`) and for the pictures of `root`;
   * `fresh`: they must not be those that were there before. */
  wait({ selector, wanted, unwanted, root, count = 0, everywhere = false, opened = false, fresh = false }) {
    if (!opened) began = null;
    const sources = () => [...document.querySelectorAll(`${root} img`)].map((image) => image.src);
    const before = fresh && sources().join();
    const ready = () => {
      const said = text(selector);
      const element = document.querySelector(root);
      if (!said || !element || (wanted !== undefined && !said.includes(wanted))) return null;
      if (unwanted !== undefined && said === unwanted) return null;
      if (fresh && sources().join() === before) return null;
      return element.querySelectorAll("img, .sprite").length >= count ? element : null;
    };
    window.bench.answer = painted(ready, everywhere);
  },
  text,
};

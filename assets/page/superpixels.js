// The label map of superpixels: the one under the pointer, and highlighting superpixels in every picture.

const maps = new Map();

/** The ids of the superpixels as {width, height, ids}, read from the picture at an address. */
function segmentsOf(url) {
  if (!maps.has(url)) {
    if (maps.size > 20) maps.delete(maps.keys().next().value);
    const answer = read(url);
    answer.catch(() => maps.delete(url)); // it will be asked for again
    maps.set(url, answer);
  }
  return maps.get(url);
}

async function read(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const ids = new Uint16Array(width * height);
  for (let index = 0; index < ids.length; index++) ids[index] = data[4 * index] + 256 * data[4 * index + 1];
  return { width, height, ids };
}

/** The superpixel under a pointer event within a frame, null outside the photograph. */
export async function superpixelAt(event, frame, url) {
  const photograph = frame.querySelector("img");
  const box = photograph.getBoundingClientRect();
  const across = (event.clientX - box.left) / box.width;
  const down = (event.clientY - box.top) / box.height;
  if (across < 0 || down < 0 || across >= 1 || down >= 1) return null;
  const map = await segmentsOf(url).catch(() => null);
  if (!map) return null;
  const { width, height, ids } = map;
  return ids[Math.floor(down * height) * width + Math.floor(across * width)];
}

const drawings = new WeakMap(); // how often each root was drawn: what came later must stay
const marked = new WeakSet(); // canvases that something was drawn on

/** Draws on every canvas below `root`: the superpixels that are switched off dark, the one that is lit with a bright edge. */
export async function drawSuperpixels(root, url, off, lit) {
  const canvases = root.querySelectorAll("canvas.superpixels");
  if (!canvases.length) return;
  const mine = (drawings.get(root) ?? 0) + 1;
  drawings.set(root, mine);
  if (lit === null && !off.size) {
    for (const canvas of canvases) {
      if (marked.delete(canvas)) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    return;
  }
  const map = await segmentsOf(url).catch(() => null);
  if (!map || drawings.get(root) !== mine) return;
  const picture = painted(map, off, lit);
  for (const canvas of canvases) {
    if (canvas.width !== map.width) Object.assign(canvas, { width: map.width, height: map.height });
    canvas.getContext("2d").putImageData(picture, 0, 0);
    marked.add(canvas);
  }
}

function painted({ width, height, ids }, off, lit) {
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer); // alpha, blue, green, red
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index++) {
      const id = ids[index];
      if (id === lit) {
        const edge = x === 0 || y === 0 || x === width - 1 || y === height - 1
          || ids[index - 1] !== id || ids[index + 1] !== id || ids[index - width] !== id || ids[index + width] !== id;
        pixels[index] = edge ? 0xffffffff : 0x40ffffff;
      } else if (off.has(id)) pixels[index] = (x + y) % 6 < 2 ? 0xff8a8a8a : 0xee101010;
    }
  }
  return picture;
}

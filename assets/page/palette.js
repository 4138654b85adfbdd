// Heat maps redrawn in the page: the same pixels with another threshold or colour map, without asking the server. Each
// carries a chunk "slVl": for every palette entry its level in the colour table, 0 = nothing there (app/drawing/palette.py).

const SIGNATURE = 8;
const LEVELS = "slVl";
const CHECKS = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function chunk(name, body) {
  const whole = new Uint8Array(12 + body.length);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  for (let offset = 0; offset < 4; offset++) whole[4 + offset] = name.charCodeAt(offset);
  whole.set(body, 8);
  let check = 0xffffffff;
  for (const byte of whole.subarray(4, 8 + body.length)) check = CHECKS[(check ^ byte) & 255] ^ (check >>> 8);
  view.setUint32(8 + body.length, ~check);
  return whole;
}

const magnitude = (level, signed) => (signed ? Math.abs((2 * level) / 255 - 1) : level / 255);

/** Half a level of tolerance, as on the server: a level stands for all values that are rounded to it. */
const drawn = (level, threshold, signed) =>
  level > 0 && magnitude(level, signed) >= threshold - (signed ? 1 : 0.5) / 255 - 1e-9;

/**
 * The picture in other colours, as a Blob; null for one that holds no levels.
 * bytes: ArrayBuffer of the PNG; table: Uint8Array [256 x 3].
 */
export function recolour(bytes, table, threshold, signed) {
  const view = new DataView(bytes);
  const parts = [];
  let palette = null;
  for (let offset = SIGNATURE; offset + 12 <= bytes.byteLength;) {
    const end = offset + 12 + view.getUint32(offset);
    const name = String.fromCharCode(...new Uint8Array(bytes, offset + 4, 4));
    if (name === LEVELS) {
      const levels = new Uint8Array(bytes, offset + 8, view.getUint32(offset));
      const colours = Uint8Array.from({ length: 3 * levels.length }, (_, index) => table[3 * levels[Math.floor(index / 3)] + (index % 3)]);
      palette = [chunk("PLTE", colours), chunk("tRNS", levels.map((level) => (drawn(level, threshold, signed) ? 255 : 0)))];
    }
    if (name === "IDAT" && palette) parts.push(...palette.splice(0));
    if (name !== "PLTE" && name !== "tRNS") parts.push(new Uint8Array(bytes, offset, end - offset));
    offset = end;
  }
  return palette && new Blob([new Uint8Array(bytes, 0, SIGNATURE), ...parts], { type: "image/png" });
}

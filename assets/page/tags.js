// Tags for one's team: kept in this browser, by database; shown on samples, written to a CSV file.

const PREFIX = "shelf-lens-tags:";

/** All tagged samples of a database: path -> {class, model, tags}. */
export function tagged(key) {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + key) ?? "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {}; // no storage, or not ours
  }
}

function keep(key, all) {
  try {
    if (Object.keys(all).length) localStorage.setItem(PREFIX + key, JSON.stringify(all));
    else localStorage.removeItem(PREFIX + key);
    return true;
  } catch {
    return false; // full or forbidden
  }
}

/** Adds a tag to a sample; false where the browser keeps nothing. */
export function addTag(key, path, tag, about) {
  const all = tagged(key);
  const known = all[path]?.tags ?? [];
  const tags = known.includes(tag) ? known : [...known, tag];
  return keep(key, { ...all, [path]: { class: about.class, model: about.model, tags } });
}

/** Takes a tag away; a sample without any is forgotten. */
export function removeTag(key, path, tag) {
  const all = tagged(key);
  const tags = (all[path]?.tags ?? []).filter((one) => one !== tag);
  if (tags.length) all[path] = { ...all[path], tags };
  else delete all[path];
  return keep(key, all);
}

/** A cell that a spreadsheet takes for text: what would start a formula begins with an apostrophe. */
export function cell(value) {
  const text = String(value ?? "");
  return `"${(/^\s*[=+\-@]|^[\t\r\n]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

/** The tagged list as CSV (RFC 4180), a line a sample. `link` gives a sample's address. */
export function asCsv(database, all, link) {
  const rows = Object.entries(all).sort(([one], [two]) => one.localeCompare(two)).map(([path, note]) =>
    [database, note.class, path, note.tags.join("; "), note.model, link(path, note)]);
  return [["database", "class", "sample", "tags", "model", "link"], ...rows]
    .map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Hands a file to the browser's downloads. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" })); // Excel needs the mark
  const anchor = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const chip = (text, label) => {
  const item = document.createElement("li");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "chip" });
  button.dataset.untag = text;
  button.setAttribute("aria-label", label);
  button.append(text, Object.assign(document.createElement("span"), { textContent: " ×", ariaHidden: "true" }));
  item.append(button);
  return item;
};

/** Shows the tags of what is below `root`: the card of a sample, and the marks on the gallery's tiles. */
export function showTags(root, key) {
  const all = tagged(key);
  for (const card of root.querySelectorAll("[data-tags]")) {
    const tags = all[card.dataset.tags]?.tags ?? [];
    card.querySelector("ul").replaceChildren(...tags.map((tag) => chip(tag, `Take away the tag ${tag}`)));
    const known = [...new Set(Object.values(all).flatMap((note) => note.tags))].sort();
    card.querySelector("datalist").replaceChildren(...known.map((tag) => Object.assign(document.createElement("option"), { value: tag })));
  }
  for (const tile of root.querySelectorAll(".tile a[data-path]")) {
    tile.querySelector(".noted")?.remove();
    const tags = all[tile.dataset.path]?.tags;
    if (tags) tile.append(Object.assign(document.createElement("span"), { className: "noted", textContent: tags.join(", ") }));
  }
}

/** Shows how many samples are tagged on the buttons that export them. */
export function showCount(key) {
  const count = Object.keys(tagged(key)).length;
  for (const button of document.querySelectorAll("[data-export]")) {
    button.hidden = count === 0;
    button.querySelector("small").textContent = `(${count})`;
  }
}

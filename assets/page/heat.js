// Heat maps: which overlay an image shows, which polygons are drawn, where nothing is. Opacity alone is a CSS variable.

const query = (state) => `threshold=${state.threshold.toFixed(2)}&signed=${state.signed ? 1 : 0}`
  + (state.colours === "jet" || state.signed ? "" : `&colours=${state.colours}`);

const address = (image, state) => `${image.dataset.heat.replace("{view}", state.layer)}&${query(state)}`;

/** Shows the state's threshold, sign and view in everything below `root`. */
export function paint(root, state) {
  for (const image of root.querySelectorAll("img[data-heat]")) {
    const gallery = image.dataset.heat.includes("{view}");
    image.hidden = gallery && state.layer === "photograph";
    if (image.hidden) continue;
    const wanted = address(image, state);
    if (image.getAttribute("src") !== wanted) image.src = wanted;
  }
  for (const polygon of root.querySelectorAll("polygon[data-importance]")) {
    const value = Number(state.signed ? polygon.dataset.signed : polygon.dataset.importance);
    polygon.classList.toggle("drawn", value !== 0 && Math.abs(value) >= state.threshold - 1e-9);
  }
  for (const note of root.querySelectorAll(".faint")) {
    note.hidden = Number(state.signed ? note.dataset.signed : note.dataset.importance) >= state.threshold - 1e-9;
  }
}

/** Fetches the pictures of a fragment that is not shown yet. */
export function warm(html, state) {
  const parsed = document.createElement("template");
  parsed.innerHTML = html;
  for (const image of parsed.content.querySelectorAll("img[src], .explanation:not(.runner_up) img[data-heat]")) {
    new Image().src = image.dataset.heat ? address(image, state) : image.getAttribute("src");
  }
}

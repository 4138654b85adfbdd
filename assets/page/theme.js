// Light or dark: the visitor's own choice, if there is one; else Gradio follows the system.

const THEME = "shelf-lens-theme";

export function switchTheme() {
  const dark = document.body.classList.toggle("dark");
  localStorage.setItem(THEME, dark ? "dark" : "light");
}

export function applyTheme() {
  const wanted = localStorage.getItem(THEME);
  if (wanted) document.body.classList.toggle("dark", wanted === "dark");
}

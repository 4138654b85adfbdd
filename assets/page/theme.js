// Light or dark: the visitor's own choice, if there is one; else Gradio follows the system.

const THEME = "shelf-lens-theme";

export function switchTheme() {
  const dark = document.body.classList.toggle("dark");
  try {
    localStorage.setItem(THEME, dark ? "dark" : "light");
  } catch { /* this browser keeps nothing */ }
}

export function applyTheme() {
  try {
    const wanted = localStorage.getItem(THEME);
    if (wanted) document.body.classList.toggle("dark", wanted === "dark");
  } catch { /* this browser keeps nothing */ }
}

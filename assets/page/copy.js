// Copying an address or a command to the clipboard.

/** The page's address, or the command beside the button; the button says for a moment that it is done. */
export async function copyText(button) {
  const text = "copyProbe" in button.dataset ? button.parentElement.querySelector("code").textContent : location.href;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // no permission, or a page that is not served over https
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  button.dataset.copy = "done";
  setTimeout(() => { button.dataset.copy = ""; }, 1600);
}

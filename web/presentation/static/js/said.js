// What a page says: at its bottom, where screen readers read it out, or to them alone; with a way back where there is one.

import { _ } from "./texts.js";

const STAYS = 8000; // milliseconds
const STAYS_WITH_A_WAY_BACK = 60000; // it has to be found first; Ctrl+Z does the same from anywhere

// Read out, and not seen. Made before there is anything to say: what comes with its text is often not read out.
const heard = document.createElement("p");
heard.id = "said";
heard.className = "hidden";
heard.setAttribute("role", "status");
document.body.append(heard);

let quiet;
let back = null; // {label, act}: what undoes what was said last

// `wayBack`: {act, label}, what undoes it, and how that is called if not "Undo".
export function say(text, wayBack = null) {
  const notice = document.getElementById("notice");
  if (!notice) return;
  back = wayBack;
  notice.replaceChildren(text, ...(back ? [" ", buttonBack(back)] : []));
  clearTimeout(quiet);
  quiet = setTimeout(() => say(""), back ? STAYS_WITH_A_WAY_BACK : STAYS);
}

function buttonBack({ label = _("Undo") }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "undo";
  button.textContent = label;
  button.title = _("Ctrl+Z does the same");
  let from = null; // what had the focus before
  button.addEventListener("focus", ({ relatedTarget }) => (from = relatedTarget));
  button.addEventListener("click", () => {
    if (from?.isConnected) from.focus();
    goBack();
  });
  return button;
}

// Once: what undoes it may say something of its own.
async function goBack() {
  const { act } = back;
  say(_("Undoing…"));
  try {
    await act();
  } catch (error) {
    say(error.message);
  }
}

const isTyping = (element) => element.closest?.("input, textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  if (!back || !isUndo || isTyping(event.target)) return;
  event.preventDefault();
  goBack();
});

// For what others see anyway: a button at work, a state that has changed.
export function announce(text) {
  heard.textContent = text;
}

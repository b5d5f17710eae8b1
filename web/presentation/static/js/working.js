// Buttons at work: they say so, cannot be pressed twice, and keep the focus, which one that is `disabled` loses.

import { announce, say } from "./said.js";

const resting = new WeakMap(); // from a button at work to what it shows else
const sent = new Map(); // from a form, or a link, that the browser is about to follow to its button

export const isAtWork = (button) => resting.has(button);

// The label stays in the button, so that who draws rows anew finds its parts.
function begin(button) {
  const label = document.createElement("span");
  label.className = "resting";
  label.hidden = Boolean(button.dataset.working);
  label.append(...button.childNodes);
  resting.set(button, label);
  const doing = document.createElement("span");
  doing.className = "doing";
  doing.textContent = button.dataset.working ?? "";
  button.style.minWidth = `${button.offsetWidth}px`;
  button.append(doing, label);
  button.ariaDisabled = button.ariaBusy = "true";
  if (button.dataset.working) announce(button.dataset.working);
}

function end(button) {
  const label = resting.get(button);
  resting.delete(button);
  button.style.minWidth = "";
  button.ariaDisabled = button.ariaBusy = null;
  if (label.parentElement === button) button.replaceChildren(...label.childNodes); // else it has been named anew
}

// Does what a button is for, once at a time; `failed` is told what goes wrong.
export async function working(button, job, failed = (error) => say(error.message)) {
  if (isAtWork(button)) return;
  begin(button);
  try {
    await job();
  } catch (error) {
    failed(error);
  } finally {
    end(button);
  }
}

// Goes to another page: the button is at work until that comes.
export function leave(url) {
  location.assign(url);
  return new Promise(() => {});
}

// Of two drawings of the same part: buttons at work go on in the new one.
export function keepAtWork(old, fresh) {
  for (const button of old.querySelectorAll("[aria-busy=true][id]")) {
    const twin = isAtWork(button) && fresh.querySelector(`#${CSS.escape(button.id)}`);
    if (twin) twin.replaceWith(document.adoptNode(button));
  }
}

// --- forms and links that lead to another page ---

const isLeading = (link, event) =>
  link.href && !link.target && !link.hasAttribute("download") && !event.ctrlKey && !event.metaKey && !event.shiftKey &&
  new URL(link.href).href.split("#")[0] !== location.href.split("#")[0];

function follow(what, button) {
  if (!button || isAtWork(button)) return;
  sent.set(what, button);
  begin(button);
}

function release() {
  for (const button of sent.values()) if (isAtWork(button)) end(button);
  sent.clear();
}

function refuse(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}

export function watchButtons() {
  document.addEventListener("click", (event) => event.target.closest?.("[aria-disabled=true]") && refuse(event), true);
  document.addEventListener("submit", (event) => sent.has(event.target) && refuse(event), true);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog" || form.target) return;
    follow(form, event.submitter ?? form.querySelector("[type=submit]"));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.button");
    if (link && !event.defaultPrevented && isLeading(link, event)) follow(link, link);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && release()); // the browser stops loading
  window.addEventListener("pageshow", release);
}

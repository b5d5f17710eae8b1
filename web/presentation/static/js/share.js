// With whom a server is shared: its forms are sent without leaving the page, and what others do meanwhile is seen.

import { base, data, isLoggedIn, logIn, withXsrf } from "./api.js";
import { ask } from "./ask.js";
import { saysAway, untilBack } from "./away.js";
import { follow } from "./events.js";
import { announce, say } from "./said.js";
import { _ } from "./texts.js";
import { showTimes } from "./time.js";
import { isAtWork, working } from "./working.js";

const element = (id) => document.getElementById(id);
const board = () => element("share");
const FORMS = ["grant-form", "issue-form"];
const LISTS = ["share-people", "share-links"];

// --- sending a form ---

element("main").addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post" || !board().contains(form)) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("button");
  const body = new URLSearchParams(new FormData(form));
  if (form.classList.contains("withdraw")) {
    if (!(await reallyRevoke())) return;
    body.set("sure", "yes");
  }
  working(button, () => send(form, body));
});

function reallyRevoke() {
  const text = _("Nobody can come by it any more, and it cannot be had again. Those who have come by it keep their access.");
  return ask(_("Revoke this link?"), text, _("Revoke"));
}

async function send(form, body) {
  const response = await fetch(form.getAttribute("action"), { method: "POST", credentials: "same-origin", body });
  if (saysAway(response)) {
    untilBack();
    throw new Error(_("The hub is away for a moment. Please try again when it is back."));
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (page.getElementById("share")) replace(page.getElementById("share"), form);
  else if (!(await isLoggedIn())) logIn();
  else throw new Error(page.querySelector("main p")?.textContent ?? _("This did not work. Please load the page again."));
}

function replace(fresh, sent) {
  const typed = FORMS.filter((id) => id !== sent.id).flatMap((id) => [...(element(id)?.querySelectorAll("[name=name], select") ?? [])]);
  for (const field of typed) {
    const twin = fresh.querySelector(`#${field.form.id} [name="${field.name}"]`);
    if (twin) twin.value = field.value;
  }
  board().replaceWith(document.adoptNode(fresh));
  prepare();
  const said = element("share-said")?.textContent ?? "";
  if (said) announce(said);
  next()?.focus();
}

// What one goes on with.
function next() {
  const link = element("link");
  if (link) link.select();
  const wrong = document.querySelector("#share [aria-invalid=true]");
  const sent = element("share-said")?.closest("section")?.querySelector("h2[tabindex], #grant-name");
  return wrong ?? link ?? element("undo") ?? sent ?? element("share-title");
}

function prepare() {
  const copy = element("copy-link");
  if (copy) copy.hidden = false;
  showTimes(board());
}

element("main").addEventListener("click", async (event) => {
  if (!event.target.closest("#copy-link")) return;
  try {
    await navigator.clipboard.writeText(element("link").value);
    say(_("Copied."));
  } catch {
    element("link").select();
    say(_("Press Ctrl+C to copy it."));
  }
});

// --- what others do ---

async function redraw() {
  const response = await fetch(withXsrf(location.pathname + location.search), { credentials: "same-origin" });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("share");
  if (!fresh || [...board().querySelectorAll("button")].some(isAtWork)) return;
  if (Number(fresh.dataset.position) < Number(board().dataset.position)) return; // what was sent meanwhile has drawn more
  board().dataset.position = fresh.dataset.position;
  const undo = element("undo-form");
  for (const id of LISTS) {
    const list = page.getElementById(id);
    if (list && element(id)) element(id).replaceWith(document.adoptNode(list));
  }
  if (undo) element("share-people")?.prepend(undo);
  showTimes(board());
}

// What has been done here is drawn already.
function happened(events) {
  const position = Number(board().dataset.position);
  if (!events.length || events.some((event) => event.position > position)) redraw();
}

prepare();
const query = new URLSearchParams([["type", "share"], ["type", "share-code"]]);
if (data.user) {
  const owner = encodeURIComponent(board().dataset.owner);
  follow(`${base}api/users/${owner}/events?${query}`, board().dataset.position, happened);
}

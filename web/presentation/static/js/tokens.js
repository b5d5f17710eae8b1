// Tokens are made and revoked here.

import { call, data, userPath, withXsrf } from "./api.js";
import { announce, say } from "./said.js";
import { _ } from "./texts.js";
import { showTimes } from "./time.js";
import { working } from "./working.js";

const form = document.getElementById("request-token-form");
const area = document.getElementById("token-area");
const result = document.getElementById("token-result");
const failure = document.getElementById("token-error");
const path = `${userPath(form?.dataset.user ?? data.user)}/tokens`;

// A template may hide it by an attribute, or by its style.
function show(element) {
  if (!element) return;
  element.hidden = false;
  if (element.style.display === "none") element.style.display = "";
}

// In JupyterHub's markup the new token is a text, not a field.
function showToken(token) {
  show(area);
  if (!result) return;
  if (!("value" in result)) {
    result.textContent = token;
    return;
  }
  result.value = token;
  result.focus();
  result.select();
}

function valueOf(id) {
  return document.getElementById(id)?.value ?? "";
}

async function redraw() {
  const response = await fetch(withXsrf(location.pathname), { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("token-lists");
  if (fresh) document.getElementById("token-lists")?.replaceWith(document.adoptNode(fresh));
  showTimes();
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const refused = (error) => {
    if (failure) failure.textContent = error.message;
    else say(error.message);
    show(failure);
  };
  working(event.submitter ?? form.querySelector("button"), request, refused);
});

async function request() {
  const note = valueOf("token-note").trim();
  const expiry = valueOf("token-expiration-seconds");
  const scopes = valueOf("token-scopes").split(/[\s,]+/).filter(Boolean);
  const asked = {};
  if (note) asked.note = note;
  if (expiry) asked.expires_in = Number(expiry);
  if (scopes.length) asked.scopes = scopes;
  if (failure) failure.hidden = true;
  if (area) area.hidden = true;
  const token = await call("POST", path, asked);
  shown = token.id;
  showToken(token.token);
  announce(_("The token is made. It is shown only this once."));
  await redraw();
}

document.getElementById("token-copy")?.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(result.value);
    say(_("Copied."));
  } catch {
    result.select();
    say(_("Press Ctrl+C to copy it."));
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".revoke-token-btn");
  if (!button) return;
  event.preventDefault(); // its form is for where no script runs
  working(button, () => revoke(button.closest("[data-token-id]")));
});

let shown = ""; // the id of the token that can be copied

async function revoke(row) {
  await call("DELETE", `${path}/${encodeURIComponent(row.dataset.tokenId)}`);
  say(_("Revoked."));
  if (row.dataset.tokenId === shown && area) area.hidden = true; // it is good for nothing
  if (document.getElementById("token-lists")) await redraw();
  else row.remove();
}

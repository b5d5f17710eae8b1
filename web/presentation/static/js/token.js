// Tokens are made and revoked here.

import { call, say, userPath, withXsrf } from "./api.js";
import { showTimes } from "./time.js";

const form = document.getElementById("request-token-form");
const area = document.getElementById("token-area");
const result = document.getElementById("token-result");
const failure = document.getElementById("token-error");
const path = `${userPath(form.dataset.user)}/tokens`;

async function redraw() {
  const response = await fetch(withXsrf(location.pathname), { credentials: "same-origin" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("token-lists");
  if (fresh) document.getElementById("token-lists").replaceWith(document.adoptNode(fresh));
  showTimes();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const note = document.getElementById("token-note").value.trim();
  const expiry = document.getElementById("token-expiration-seconds").value;
  const scopes = document.getElementById("token-scopes").value.split(/[\s,]+/).filter(Boolean);
  const asked = {};
  if (note) asked.note = note;
  if (expiry) asked.expires_in = Number(expiry);
  if (scopes.length) asked.scopes = scopes;
  failure.hidden = true;
  area.hidden = true;
  try {
    const token = await call("POST", path, asked);
    result.value = token.token;
    area.hidden = false;
    result.focus();
    result.select();
    await redraw();
  } catch (error) {
    failure.textContent = error.message;
    failure.hidden = false;
  }
});

document.getElementById("token-copy").addEventListener("click", async () => {
  result.select();
  try {
    await navigator.clipboard.writeText(result.value);
    say("Copied.");
  } catch {
    say("Press Ctrl+C to copy it.");
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.(".revoke-token-btn");
  if (!button) return;
  const row = button.closest("[data-token-id]");
  button.disabled = true;
  try {
    await call("DELETE", `${path}/${encodeURIComponent(row.dataset.tokenId)}`);
    say("Revoked.");
    await redraw();
  } catch (error) {
    button.disabled = false;
    say(error.message);
  }
});

// The hub's REST API, for the pages of the hub.

import { saysAway, untilBack } from "./away.js";
import { _ } from "./texts.js";

const element = document.getElementById("jhdata");

// What the hub says of the page; where a template of an administrator's says it, it may be less.
export const data = element ? JSON.parse(element.textContent) : (window.jhdata ?? {});
const token = data.xsrf_token;

export const base = data.base_url;

export class Refused extends Error {
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

// The answer's JSON, null if it has none. Throws Refused with what the hub says, and for how many seconds it wants to be
// left alone. Who is not logged in any more is sent to do so.
export async function call(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(`${base}api/${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        "X-XSRFToken": token,
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, _("The hub cannot be reached. It may be starting anew; try again in a moment."));
  }
  if (saysAway(response)) {
    untilBack();
    throw new Refused(503, _("The hub is away for a moment. Please try again when it is back."), 2);
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    answer = null;
  }
  if (response.ok) return answer;
  if (response.status === 403 && !(await isLoggedIn())) logIn();
  const retryAfter = Number(response.headers.get("Retry-After") ?? 0);
  throw new Refused(response.status, answer?.message ?? why(response.status), retryAfter);
}

// For an answer that says nothing itself: of something between the browser and the hub, as a rule.
function why(status) {
  if (status === 401 || status === 403) return _("You may not do this, or you are no longer logged in.");
  if (status === 404) return _("It is not there any more.");
  if (status === 413) return _("This is more than the hub takes at once.");
  if (status === 429) return _("That was too much at once. Please try again in a moment.");
  if (status >= 500) return _("The hub could not do this just now. Please try again in a moment.");
  return _("The hub did not accept this.");
}

export async function isLoggedIn() {
  try {
    const response = await fetch(`${base}api/user`, { credentials: "same-origin", headers: { "X-XSRFToken": token } });
    return response.status !== 403;
  } catch {
    return true;
  }
}

export function logIn() {
  location.assign(`${base}login?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export function withXsrf(url) {
  if (url.includes("_xsrf=")) return url;
  return `${url}${url.includes("?") ? "&" : "?"}_xsrf=${encodeURIComponent(token)}`;
}

export function userPath(user) {
  return `users/${encodeURIComponent(user)}`;
}

export function serverPath(user, server) {
  return server ? `${userPath(user)}/servers/${encodeURIComponent(server)}` : `${userPath(user)}/server`;
}

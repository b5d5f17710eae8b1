// A hub that is away, being started anew perhaps: a quiet banner for as long, and what waits for it.

import { backoff } from "./backoff.js";
import { _ } from "./texts.js";

const data = document.getElementById("jhdata"); // an administrator's own page may have none
const base = data ? JSON.parse(data.textContent).base_url : "/hub/";
const LONGEST = 3000; // milliseconds; a hub that is slow is there

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const saysAway = (answer) => answer.headers.has("X-Callboard-Away");

async function isAway() {
  try {
    const signal = AbortSignal.timeout(LONGEST);
    return saysAway(await fetch(`${base}api/`, { cache: "no-store", credentials: "omit", signal }));
  } catch (error) {
    return error.name !== "TimeoutError";
  }
}

function showBanner() {
  if (document.getElementById("away")) return;
  const banner = document.createElement("div");
  banner.id = "away";
  banner.className = "announcement";
  banner.setAttribute("role", "status");
  banner.textContent = _(
    "The hub is away for a moment. What you have typed stays, servers go on running, and this page goes on by itself.",
  );
  document.getElementById("main")?.before(banner);
}

let waiting;

// Resolves when the hub answers: at once, as a rule.
export function untilBack() {
  waiting ??= look().finally(() => (waiting = undefined));
  return waiting;
}

async function look() {
  for (let failures = 1; await isAway(); failures += 1) {
    showBanner();
    await pause(1000 * backoff(failures));
  }
  document.getElementById("away")?.remove();
}

// A form that is sent while the hub is away would lose what was typed: it waits. Its button's name and value go with it.
export function sendFormsWhenBack() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    event.preventDefault();
    await untilBack();
    if (event.submitter?.name) {
      const chosen = document.createElement("input");
      Object.assign(chosen, { type: "hidden", name: event.submitter.name, value: event.submitter.value });
      form.append(chosen);
    }
    form.submit();
  });
}

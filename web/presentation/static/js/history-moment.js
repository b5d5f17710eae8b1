// One moment of a history: how things were then, as the hub tells it.

import { isLoggedIn, logIn, withXsrf } from "./api.js";
import { shown } from "./history-shown.js";
import { exactly } from "./span.js";

const element = (id) => document.getElementById(id);

const told = () => element("then")?.querySelectorAll("[data-exact]") ?? [];

export function showExactTimes() {
  for (const time of told()) time.textContent = exactly(time.dataset.exact);
}

// When the moment was that is looked at, in milliseconds, or null. `events`: those that are known.
export function momentOf(events) {
  const event = events.find((one) => String(one.position) === shown.at);
  const [time] = told();
  return event ? Date.parse(event.at) : time ? Date.parse(time.dataset.exact) : null;
}

// `draw()`: the picture and the list, in which it is marked.
export async function showMoment(draw) {
  draw();
  const then = element("then");
  if (!then) {
    element(`event-${shown.at}`)?.scrollIntoView({ block: "center" });
    return;
  }
  const response = await fetch(withXsrf(`${location.pathname}?at=${shown.at}`), { credentials: "same-origin" });
  if (!response.ok) {
    if (response.status === 403 && !(await isLoggedIn())) logIn();
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("then");
  if (!fresh) return;
  then.replaceWith(document.adoptNode(fresh));
  showExactTimes();
  draw();
  if (shown.at) fresh.scrollIntoView({ block: "nearest" });
}

// `goTo(at)`: a link to a moment was followed; "" leaves it.
export function watchMoments(goTo) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.at, #leave-moment");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(new URLSearchParams(link.search).get("at") ?? "");
  });
}

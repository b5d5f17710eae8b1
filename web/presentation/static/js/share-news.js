// What is new of shares is put away without leaving the page.

import { call } from "./api.js";
import { announce, say } from "./said.js";
import { _ } from "./texts.js";
import { showTimes } from "./time.js";
import { working } from "./working.js";

const place = () => document.getElementById("share-news");
const newest = (element) => element?.querySelector("[name=upto]")?.value ?? "";

place()?.addEventListener("submit", (event) => {
  event.preventDefault();
  working(event.target.querySelector("button"), () => putAway(event.target));
});

async function putAway(form) {
  const response = await fetch(form.action, { method: "POST", credentials: "same-origin", redirect: "manual", body: new URLSearchParams(new FormData(form)) });
  if (response.type !== "opaqueredirect") {
    await call("GET", "user"); // who is not logged in any more is sent to do so
    say(_("This cannot be put away now. Please try again in a moment."));
    return;
  }
  place().replaceChildren();
  announce(_("Put away."));
}

// `fresh`: the same page, drawn anew.
export function showNews(fresh) {
  const drawn = fresh.getElementById("share-news");
  if (!place() || !drawn || newest(place()) === newest(drawn)) return;
  place().replaceChildren(...drawn.childNodes);
  showTimes(place());
}

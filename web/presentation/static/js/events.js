// The hub's event stream, from a position on, for as long as the page is open.

import { isLoggedIn, withXsrf } from "./api.js";
import { untilBack } from "./away.js";
import { backoff } from "./backoff.js";
import { say } from "./said.js";
import { _ } from "./texts.js";

// `changed` is called soon after something has happened, once for all that happens together, with the events; without any
// when the stream is back after it was away.
export function follow(url, position, changed) {
  let after = position;
  let source;
  let timer;
  let failures = 0;
  let wasAway = false;
  let events = [];

  const tell = () => {
    timer = undefined;
    const told = events;
    events = [];
    changed(told);
  };

  const soon = () => {
    timer ??= setTimeout(tell, 60);
  };

  const open = () => {
    source = new EventSource(withXsrf(`${url}${url.includes("?") ? "&" : "?"}after=${after}`));
    source.onopen = () => {
      failures = 0;
      if (wasAway) soon();
      wasAway = false;
    };
    source.onmessage = heard;
    source.addEventListener("resume", heard);
    source.addEventListener("shares", heard);
    source.addEventListener("ended", async () => {
      source.close();
      if (!(await isLoggedIn())) say(_("You are logged out. Whatever you do next asks you to log in."));
    });
    source.onerror = async () => {
      wasAway = true;
      const back = untilBack();
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      await back;
      if (!(await isLoggedIn())) {
        say(_("You are logged out. Whatever you do next asks you to log in."));
        return;
      }
      setTimeout(open, 1000 * backoff((failures += 1)));
    };
  };

  const heard = (event) => {
    if (event.lastEventId) after = event.lastEventId;
    if (event.type === "message") events.push(JSON.parse(event.data));
    soon();
  };

  open();
  window.addEventListener("pagehide", () => source.close());
}

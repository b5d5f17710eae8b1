// The hub's event stream, from a position on, for as long as the page is open.

import { isLoggedIn, say, withXsrf } from "./api.js";

// `changed` is called soon after something has happened, once for all that happens together.
export function follow(url, position, changed) {
  let after = position;
  let source;
  let timer;
  let wait = 500;

  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, 60);
  };

  const open = () => {
    source = new EventSource(withXsrf(`${url}?after=${after}`));
    source.onopen = () => (wait = 500);
    source.onmessage = heard;
    source.addEventListener("resume", heard);
    source.addEventListener("ended", async () => {
      source.close();
      if (!(await isLoggedIn())) say("You are logged out. Whatever you do next asks you to log in.");
    });
    source.onerror = async () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      if (!(await isLoggedIn())) {
        say("You are logged out. Whatever you do next asks you to log in.");
        return;
      }
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 10000);
      soon();
    };
  };

  const heard = (event) => {
    if (event.lastEventId) after = event.lastEventId;
    soon();
  };

  open();
  window.addEventListener("pagehide", () => source.close());
}

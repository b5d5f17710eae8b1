// How starts and stops end that the hub has accepted, as the event stream tells it.

import { _ } from "./texts.js";

const ENDS = {
  "server.ready": "ready",
  "server.spawn-failed": "failed",
  "server.stopped": "stopped",
  "server.died": "stopped",
  "server.lost": "stopped",
};

const waiting = new Map(); // from "alice/lab" to who wants to know

const key = (user, server) => `${user}/${server}`;

export function heard(event) {
  const end = ENDS[event.type];
  const wanted = end && waiting.get(key(event.user, event.server));
  if (!wanted) return;
  waiting.delete(key(event.user, event.server));
  wanted(end, event.data);
}

// Call it before asking for the start or stop, and `forget` if that is refused: the end may come before the answer.
export function expect(user, server, end) {
  return new Promise((resolve, reject) => {
    waiting.set(key(user, server), (found, data) => {
      if (found === end || (end === "stopped" && found === "failed")) resolve();
      else reject(new Error(data.reason ?? _("It was stopped.")));
    });
  });
}

export function forget(user, server) {
  waiting.delete(key(user, server));
}

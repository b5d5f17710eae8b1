// What the hub itself says of a start or a stop, in the language of the page: the API says it in English. What spawners and
// hooks say stays as they say it.

import { inTime } from "./elapsed.js";
import { _ } from "./texts.js";

const OWN = {
  "Server requested": _("Server requested"),
  "Its turn to start has come": _("Its turn to start has come"),
  "Spawning server...": _("The server is being started…"),
  "Spawn cancelled": _("Spawn cancelled"),
};
const FAILED = "Spawn failed: ";
const READY = "Server ready at ";

function waiting({ place, length, estimate }) {
  if (estimate === null || estimate === undefined) {
    return _("Waiting for a turn to start: number {place} of {length}", { place, length });
  }
  const time = inTime(Math.max(1, Math.round(estimate)));
  return _("Waiting for a turn to start: number {place} of {length}, in about {time}", { place, length, time });
}

// The same event with other words: `message` and, where it has one, `html_message`.
export function worded(said) {
  if (said.queue) return { ...said, message: waiting(said.queue) };
  if (said.html_message?.startsWith(READY)) {
    const link = said.html_message.slice(READY.length);
    return { ...said, html_message: _("Server ready at {link}", { link }) };
  }
  if (said.failed && said.message.startsWith(FAILED) && !said.html_message) {
    return { ...said, message: _("Spawn failed: {reason}", { reason: said.message.slice(FAILED.length) }) };
  }
  return { ...said, message: OWN[said.message] ?? said.message };
}

// Where the configuration wants servers started by themselves: after a moment in which that can be called off.

import { call, data, serverPath } from "./api.js";
import { _, ngettext } from "./texts.js";
import "./time.js";
import { leave, working } from "./working.js";
import { say } from "./said.js";

const start = document.getElementById("start");
const countdown = document.getElementById("countdown");
let left = start ? (data.implicit_spawn_seconds ?? 0) : 0;

if (start && location.hash) start.href += location.hash; // of the address that the server is to be entered by

// --- a start that failed: again, and the number of its request ---

const again = document.getElementById("same-again");
if (again) again.hidden = false;
again?.addEventListener("click", () =>
  working(again, async () => {
    await call("POST", serverPath(data.server.user, data.server.name));
    await leave(data.server.pending_url);
  }),
);

const copy = document.getElementById("copy-request");
if (copy && navigator.clipboard) copy.hidden = false;
copy?.addEventListener("click", async () => {
  await navigator.clipboard.writeText(document.getElementById("request-number").textContent);
  say(_("The number is copied."));
});

// --- started by itself ---

const startsIn = (seconds) =>
  ngettext(
    "It starts by itself in {number} second.",
    "It starts by itself in {number} seconds.",
    seconds,
  );

function tick() {
  if (left <= 0) {
    location.assign(start.href);
    return;
  }
  if (countdown) countdown.textContent = startsIn(Math.ceil(left));
  left -= 1;
}

if (left > 0) {
  tick();
  const timer = setInterval(tick, 1000);
  const stay = document.getElementById("stay"); // a template of an administrator's may have none
  const callOff = () => {
    clearInterval(timer);
    if (countdown) countdown.textContent = _("It is not started by itself any more.");
    if (stay) stay.hidden = true;
  };
  if (stay) stay.hidden = false;
  stay?.addEventListener("click", () => {
    callOff();
    start.focus();
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && callOff());
}

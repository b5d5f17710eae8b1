// How long something has been under way, and how long it usually takes.

import { _ } from "./texts.js";

const element = () => document.getElementById("progress-times");

export function inTime(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ""}`;
}

function told(seconds, usual) {
  if (usual === null || usual === undefined) return _("{time} so far", { time: inTime(seconds) });
  const usually = inTime(Math.max(1, Math.round(usual)));
  return _("{time} so far, usually {usually}", { time: inTime(seconds), usually });
}

// `since`: a moment as text; `usual`: seconds, or null. `moved` is told each second which share of the usual time is over.
export function tellElapsed({ since, usual }, moved = () => {}) {
  const begun = since ? new Date(since).getTime() : Date.now();
  const tell = () => {
    const seconds = Math.max(0, Math.round((Date.now() - begun) / 1000));
    if (element()) element().textContent = told(seconds, usual);
    if (usual) moved(seconds / usual);
  };
  tell();
  return setInterval(tell, 1000);
}

// A start, as it goes on; and on to the server when it is ready.

import { base, call, data, serverPath, withXsrf } from "./api.js";
import { untilBack } from "./away.js";
import { tellElapsed } from "./elapsed.js";
import { worded } from "./progress-words.js";
import { locale } from "./texts.js";
import { leave, working } from "./working.js";

// Of all these a template of an administrator's may have left something out, or made it of other elements.
const pending = data.pending;
const bar = document.getElementById("progress-bar");
const message = document.getElementById("progress-message");
const log = document.getElementById("progress-log");
const stop = document.getElementById("stop-server-btn");

// Some messages come with links; nothing else of their HTML is kept.
function withLinks(html, text) {
  const piece = document.createElement("span");
  if (!html) {
    piece.textContent = text;
    return piece;
  }
  const parsed = new DOMParser().parseFromString(html, "text/html").body;
  for (const node of parsed.childNodes) {
    const isLink = node.nodeName === "A" && /^(https?:|\/(?!\/))/.test(node.getAttribute("href") ?? "");
    if (isLink) {
      const link = document.createElement("a");
      link.href = node.getAttribute("href");
      link.textContent = node.textContent;
      piece.append(link);
    } else {
      piece.append(node.textContent);
    }
  }
  return piece;
}

let reached = 0;

// What is told counts; between two messages time moves it on, never quite to the end.
function showPercent(percent) {
  if (percent < reached) return;
  reached = percent;
  if (bar instanceof HTMLProgressElement) {
    bar.value = percent;
  } else if (bar) {
    bar.setAttribute("aria-valuenow", percent);
    bar.style.width = `${percent}%`;
  }
  const told = document.getElementById("sr-progress");
  if (told) told.textContent = `${percent}%`;
}

function show(said) {
  if (typeof said.progress === "number") showPercent(said.progress);
  if (!said.message) return;
  message?.replaceChildren(withLinks(said.html_message, said.message));
  if (!log) return;
  const line = document.createElement(log.nodeName === "OL" ? "li" : "div");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString(locale);
  line.append(time, withLinks(said.html_message, said.message));
  log.append(line);
}

const source = new EventSource(withXsrf(pending.progress_url));

source.onmessage = (event) => {
  const said = JSON.parse(event.data);
  show(worded(said));
  if (said.ready) {
    source.close();
    location.reload(); // the hub sends on to where this was headed
  } else if (said.failed) {
    source.close();
    bar?.classList.add("bad");
    if (stop) stop.hidden = true;
    const details = document.getElementById("progress-details");
    if (details) details.open = true;
    setTimeout(() => location.reload(), 1500); // the page of a failed start says what can be done
  }
};

source.onerror = async () => {
  const back = untilBack();
  if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
  await back;
  location.reload();
};

tellElapsed(pending, (share) => showPercent(Math.round(90 * (1 - Math.exp(-1.5 * share)))));

if (stop) stop.hidden = false;
stop?.addEventListener("click", (event) => {
  event.preventDefault(); // its form is for where no script runs
  working(stop, async () => {
    await call("DELETE", serverPath(pending.user, pending.server));
    await leave(`${base}home`);
  });
});

window.addEventListener("pagehide", () => source.close());

// A start, as it goes on; and on to the server when it is ready.

import { base, call, say, serverPath, withXsrf } from "./api.js";
import { untilBack } from "./away.js";

const pending = document.getElementById("pending");
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

function show(said) {
  if (typeof said.progress === "number") bar.value = said.progress;
  if (!said.message) return;
  message.replaceChildren(withLinks(said.html_message, said.message));
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, withLinks(said.html_message, said.message));
  log.append(line);
}

const source = new EventSource(withXsrf(pending.dataset.progressUrl));

source.onmessage = (event) => {
  const said = JSON.parse(event.data);
  show(said);
  if (said.ready) {
    source.close();
    location.reload(); // the hub sends on to where this was headed
  } else if (said.failed) {
    source.close();
    bar.classList.add("bad");
    stop.hidden = true;
    document.getElementById("progress-details").open = true;
    setTimeout(() => location.reload(), 1500); // the page of a failed start says what can be done
  }
};

source.onerror = async () => {
  const back = untilBack();
  if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
  await back;
  location.reload();
};

stop.hidden = false;
stop.addEventListener("click", async () => {
  stop.disabled = true;
  try {
    await call("DELETE", serverPath(pending.dataset.user, pending.dataset.serverName));
    location.assign(`${base}home`);
  } catch (error) {
    stop.disabled = false;
    say(error.message);
  }
});

window.addEventListener("pagehide", () => source.close());

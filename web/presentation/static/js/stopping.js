// While a server stops, or is looked for: the page looks again by itself.

import { data, withXsrf } from "./api.js";
import { tellElapsed } from "./elapsed.js";

const pending = data.pending;
if (pending.state === "stop") tellElapsed({ since: pending.since, usual: null });
setTimeout(() => location.reload(), pending.state === "check" ? 2000 : 5000);

document.getElementById("refresh")?.addEventListener("click", (event) => {
  event.preventDefault();
  location.reload();
});

if (pending.state === "stop") {
  const source = new EventSource(withXsrf(pending.progress_url));
  source.onmessage = (event) => {
    const said = JSON.parse(event.data);
    if (said.stopped || said.failed) location.reload();
  };
  source.onerror = () => source.close();
  window.addEventListener("pagehide", () => source.close());
}

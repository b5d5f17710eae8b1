// While a server stops, or is looked for: the page looks again by itself.

import { withXsrf } from "./api.js";

const pending = document.getElementById("pending");
setTimeout(() => location.reload(), pending.dataset.state === "check" ? 2000 : 5000);

if (pending.dataset.state === "stop") {
  const source = new EventSource(withXsrf(pending.dataset.progressUrl));
  source.onmessage = (event) => {
    const said = JSON.parse(event.data);
    if (said.stopped || said.failed) location.reload();
  };
  source.onerror = () => source.close();
  window.addEventListener("pagehide", () => source.close());
}

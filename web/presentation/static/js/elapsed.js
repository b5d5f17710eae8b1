// How long something has been under way, and how long it usually takes.

const element = () => document.getElementById("progress-times");

function words(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest ? ` ${rest} s` : ""}`;
}

// `since`: a moment as text; `usual`: seconds, or null. `moved` is told each second which share of the usual time is over.
export function tellElapsed({ since, usual }, moved = () => {}) {
  const begun = since ? new Date(since).getTime() : Date.now();
  const tell = () => {
    const seconds = Math.max(0, Math.round((Date.now() - begun) / 1000));
    const usually = usual === null || usual === undefined ? "" : `, usually ${words(Math.max(1, Math.round(usual)))}`;
    if (element()) element().textContent = `${words(seconds)} so far${usually}`;
    if (usual) moved(seconds / usual);
  };
  tell();
  return setInterval(tell, 1000);
}

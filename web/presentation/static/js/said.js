// What a page says: at its bottom for a while, where screen readers read it out, or to them alone.

const STAYS = 8000; // milliseconds

// Read out, and not seen. Made before there is anything to say: what comes with its text is often not read out.
const heard = document.createElement("p");
heard.id = "said";
heard.className = "hidden";
heard.setAttribute("role", "status");
document.body.append(heard);

let quiet;

export function say(text) {
  const notice = document.getElementById("notice");
  if (!notice) return;
  notice.textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => (notice.textContent = ""), STAYS);
}

// For what others see anyway: a button at work, a state that has changed.
export function announce(text) {
  heard.textContent = text;
}

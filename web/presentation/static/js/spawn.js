// The form of a start: one click is enough.

const form = document.getElementById("spawn_form");
const button = document.getElementById("start-button");

form?.addEventListener("submit", () => {
  if (!button) return;
  button.disabled = true;
  button.textContent = "Starting…";
});

window.addEventListener("pageshow", () => {
  if (button) button.disabled = false;
});

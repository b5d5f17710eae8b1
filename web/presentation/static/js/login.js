// The login form: a warning where the way is not safe, and one click is enough.

const warning = document.getElementById("insecure-login-warning");
if (warning && !window.isSecureContext) {
  warning.hidden = false;
  warning.classList.remove("hidden");
}

const form = document.getElementById("login-form");
form?.addEventListener("submit", () => {
  const button = document.getElementById("login_submit");
  if (!button) return;
  button.disabled = true;
  button.textContent = "Logging in…";
});
window.addEventListener("pageshow", () => {
  const button = form && document.getElementById("login_submit");
  if (button) button.disabled = false;
});

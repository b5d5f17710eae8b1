// The login form: a warning where the way is not safe.

const warning = document.getElementById("insecure-login-warning");
if (warning && !window.isSecureContext) {
  warning.hidden = false;
  warning.classList.remove("hidden");
}

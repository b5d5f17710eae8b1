// What every page does: its data, the menu on small screens, the choice of colours.

import { sendFormsWhenBack } from "./away.js";
import { keepFocus } from "./focus.js";
import { announce } from "./said.js";
import { _ } from "./texts.js";
import { watchButtons } from "./working.js";

const data = document.getElementById("jhdata");
window.jhdata ??= data ? JSON.parse(data.textContent) : {};

const THEMES = ["system", "light", "dark"];
const NAMES = { system: _("System"), light: _("Light"), dark: _("Dark") };

function chosenTheme() {
  return document.documentElement.dataset.theme ?? "system";
}

function showTheme(button) {
  const name = NAMES[chosenTheme()];
  button.querySelector(".theme-name").textContent = name;
  button.setAttribute("aria-label", _("Colours: {name}", { name }));
}

function changeTheme(button) {
  const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
  if (next === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = next;
  }
  try {
    localStorage.setItem("callboard-theme", next);
  } catch {
    // remembered for this page only
  }
  showTheme(button);
  announce(button.ariaLabel);
}

const toggle = document.getElementById("theme-toggle");
if (toggle?.querySelector(".theme-name")) {
  showTheme(toggle);
  toggle.addEventListener("click", () => changeTheme(toggle));
}

const menuButton = document.getElementById("menu-button");
menuButton?.addEventListener("click", () => {
  const open = menuButton.getAttribute("aria-expanded") === "true";
  menuButton.setAttribute("aria-expanded", String(!open));
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.dropdown[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.dropdown[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

watchButtons(); // before forms are held back: a form that waits is at work
sendFormsWhenBack();
keepFocus();

// A page that the browser kept from before a logout is not shown again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

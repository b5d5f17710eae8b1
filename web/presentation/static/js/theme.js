// Before anything is drawn: the colours somebody chose here, if they did.
"use strict";
try {
  const chosen = localStorage.getItem("callboard-theme");
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
} catch {
  // no storage: the system's colours
}

// The focus stays on the page: where what has it goes away or is hidden, it goes to what has come in its place, or to what
// stands next to it, never to the top of the page; and never to a button that takes something away.

const ROWS = "tr, li, ul, .server, .group, tbody, article, details, [role=region], [role=group]";
const PARTS = "section, form, dialog, table, main";
const CONTROLS = "a[href], button, input, select, textarea, summary";
const NEAR = 3; // rows after and before one that may be gone with it

const isThere = (element) => element.isConnected && !element.disabled && element.checkVisibility({ visibilityProperty: true });

let held = null; // {element, places, dialog, outside}: what has the focus, and where it could go
const noted = (element) => ({ element, id: element.id, label: element.getAttribute("aria-labelledby") });

// From the nearest row on outwards: the row itself, those next to it, and the parts of the page that they are in.
function placesOf(element) {
  const places = [];
  for (let around = element.parentElement; around && around !== document.body; around = around.parentElement) {
    if (around.matches(ROWS)) places.push({ ...noted(around), isRow: true, beside: neighbours(around) });
    else if (around.matches(PARTS)) places.push({ ...noted(around), isRow: false, beside: [] });
  }
  return places;
}

function neighbours(row) {
  const walk = (step) => {
    const found = [];
    for (let one = row[step]; one && found.length < NEAR; one = one[step]) if (one.matches(ROWS) && !one.matches("ul")) found.push(noted(one));
    return found;
  };
  return [...walk("nextElementSibling"), ...walk("previousElementSibling")];
}

// It, or what was drawn anew under its id, or with its title.
function present({ element, id, label }) {
  const anew = () => (id ? document.getElementById(id) : label && document.getElementById(label)?.closest(`[aria-labelledby="${label}"]`));
  const now = element.isConnected ? element : anew();
  return now && isThere(now) ? now : null;
}

// Where one goes on in a part of the page: its title.
function titleOf(part) {
  return part.querySelector("h1, h2, h3") ?? document.getElementById(part.getAttribute("aria-labelledby")) ?? part;
}

const isHarmless = (control) =>
  isThere(control) && control.tabIndex >= 0 && !control.classList.contains("danger") && control.type !== "checkbox";

// A control of it, else itself.
function into(row) {
  const controls = [...row.querySelectorAll(`.actions :is(${CONTROLS})`), ...row.querySelectorAll(CONTROLS)];
  return controls.find(isHarmless) ?? row;
}

function inPlaceOf({ element, places }) {
  const twin = present(noted(element));
  if (twin) return twin.matches(ROWS) ? into(twin) : twin;
  for (const place of places) {
    const own = present(place);
    if (own) return place.isRow ? into(own) : titleOf(own);
    const beside = place.beside.map(present).find(Boolean);
    if (beside) return into(beside);
  }
  return document.getElementById("main");
}

function give(element) {
  if (!element) return;
  if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus();
}

// What a dialog was opened from: one goes on from there when it is closed.
function outsideOf(dialog) {
  let one = held;
  while (one?.dialog && (one.dialog === dialog || !one.dialog.open)) one = one.outside;
  return one;
}

function hold(element) {
  const dialog = element.closest("dialog");
  held = { element, places: placesOf(element), dialog, outside: dialog && outsideOf(dialog) };
}

function look() {
  if (!held) return;
  const { activeElement } = document;
  if (isThere(held.element)) {
    if (activeElement === held.element) held.places = placesOf(held.element);
    else if (activeElement === document.body) give(held.element); // it was moved, which takes the focus from it
    return;
  }
  if (activeElement && activeElement !== document.body && activeElement !== held.element) return;
  const gone = held.dialog && !held.dialog.open ? held.outside : held;
  if (gone) give(inPlaceOf(gone));
}

export function keepFocus() {
  document.addEventListener("focusin", ({ target }) => {
    if (target !== document.body && !target.closest("#notice")) hold(target); // from a notice one goes back to where one was
  });
  document.addEventListener("focusout", () => {
    setTimeout(() => {
      const isLeft = document.hasFocus() && document.activeElement === document.body;
      if (isLeft && held && isThere(held.element)) held = null; // somebody clicked beside it
    });
  });
  const changes = { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled", "open", "aria-disabled"] };
  new MutationObserver(look).observe(document.body, changes);
}

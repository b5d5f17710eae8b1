// The form above a history: time, what to search for, and the kind of events.

import { SEARCHES } from "./history-asked.js";
import { begin, end, isLive, moved, searched, shown, zoomed } from "./history-shown.js";
import { exactRange } from "./span.js";

const REQUEST = "request"; // has a page of its own
const PAUSE = 250; // milliseconds: then somebody has typed what they wanted to

const element = (id) => document.getElementById(id);
const form = element("filters");
const fields = form.elements;

let typing;
const later = (job) => {
  clearTimeout(typing);
  element("happened").ariaBusy = "true";
  typing = setTimeout(job, PAUSE);
};

const wanted = () => fields.name.value.trim();

// `change(changes, {typing})`: something else is to be shown. `momentOf()`: what is looked at, in milliseconds, or null.
export function watchFilters(change, momentOf) {
  fields.span.addEventListener("change", () => fields.span.value && change({ span: Number(fields.span.value) || null, until: null }));
  fields.kind.addEventListener("change", () => change({ kind: fields.kind.value }));
  fields.server?.addEventListener("input", () => later(() => change({ server: fields.server.value.trim() }, { typing: true })));
  if (fields.of) watchSearch(change);
  form.addEventListener("submit", (event) => event.preventDefault());
  element("zoom-in").addEventListener("click", () => change(zoomed(1 / 3, momentOf())));
  element("zoom-out").addEventListener("click", () => change(zoomed(3, momentOf())));
  element("earlier").addEventListener("click", () => change(moved(-1)));
  element("later").addEventListener("click", () => isLive() || change(moved(1)));
}

function watchSearch(change) {
  const search = () => change({ ...Object.fromEntries(SEARCHES.map((one) => [one, ""])), [fields.of.value]: wanted() }, { typing: true });
  fields.name.addEventListener("input", () => fields.of.value !== REQUEST && later(search));
  fields.of.addEventListener("change", () => {
    offerNames();
    if (wanted() && fields.of.value !== REQUEST) search();
  });
  form.addEventListener("submit", () => {
    if (fields.of.value === REQUEST && wanted()) location.assign(`${form.dataset.requests}?number=${encodeURIComponent(wanted())}`);
  });
}

function offerNames() {
  if (fields.of.value === "server") fields.name.setAttribute("list", "servers");
  else fields.name.removeAttribute("list");
  fields.name.placeholder = fields.of.selectedOptions[0].dataset.example;
}

// What is shown, as the form has it.
export function fillFilters() {
  if (fields.server) fields.server.value = shown.server;
  if (fields.of) {
    const of = searched();
    if (of) fields.of.value = of;
    fields.name.value = of ? shown[of] : "";
    offerNames();
  }
  fields.kind.value = shown.kind;
  if (fields.kind.selectedIndex < 0) fields.kind.value = shown.kind = "";
}

export function showRange() {
  element("range").textContent = exactRange(begin(), end());
  const known = shown.until ? null : [...fields.span.options].find((one) => Number(one.value) === shown.span);
  fields.span.value = shown.span ? (known?.value ?? "") : "fit";
  element("later").ariaDisabled = String(isLive());
}

export function offerServers(names) {
  element("servers").replaceChildren(...names.slice(0, 200).map((name) => new Option(name, name)));
}

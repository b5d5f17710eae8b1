// The list of a history: a row for each event, the newest first.

import { base } from "./api.js";
import { doer, inWords, isBad } from "./happened.js";
import { exactly } from "./span.js";
import { _ } from "./texts.js";

const table = document.getElementById("happened");

function cell(name, labelled, ...content) {
  const made = document.createElement("td");
  made.className = name;
  if (labelled) made.dataset.label = labelled;
  made.append(...content);
  return made;
}

function linkTo(href, text, name = "") {
  const link = document.createElement("a");
  link.href = href;
  link.textContent = text;
  if (name) link.className = name;
  return link;
}

function whose(event) {
  if (event.user === null) return event.group ?? event.service ?? event.role ?? "–";
  return linkTo(`${base}admin/users/${encodeURIComponent(event.user)}`, event.user);
}

// What belongs to an event besides: all that its request led to, all that was done with its token.
function* besides(event, isCurrent) {
  const [kind, id] = event.stream.split("/");
  if (kind === "token") yield linkTo(`${base}admin/history?token=${encodeURIComponent(id)}`, _("What was done with it"), "small");
  if (isCurrent && event.request) {
    yield linkTo(`${base}admin/request?number=${encodeURIComponent(event.request)}`, _("What came of its request"), "small");
  }
}

function rowOf(event, { at, isOfAll, queryOf }) {
  const row = document.createElement("tr");
  const isCurrent = String(event.position) === at;
  row.id = `event-${event.position}`;
  if (isCurrent) row.ariaCurrent = "true";
  const link = linkTo(queryOf({ at: event.position }), exactly(event.at), "at");
  link.title = _("Event {position}: how things were then", { position: String(event.position) });
  const what = document.createElement("span");
  what.textContent = inWords(event);
  if (isBad(event)) what.className = "bad";
  const more = isOfAll ? [...besides(event, isCurrent)].flatMap((one) => [" ", one]) : [];
  row.append(cell("when", "", link), cell("what", "", what, ...more));
  if (isOfAll) row.append(cell("about beside", _("Who"), whose(event)));
  row.append(cell("by beside", _("By"), doer(event)));
  return row;
}

// `told`: {at, isOfAll, queryOf}: the event that is looked at, whether the list is of everybody, and what makes links.
export function showList(events, told) {
  const focused = document.activeElement?.closest?.("tr")?.id;
  table.tBodies[0].replaceChildren(...events.map((event) => rowOf(event, told)));
  if (focused) document.getElementById(focused)?.querySelector("a.at").focus();
  table.hidden = events.length === 0;
  document.getElementById("nothing").hidden = events.length > 0;
}

// What came of one request: each event, and how the starts went that it asked for.

import { base, call } from "./api.js";
import { doer, inWords, isBad } from "./happened.js";
import { serverName } from "./names.js";

const element = (id) => document.getElementById(id);
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const said = element("request-said");

const OUTCOMES = {
  "under way": "The start is still under way.",
  running: "The start succeeded.",
  failed: "The start failed.",
  cancelled: "The start was cancelled.",
  lost: "The hub was restarted meanwhile, and the server was gone when it came back.",
};

function made(tag, text, className = "") {
  const one = document.createElement(tag);
  one.textContent = text;
  if (className) one.className = className;
  return one;
}

function link(user) {
  const one = made("a", user);
  one.href = `${base}admin/users/${encodeURIComponent(user)}`;
  return one;
}

// --- starts ---

function startOf({ user, server, outcome, reason, exit_status: status, lines }) {
  const section = document.createElement("section");
  const heading = made("h2", "Start of ");
  heading.append(link(user), `, ${serverName(server)}`);
  const ended = status === null ? "" : ` It ended with exit status ${status}.`;
  const isFailed = outcome === "failed" || outcome === "lost";
  section.append(heading, made("p", `${OUTCOMES[outcome]} ${reason}`.trim() + ended, isFailed ? "alert bad" : ""));
  if (lines.length) section.append(outputOf(lines, isFailed));
  return section;
}

function outputOf(lines, isOpen) {
  const details = document.createElement("details");
  details.open = isOpen;
  const text = made("pre", lines.join("\n"));
  text.tabIndex = 0;
  details.append(made("summary", "Its last lines"), text);
  return details;
}

// --- events ---

function cell(label, ...content) {
  const one = document.createElement("td");
  if (label) one.dataset.label = label;
  one.append(...content);
  return one;
}

function rowOf(event) {
  const row = document.createElement("tr");
  const about = event.user === null ? (event.group ?? event.service ?? event.role ?? "–") : link(event.user);
  row.append(
    cell("", exact.format(new Date(event.at))),
    cell("", made("span", inWords(event), isBad(event) ? "bad" : "")),
    cell("Who", about),
    cell("By", doer(event)),
  );
  return row;
}

function summary({ at, events, more }) {
  const came = at === null ? "" : ` It came ${exact.format(new Date(at))}.`;
  if (!events.length) {
    return `Nothing in the log came of it that you may see: it may only have read, or been refused.${came}`;
  }
  const number = events.length === 1 ? "One event came of it" : `${events.length} events came of it`;
  return `${number}${more ? ", and more that are not shown" : ""}.${came}`;
}

try {
  const found = await call("GET", `requests/${encodeURIComponent(said.dataset.number)}`);
  said.textContent = summary(found);
  element("starts").replaceChildren(...found.starts.map(startOf));
  element("happened").tBodies[0].replaceChildren(...found.events.map(rowOf));
  element("happened").hidden = !found.events.length;
} catch (error) {
  said.textContent = "";
  element("request-trouble").textContent = error.message;
  element("request-trouble").hidden = false;
}

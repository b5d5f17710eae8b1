// What came of one request: each event, and how the starts went that it asked for.

import { base, call } from "./api.js";
import { doer, inWords, isBad } from "./happened.js";
import { serverName } from "./names.js";
import { exactly } from "./span.js";
import { _, ngettext } from "./texts.js";

const element = (id) => document.getElementById(id);
const said = element("request-said");

const OUTCOMES = {
  "under way": _("The start is still under way."),
  running: _("The start succeeded."),
  failed: _("The start failed."),
  cancelled: _("The start was cancelled."),
  lost: _("The hub was restarted meanwhile, and the server was gone when it came back."),
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
  const heading = made("h2", _("Start of {server}", { server: serverName(server) }));
  heading.append(", ", link(user));
  const ended = status === null ? "" : _("Its exit status was {status}.", { status: String(status) });
  const isFailed = outcome === "failed" || outcome === "lost";
  section.append(heading, made("p", [OUTCOMES[outcome], reason, ended].filter(Boolean).join(" "), isFailed ? "alert bad" : ""));
  if (lines.length) section.append(outputOf(lines, isFailed));
  return section;
}

function outputOf(lines, isOpen) {
  const details = document.createElement("details");
  details.open = isOpen;
  const text = made("pre", lines.join("\n"));
  text.tabIndex = 0;
  details.append(made("summary", _("Its last lines")), text);
  return details;
}

// --- events ---

function cell(name, label, ...content) {
  const one = document.createElement("td");
  one.className = name;
  if (label) one.dataset.label = label;
  one.append(...content);
  return one;
}

function rowOf(event) {
  const row = document.createElement("tr");
  const about = event.user === null ? (event.group ?? event.service ?? event.role ?? "–") : link(event.user);
  row.append(
    cell("when", "", exactly(event.at)),
    cell("what", "", made("span", inWords(event), isBad(event) ? "bad" : "")),
    cell("about beside", _("Who"), about),
    cell("by beside", _("By"), doer(event)),
  );
  return row;
}

function summary({ at, events, more }) {
  const came = at === null ? "" : _("It came on {moment}.", { moment: exactly(at) });
  const said = events.length
    ? [ngettext("One event came of it.", "{number} events came of it.", events.length), more ? _("More are not shown.") : ""]
    : [_("Nothing in the log came of it that you may see: it may only have read, or been refused.")];
  return [...said, came].filter(Boolean).join(" ");
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

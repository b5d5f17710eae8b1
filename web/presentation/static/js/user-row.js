// One user in the list: drawn from the model of the REST API, and drawn again in place when that changes.

import { base, userPath } from "./api.js";
import { lamp } from "./lamp.js";
import { serverName } from "./names.js";
import { _, withElements } from "./texts.js";
import { showTimes } from "./time.js";

const WORDS = {
  spawn: _("Starting"),
  stop: _("Stopping"),
  check: _("Being looked for"),
  rename: _("Being renamed"),
};

export function stateOf(server) {
  if (server.ready && !server.pending) return "ready";
  return server.pending ?? (server.failure ? "failed" : "stopped");
}

export function wordOf(state) {
  return WORDS[state] ?? { ready: _("Running"), stopped: _("Stopped"), failed: _("Failed") }[state] ?? state;
}

export function isActive(server) {
  return !server.stopped;
}

const fromTemplate = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

function timeOf(text, never = _("never")) {
  if (!text) return never;
  const time = document.createElement("time");
  time.dateTime = text;
  return time;
}

export class UserRow {
  constructor(model, mayOpen) {
    this.mayOpen = mayOpen;
    this.element = fromTemplate("user-row");
    this.element.row = this;
    this.show(model);
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  get servers() {
    return Object.values(this.model.servers ?? {});
  }

  show(model) {
    this.model = model;
    this.element.dataset.name = model.name;
    const link = this.find("a.name");
    link.textContent = model.name;
    link.href = `${base}admin/users/${encodeURIComponent(model.name)}`;
    this.find(".badge").hidden = !model.admin;
    const box = this.find(".select");
    box.ariaLabel = _("Select {name}", { name: model.name });
    for (const of of this.element.querySelectorAll("tr:first-child .of")) of.textContent = ` ${model.name}`;
    this.find(".seen").replaceChildren(timeOf(model.last_activity));
    this.showStates();
    this.showActions();
    if (this.details) this.showDetails();
    showTimes(this.element);
  }

  // The default server always, named ones only when there is something to see.
  showStates() {
    const shown = this.servers.filter((server) => !server.name || stateOf(server) !== "stopped");
    const lamps = shown.map((server) => {
      const state = stateOf(server);
      return lamp(state, server.name ? `${server.display_name || server.name}: ${wordOf(state)}` : wordOf(state));
    });
    this.find(".states").replaceChildren(...lamps);
  }

  showActions() {
    const own = this.model.servers?.[""];
    const active = this.servers.filter(isActive);
    const stoppable = active.filter((server) => server.pending !== "stop");
    this.find(".start-user").hidden = !own || isActive(own);
    this.find(".stop-user").hidden = stoppable.length === 0;
    this.find(".stop-user .text").textContent = active.length > 1 ? _("Stop all {number}", { number: active.length }) : _("Stop");
  }

  toggle() {
    const button = this.find(".more");
    if (this.details) {
      this.details.remove();
      this.details = undefined;
    } else {
      this.details = fromTemplate("user-details");
      this.element.append(this.details);
      this.showDetails();
      showTimes(this.details);
    }
    button.ariaExpanded = String(Boolean(this.details));
  }

  showDetails() {
    const { model } = this;
    this.details.querySelector(".servers").replaceChildren(...this.servers.map((server) => this.serverLine(server)));
    const facts = this.details.querySelector(".facts");
    facts.replaceChildren(
      ...this.fact(_("Groups"), model.groups?.join(", ") || _("none")),
      ...this.fact(_("Roles"), model.roles?.join(", ") || _("none")),
      ...this.fact(_("Added"), timeOf(model.created)),
    );
    const admin = this.details.querySelector(".admin");
    if (admin) admin.textContent = model.admin ? _("Take administrator's rights") : _("Make administrator");
    this.details.querySelector(".history").href = `${base}admin/users/${encodeURIComponent(model.name)}`;
  }

  fact(name, value) {
    const term = document.createElement("dt");
    term.textContent = name;
    const text = document.createElement("dd");
    text.append(value);
    return [term, text];
  }

  serverLine(server) {
    const line = fromTemplate("server-row");
    const state = stateOf(server);
    line.dataset.server = server.name;
    line.id = `server-${this.model.name}/${server.name}`; // by which the focus finds it when it is drawn anew
    line.querySelector(".name").textContent = server.display_name || serverName(server.name);
    const shown = line.querySelector(".state");
    shown.dataset.state = state;
    shown.querySelector(".state-text").textContent = wordOf(state);
    const when = line.querySelector(".when");
    if (state === "failed") when.textContent = server.failure;
    else if (server.started) when.append(...withElements(server.ready ? _("started {when}") : _("asked for {when}"), { when: timeOf(server.started) }));
    else if (server.last_activity) when.append(...withElements(_("last active {when}"), { when: timeOf(server.last_activity) }));
    else when.textContent = _("never started yet");
    const whose = _("{server} of {user}", { server: serverName(server.name), user: this.model.name });
    for (const of of line.querySelectorAll(".of")) of.textContent = ` ${whose}`;
    const open = line.querySelector(".open");
    open.href = server.url;
    open.hidden = !this.mayOpen || !server.ready;
    const share = line.querySelector(".share");
    if (share) share.href = `${base}share/${encodeURIComponent(this.model.name)}/${encodeURIComponent(server.name)}`;
    line.querySelector(".start").hidden = isActive(server);
    line.querySelector(".stop").hidden = !isActive(server) || server.pending === "stop";
    line.querySelector(".remove").hidden = !server.name || isActive(server);
    return line;
  }

  // The model anew, from the hub. Resolves to null for who is gone.
  get path() {
    return `${userPath(this.model.name)}?include_stopped_servers=1&include_failures=1`;
  }
}

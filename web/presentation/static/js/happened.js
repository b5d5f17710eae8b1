// Events in words: what happened, without when and by whom.

import { serverName, some } from "./names.js";
import { _, ngettext } from "./texts.js";

const SOME = 3; // names of a list: more of them are a number

// Of the names in an event's data, of which the hub may have sent but the first ones.
const list = (names, more = 0) => (names?.length ? some(names, SOME, more) : "");
const server = (event) => ({ server: serverName(event.server ?? "") });

// What is told behind the words: how it ended, and why, as the log has it.
const exit = (found) => _("exit status {status}", { status: String(found) });
const status = ({ exit_status: found }) => (found === null || found === undefined ? "" : ` (${exit(found)})`);
const why = (data) => (data.why ? ` (${data.why})` : "");

const members = ({ data }) => list(data.users, data.more) || _("somebody");
const holders = ({ data }) =>
  [
    list(data.users, data.more),
    data.groups ? _("the group {group}", { group: list(data.groups) }) : "",
    data.services ? _("the service {name}", { name: list(data.services) }) : "",
  ]
    .filter(Boolean)
    .join(", ") || _("somebody");

const ACTS = {
  "users.start": _("start servers of many users"),
  "users.stop": _("stop servers of many users"),
  "users.delete": _("delete many users"),
  "users.join": _("put many users into a group"),
};

function jobAsked({ data }) {
  const act = ACTS[data.kind] ?? data.kind;
  return data.due ? _("A job was asked for: {act}, due at {due}", { act, due: data.due }) : _("A job was asked for: {act}", { act });
}

function groupAdded({ group, data }) {
  const names = list(data.users, data.more);
  return names ? _("The group {group} was added, with {names}", { group, names }) : _("The group {group} was added", { group });
}

function tokenMade({ service, data }) {
  if (service) return _("A token of the service {name} was made", { name: service });
  return data.note ? _("A token was made: {note}", { note: data.note }) : _("A token was made");
}

const WORDS = {
  "hub.started": ({ data }) => _("The hub started, version {version}", { version: data.version }),
  "hub.stopped": ({ data }) => (data.servers ? _("The hub was shut down, with all servers") : _("The hub was shut down")),

  "hub.clock-corrected": ({ data }) => _("The machine's clock was set back, from {before}", { before: data.before }),

  "user.created": ({ user, data }) => (data.admin ? _("{user} was added as an administrator", { user }) : _("{user} was added", { user })),
  "user.renamed": ({ data }) => _("Renamed to {name}", { name: data.name }),
  "user.admin-granted": ({ user }) => _("{user} became an administrator", { user }),
  "user.admin-revoked": ({ user }) => _("{user} is no longer an administrator", { user }),
  "user.info-changed": () => _("What the hub knows of the user changed"),
  "user.auth-state-changed": () => _("The state of the login changed"),
  "user.news-seen": () => _("What is new of shares was read, and put away"),
  "user.deletion-requested": ({ user }) => _("{user} is to be deleted", { user }),
  "user.deleted": ({ user }) => _("{user} was deleted", { user }),
  "user.server-added": (event) => _("Server {server} was added", server(event)),
  "user.server-renamed": ({ data }) => _("A server was renamed to {name}", { name: serverName(data.name) }),
  "user.server-titled": (event) => _("Server {server} is shown as {title}", { ...server(event), title: event.data.display_name }),
  "user.server-removal-requested": (event) => _("Server {server} is to be removed", server(event)),
  "user.server-removed": (event) => _("Server {server} was removed", server(event)),

  "server.spawn-requested": (event) =>
    event.data.queued
      ? _("{server}: a start was asked for, and waits for its turn", server(event))
      : _("{server}: a start was asked for", server(event)),
  "server.spawn-admitted": (event) => _("{server}: its turn came", server(event)),
  "server.spawn-progressed": (event) => `${serverName(event.server ?? "")}: ${event.data.message}`,
  "server.spawn-answered": (event) => _("{server}: it answers", server(event)),
  "server.ready": (event) => _("{server}: running", server(event)),
  "server.spawn-failed": (event) => _("{server}: the start failed: {reason}", { ...server(event), reason: event.data.reason }),
  "server.spawn-cancelled": (event) => _("{server}: the start was cancelled", server(event)) + why(event.data),
  "server.stop-requested": (event) => _("{server}: a stop was asked for", server(event)) + why(event.data),
  "server.stopped": (event) => _("{server}: stopped", server(event)) + status(event.data),
  "server.died": (event) => _("{server}: ended by itself", server(event)) + status(event.data),
  "server.adopted": (event) => _("{server}: found still running after the hub's restart", server(event)),
  "server.lost": (event) => _("{server}: gone when the hub came back", server(event)) + status(event.data),
  "server.out-of-sight": (event) => _("{server}: its engine cannot see it. {reason}", { ...server(event), reason: event.data.reason }),
  "server.leftover-ended": (event) => _("{server}: what was left of an earlier start has ended", server(event)),
  "server.options-stored": (event) => _("{server}: options of the next start were stored", server(event)),

  "group.created": groupAdded,
  "group.users-joined": (event) => _("{names} joined the group {group}", { names: members(event), group: event.group }),
  "group.users-left": (event) => _("{names} left the group {group}", { names: members(event), group: event.group }),
  "group.properties-replaced": ({ group }) => _("The group {group} has other properties", { group }),
  "group.deleted": ({ group }) => _("The group {group} was deleted", { group }),

  "role.defined": ({ role }) => _("The role {role} was defined", { role }),
  "role.granted": (event) => _("The role {role} was given to {names}", { role: event.role, names: holders(event) }),
  "role.withdrawn": (event) => _("The role {role} was taken from {names}", { role: event.role, names: holders(event) }),
  "role.removed": ({ role }) => _("The role {role} was removed", { role }),

  "token.issued": tokenMade,
  "token.revoked": ({ data }) => _("A token was revoked") + why(data),
  "oauth-code.issued": () => _("An application was let in"),
  "oauth-code.redeemed": () => _("An application got its token"),
  "session.opened": ({ data }) => (data.address ? _("Logged in from {address}", { address: data.address }) : _("Logged in")),
  "session.moved-in": () => _("A login at another hub is good here"),
  "session.ended": ({ data }) => _("Logged out") + why(data),
  "moving.begun": ({ data }) => _("Moving in from {source} began", { source: data.source }),
  "moving.done": ({ data }) => ngettext("Moved in: {number} user", "Moved in: {number} users", data.came?.users ?? 0),
  "access.refused": ({ data }) =>
    ngettext(
      "Logins or tokens were refused, from {number} address",
      "Logins or tokens were refused, from {number} addresses",
      Object.keys(data.addresses ?? {}).length,
    ),

  "share.granted": (event) =>
    _("{server} was shared with {names}", {
      ...server(event),
      names: list(event.data.users) || list(event.data.groups) || _("somebody"),
    }),
  "share.widened": (event) => _("A share of {server} lets do more", server(event)),
  "share.narrowed": (event) => _("A share of {server} lets do less", server(event)),
  "share.revoked": (event) => _("A share of {server} ended", server(event)),
  "share-code.issued": (event) => _("A code to share {server} was made", server(event)),
  "share-code.exchanged": (event) => _("A code for {server} was used", server(event)),
  "share-code.revoked": (event) => _("A code for {server} was revoked", server(event)),

  "service.added": ({ service }) => _("The service {name} was added", { name: service }),
  "service.changed": ({ service }) => _("The service {name} was changed", { name: service }),
  "service.removed": ({ service }) => _("The service {name} was removed", { name: service }),
  "service.started": ({ service, data }) => _("The service {name} started as process {pid}", { name: service, pid: String(data.pid) }),
  "service.exited": ({ service, data }) => _("The service {name} ended", { name: service }) + status(data),
  "service.failed": ({ service, data }) => _("The service {name} failed: {reason}", { name: service, reason: data.reason }),

  "job.requested": jobAsked,
  "job.tried": () => _("A job began, or went on"),
  "job.progressed": () => _("A job got further"),
  "job.put-off": ({ data }) => _("A job came to nothing, and will be tried again at {again}", { again: data.again }) + why(data),
  "job.done": () => _("A job was done"),
  "job.given-up": ({ data }) => _("A job was given up") + why(data),
  "job.cancelled": () => _("A job was cancelled"),

  "engine.silent": ({ data }) => _("An engine has not answered since {since}", { since: data.since }),
  "engine.answered": () => _("An engine answers again"),
  "engine.stray-found": ({ data }) =>
    _("{server}: an earlier start runs that no server knows", { server: `${data.user_name}/${data.server_name}` }),
  "engine.stray-ended": ({ data }) => [_("An earlier start that no server knew is gone."), data.why].join(" "),
  "route.added": ({ data }) => _("A route was added: {spec}", { spec: data.spec }),
  "route.removed": () => _("A route was removed"),
  "activity.recorded": ({ data }) =>
    ngettext("{number} user was active", "{number} users were active", Object.keys(data.users ?? {}).length + (data.more ?? 0)),
};

export function inWords(event) {
  return WORDS[event.type]?.(event) ?? event.type;
}

// Who has done it.
export function doer({ by }) {
  if (by.kind === "hub") return _("the hub");
  if (by.name === null) return _("somebody else");
  return by.kind === "service" ? _("the service {name}", { name: by.name }) : by.name;
}

const BAD = new Set(["server.spawn-failed", "server.died", "server.lost", "server.out-of-sight", "engine.silent", "engine.stray-found", "service.failed", "job.given-up", "access.refused"]);

export function isBad(event) {
  return BAD.has(event.type);
}

// What is asked of the API: which types belong to a choice; none for all of them.
export const KINDS = {
  "": [
    ...Object.keys(WORDS).filter((type) => type.startsWith("server.") && !["server.spawn-progressed", "server.spawn-answered"].includes(type)),
    ..."hub user group role session share share-code service access token.revoked job.requested job.done job.given-up job.cancelled".split(" "),
  ],
  bad: [...BAD],
  share: ["share", "share-code"],
  token: ["token", "oauth-code"],
  "*": [],
};

export function typesOf(kind) {
  return KINDS[kind] ?? [kind];
}

// Whether an event belongs to a choice.
export function isOf(kind, event) {
  const types = typesOf(kind);
  return types.length === 0 || types.includes(event.type) || types.includes(event.type.split(".")[0]);
}

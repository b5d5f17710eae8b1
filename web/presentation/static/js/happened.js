// Events in words: what happened, without when and by whom.

import { serverName, some } from "./names.js";

const SOME = 3; // names of a list: more of them are a number

// Of the names in an event's data, of which the hub may have sent but the first ones.
const list = (names, more = 0) => (names?.length ? some(names, SOME, more) : "");
const own = (event) => serverName(event.server ?? "");
const status = (data) => (data.exit_status === null || data.exit_status === undefined ? "" : ` with exit status ${data.exit_status}`);
const why = (data) => (data.why ? ` (${data.why})` : "");
const holders = ({ data }) =>
  [list(data.users, data.more), data.groups ? `the group ${list(data.groups)}` : "", data.services ? `the service ${list(data.services)}` : ""]
    .filter(Boolean)
    .join(", ");
const ACTS = {
  "users.start": "start servers of many users",
  "users.stop": "stop servers of many users",
  "users.delete": "delete many users",
  "users.join": "put many users into a group",
};

const WORDS = {
  "hub.started": ({ data }) => `The hub started, version ${data.version}`,
  "hub.stopped": ({ data }) => (data.servers ? "The hub was shut down, with all servers" : "The hub was shut down"),

  "hub.clock-corrected": ({ data }) => `The machine's clock was set back, from ${data.before}`,

  "user.created": ({ user, data }) => `${user} was added${data.admin ? " as an administrator" : ""}`,
  "user.renamed": ({ data }) => `Renamed to ${data.name}`,
  "user.admin-granted": ({ user }) => `${user} became an administrator`,
  "user.admin-revoked": ({ user }) => `${user} is no longer an administrator`,
  "user.info-changed": () => "What the hub knows of the user changed",
  "user.auth-state-changed": () => "The state of the login changed",
  "user.news-seen": () => "What is new of shares was read, and put away",
  "user.deletion-requested": ({ user }) => `${user} is to be deleted`,
  "user.deleted": ({ user }) => `${user} was deleted`,
  "user.server-added": (event) => `Server ${own(event)} was added`,
  "user.server-renamed": ({ data }) => `A server was renamed to ${serverName(data.name)}`,
  "user.server-titled": (event) => `Server ${own(event)} is shown as ${event.data.display_name}`,
  "user.server-removal-requested": (event) => `Server ${own(event)} is to be removed`,
  "user.server-removed": (event) => `Server ${own(event)} was removed`,

  "server.spawn-requested": (event) =>
    event.data.queued ? `${own(event)}: a start was asked for, and waits for its turn` : `${own(event)}: a start was asked for`,
  "server.spawn-admitted": (event) => `${own(event)}: its turn came`,
  "server.spawn-progressed": (event) => `${own(event)}: ${event.data.message}`,
  "server.spawn-answered": (event) => `${own(event)}: it answers`,
  "server.ready": (event) => `${own(event)}: running`,
  "server.spawn-failed": (event) => `${own(event)}: the start failed: ${event.data.reason}`,
  "server.spawn-cancelled": (event) => `${own(event)}: the start was cancelled${why(event.data)}`,
  "server.stop-requested": (event) => `${own(event)}: a stop was asked for${why(event.data)}`,
  "server.stopped": (event) => `${own(event)}: stopped${status(event.data)}`,
  "server.died": (event) => `${own(event)}: ended by itself${status(event.data)}`,
  "server.adopted": (event) => `${own(event)}: found still running after the hub's restart`,
  "server.lost": (event) => `${own(event)}: gone when the hub came back${status(event.data)}`,
  "server.out-of-sight": (event) => `${own(event)}: its engine cannot see it. ${event.data.reason}`,
  "server.leftover-ended": (event) => `${own(event)}: what was left of an earlier start has ended`,
  "server.options-stored": (event) => `${own(event)}: options of the next start were stored`,

  "group.created": (event) => `The group ${event.group} was added${event.data.users ? `, with ${list(event.data.users, event.data.more)}` : ""}`,
  "group.users-joined": (event) => `${list(event.data.users, event.data.more) || "Somebody"} joined the group ${event.group}`,
  "group.users-left": (event) => `${list(event.data.users, event.data.more) || "Somebody"} left the group ${event.group}`,
  "group.properties-replaced": (event) => `The group ${event.group} has other properties`,
  "group.deleted": (event) => `The group ${event.group} was deleted`,

  "role.defined": (event) => `The role ${event.role} was defined`,
  "role.granted": (event) => `The role ${event.role} was given to ${holders(event) || "somebody"}`,
  "role.withdrawn": (event) => `The role ${event.role} was taken from ${holders(event) || "somebody"}`,
  "role.removed": (event) => `The role ${event.role} was removed`,

  "token.issued": (event) =>
    event.service ? `A token of the service ${event.service} was made` : `A token was made${event.data.note ? `: ${event.data.note}` : ""}`,
  "token.revoked": ({ data }) => `A token was revoked${why(data)}`,
  "oauth-code.issued": () => "An application was let in",
  "oauth-code.redeemed": () => "An application got its token",
  "session.opened": ({ data }) => `Logged in${data.address ? ` from ${data.address}` : ""}`,
  "session.moved-in": () => "A login at another hub is good here",
  "session.ended": ({ data }) => `Logged out${why(data)}`,
  "moving.begun": ({ data }) => `Moving in from ${data.source} began`,
  "moving.done": ({ data }) => `Moved in: ${data.came?.users ?? 0} users`,
  "access.refused": ({ data }) => `Logins or tokens were refused, from ${data.addresses?.length ?? 0} addresses`,

  "share.granted": (event) => `${own(event)} was shared with ${list(event.data.users) || list(event.data.groups) || "somebody"}`,
  "share.widened": (event) => `A share of ${own(event)} lets do more`,
  "share.narrowed": (event) => `A share of ${own(event)} lets do less`,
  "share.revoked": (event) => `A share of ${own(event)} ended`,
  "share-code.issued": (event) => `A code to share ${own(event)} was made`,
  "share-code.exchanged": (event) => `A code for ${own(event)} was used`,
  "share-code.revoked": (event) => `A code for ${own(event)} was revoked`,

  "service.added": ({ service }) => `The service ${service} was added`,
  "service.changed": ({ service }) => `The service ${service} was changed`,
  "service.removed": ({ service }) => `The service ${service} was removed`,
  "service.started": ({ service, data }) => `The service ${service} started as process ${data.pid}`,
  "service.exited": ({ service, data }) => `The service ${service} ended${status(data)}`,
  "service.failed": ({ service, data }) => `The service ${service} failed: ${data.reason}`,

  "job.requested": ({ data }) => `A job was asked for: ${ACTS[data.kind] ?? data.kind}${data.due ? `, due at ${data.due}` : ""}`,
  "job.tried": () => "A job began, or went on",
  "job.progressed": () => "A job got further",
  "job.put-off": ({ data }) => `A job came to nothing, and will be tried again at ${data.again}${why(data)}`,
  "job.done": () => "A job was done",
  "job.given-up": ({ data }) => `A job was given up${why(data)}`,
  "job.cancelled": () => "A job was cancelled",

  "engine.silent": ({ data }) => `An engine has not answered since ${data.since}`,
  "engine.answered": () => "An engine answers again",
  "engine.stray-found": ({ data }) => `${data.user_name}/${data.server_name}: an earlier start runs that no server knows`,
  "engine.stray-ended": ({ data }) => `An earlier start that no server knew is gone. ${data.why}`,
  "route.added": ({ data }) => `A route was added: ${data.spec}`,
  "route.removed": () => "A route was removed",
  "activity.recorded": ({ data }) => `${Object.keys(data.users ?? {}).length + (data.more ?? 0)} users were active`,
};

export function inWords(event) {
  return WORDS[event.type]?.(event) ?? event.type;
}

// Who has done it.
export function doer({ by }) {
  if (by.kind === "hub") return "the hub";
  if (by.name === null) return "somebody else";
  return by.kind === "service" ? `service ${by.name}` : by.name;
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

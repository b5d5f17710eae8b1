// What a history asks of the API: how much happened when, what servers were at, and the events themselves.

import { base, call, userPath } from "./api.js";
import { usersOf } from "./changes.js";
import { isOf, typesOf } from "./happened.js";
import { serverName } from "./names.js";

const PAGE = 50; // events in one answer
const NAMES = 3; // of those that an event is about besides; the rest is a number
export const SEARCHES = ["user", "server", "group", "role", "token"];

const iso = (at) => new Date(at).toISOString();
const serverOf = (name) => (name === serverName("") ? "" : name);

export class Asked {
  // `url`: of the events. `user`: whose history it is, "" for everybody's.
  constructor(url, user) {
    this.path = url.slice(`${base}api/`.length);
    this.user = user;
  }

  get stream() {
    return `${base}api/${this.path}?names=${NAMES}`;
  }

  // `shown`: what is searched for by name, and the kind of events.
  query(shown, more) {
    const query = new URLSearchParams(more);
    for (const type of shown.token && !shown.kind ? [] : typesOf(shown.kind)) query.append("type", type); // a token is a detail
    for (const [name, value] of this.searched(shown)) query.append(name, value);
    return query;
  }

  *searched(shown) {
    if (this.user) {
      if (shown.server) yield ["server", serverOf(shown.server)];
      return;
    }
    for (const name of SEARCHES) {
      if (!shown[name]) continue;
      yield [name, name === "server" && !shown[name].includes("/") ? `${shown[name]}/` : shown[name]];
    }
  }

  async density(shown, { since, until, step }) {
    const asked = { since: iso(since), until: iso(until), step: Math.ceil(step / 1000) };
    const found = await call("GET", `${this.path}/density?${this.query(shown, asked)}`);
    const at = (text) => (text === null ? null : Date.parse(text));
    return { ...found, first: at(found.first), last: at(found.last), countedFrom: at(found.counted_from) };
  }

  // The newest ones up to `until`, or behind those that came before: {items, after, isLast}.
  async page(shown, { until, after }) {
    const more = { order: "newest", limit: PAGE, names: NAMES, ...(after ? { after } : { until: iso(until) }) };
    const page = await call("GET", `${this.path}?${this.query(shown, more)}`);
    return { items: page.items, after: page.after, isLast: !page.next };
  }

  // Whether servers are a part of what is shown.
  hasServers(shown) {
    return ["", "*", "server", "bad"].includes(shown.kind) && !shown.group && !shown.role && !shown.token;
  }

  // What they were at, at most `limit` of them.
  servers(shown, { since, until, step }, limit) {
    const query = new URLSearchParams({ since: iso(since), until: iso(until), step: Math.ceil(step / 1000), limit });
    if (shown.kind === "bad") query.set("failing", "true");
    if (this.user) query.append(shown.server ? "server" : "user", shown.server ? `${this.user}/${serverOf(shown.server)}` : this.user);
    else for (const [name, value] of this.searched(shown)) query.append(name, value);
    return call("GET", `usage/servers?${query}`);
  }

  // Of one user it is known what runs although nothing happened to it.
  async running(shown) {
    if (!this.user || shown.kind || shown.until) return [];
    const { servers } = await call("GET", userPath(this.user));
    return Object.values(servers ?? {})
      .filter((server) => server.ready)
      .map(({ name, started }) => ({ user: this.user, name, started }));
  }

  // Whether an event that has just happened is asked for; null where the hub alone can tell.
  has(shown, event) {
    if (shown.token) return null;
    if (!isOf(shown.kind, event)) return false;
    if (this.user) return !shown.server || event.server === serverOf(shown.server);
    if (shown.server) return `${event.user}/${event.server}`.replace(/\/$/, "") === shown.server.replace(/\/$/, "");
    if (shown.user) return usersOf(event).includes(shown.user) || (event.data.more ? null : false);
    if (shown.group) return event.group === shown.group;
    return !shown.role || event.role === shown.role;
  }
}

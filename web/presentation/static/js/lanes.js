// To what a picture shows, from events or from attempts to start servers: a lane for each server, bars for what it was at,
// marks for the rest.

import { _, ngettext } from "./texts.js";

// What a server was at after an event; `null`: nothing any more.
const AFTER = {
  "server.spawn-requested": (event) => (event.data.queued ? "queued" : "spawn"),
  "server.spawn-admitted": () => "spawn",
  "server.ready": () => "ready",
  "server.adopted": () => "ready",
  "server.spawn-cancelled": () => "stop",
  "server.stop-requested": () => "stop",
  "server.spawn-failed": () => null,
  "server.stopped": () => null,
  "server.died": () => null,
  "server.lost": () => null,
};

// What it must have been at before, for whom nothing else is known.
const BEFORE = {
  "server.spawn-admitted": "queued",
  "server.spawn-progressed": "spawn",
  "server.spawn-answered": "spawn",
  "server.spawn-cancelled": "spawn",
  "server.ready": "spawn",
  "server.spawn-failed": "spawn",
  "server.stop-requested": "ready",
  "server.died": "ready",
  "server.lost": "ready",
  "server.adopted": "ready",
  "server.stopped": "stop",
};

const FAILURES = new Set(["server.spawn-failed", "server.died", "server.lost"]);

class Lane {
  constructor(stream) {
    this.stream = stream;
    this.name = "";
    this.bars = [];
    this.marks = [];
    this.now = undefined; // {state, from, event}; undefined: nothing is known yet, null: it is stopped
  }

  // `begin`: where the picture begins; null where not all events are known, and nothing follows from one for the time before.
  add(event, begin) {
    const at = Date.parse(event.at);
    this.name = event.server ?? this.name;
    this.user = event.user ?? this.user;
    if (FAILURES.has(event.type)) this.marks.push({ at, event, reason: event.data.reason ?? _("ended by itself") });
    if (this.now === undefined) {
      const before = begin !== null && BEFORE[event.type];
      this.now = before ? { state: before, from: begin, event } : null;
    }
    const next = AFTER[event.type];
    if (!next) return;
    const state = next(event);
    if (this.now && this.now.state === state) return;
    this.end(at);
    this.now = state === null ? null : { state, from: at, event };
  }

  // The clock was set back: what began at a time that has not come yet has begun by now.
  correct(after) {
    if (this.now) this.now = { ...this.now, from: Math.min(this.now.from, after) };
  }

  end(at) {
    this.goesOn = Boolean(this.now);
    if (this.now) this.bars.push({ ...this.now, to: at });
    this.now = null;
  }

  // What needs a look comes first.
  get group() {
    if (this.marks.length) return "failing";
    return this.goesOn ? "going_on" : "others";
  }
}

// `events`: the oldest first; `areAll`: and none of these servers is left out. `running`: servers of which is known that they run, as {stream?, user, server, started}.
export function lanesOf(events, begin, end, running = [], areAll = true) {
  const lanes = new Map();
  const marks = [];
  for (const event of events) {
    if (event.stream.startsWith("server/")) {
      if (!lanes.has(event.stream)) lanes.set(event.stream, new Lane(event.stream));
      lanes.get(event.stream).add(event, areAll ? begin : null);
    } else {
      if (event.type === "hub.clock-corrected") lanes.forEach((lane) => lane.correct(Date.parse(event.data.after)));
      marks.push({ at: Date.parse(event.at), event });
    }
  }
  const known = new Set([...lanes.values()].map((lane) => `${lane.user}/${lane.name}`));
  for (const server of running) {
    if (known.has(`${server.user}/${server.name}`) || Date.parse(server.started) > begin) continue;
    const lane = new Lane("");
    Object.assign(lane, { name: server.name, user: server.user, now: { state: "ready", from: begin, event: null } });
    lanes.set(`${server.user}/${server.name}`, lane);
  }
  for (const lane of lanes.values()) lane.end(Math.min(end, Date.now()));
  return { lanes: [...lanes.values()].filter((lane) => lane.bars.length || lane.marks.length), marks };
}

const BY_THEMSELVES = { failed: () => _("the start failed"), died: () => _("ended by itself"), lost: () => _("gone when the hub came back") };

// The same of the servers of `GET /usage/servers`, whose events were too many to be asked for.
export function lanesOfServers(servers) {
  return servers.map((server) => {
    const attempts = server.attempts.map(inMilliseconds);
    const failed = attempts.filter(({ outcome }) => outcome in BY_THEMSELVES);
    return {
      stream: server.stream,
      user: server.user,
      name: server.server,
      group: server.failures ? "failing" : server.goes_on ? "going_on" : "others",
      bars: attempts.flatMap(barsOf),
      earlier: server.more ? { until: attempts[0]?.asked, said: notDrawn(server.more) } : null,
      marks: failed.map(({ ended, outcome }) => ({ at: ended, event: null, reason: BY_THEMSELVES[outcome]() })),
    };
  });
}

const notDrawn = (number) => ngettext("{number} earlier start not drawn", "{number} earlier starts not drawn", number);

function inMilliseconds({ asked, began, ready, ended, outcome }) {
  const at = (text) => (text === null ? null : Date.parse(text));
  return { asked: at(asked), began: at(began), ready: at(ready), ended: at(ended) ?? Date.now(), outcome };
}

function barsOf({ asked, began, ready, ended }) {
  const bars = [
    { state: "queued", from: asked, to: began ?? ended },
    { state: "spawn", from: began, to: ready ?? ended },
    { state: "ready", from: ready, to: ended },
  ];
  return bars.filter(({ from, to }) => from !== null && to > from).map((bar) => ({ ...bar, event: null }));
}

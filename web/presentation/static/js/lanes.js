// From events to what a picture of them shows: a lane for each server, bars for what it was at, marks for the rest.

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

  // `begin`: where the picture begins.
  add(event, begin) {
    const at = Date.parse(event.at);
    this.name = event.server ?? this.name;
    this.user = event.user ?? this.user;
    if (FAILURES.has(event.type)) this.marks.push({ at, event, isBad: true });
    if (this.now === undefined) {
      const before = BEFORE[event.type];
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
    if (this.now) this.bars.push({ ...this.now, to: at });
    this.now = null;
  }
}

// `events`: the oldest first. `running`: servers of which is known that they run, as {stream?, user, server, started}.
export function lanesOf(events, begin, end, running = []) {
  const lanes = new Map();
  const marks = [];
  for (const event of events) {
    if (event.stream.startsWith("server/")) {
      if (!lanes.has(event.stream)) lanes.set(event.stream, new Lane(event.stream));
      lanes.get(event.stream).add(event, begin);
    } else {
      if (event.type === "hub.clock-corrected") lanes.forEach((lane) => lane.correct(Date.parse(event.data.after)));
      marks.push({ at: Date.parse(event.at), event, isBad: false });
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

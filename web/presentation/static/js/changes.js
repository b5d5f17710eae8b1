// Whom an event of the hub's stream is about.

export const TYPES = [
  "server.spawn-requested",
  "server.spawn-admitted",
  "server.ready",
  "server.spawn-failed",
  "server.spawn-cancelled",
  "server.stop-requested",
  "server.stopped",
  "server.died",
  "server.adopted",
  "server.lost",
  "user",
  "group",
  "role.granted",
  "role.withdrawn",
  "activity",
  "hub.started",
];

export function streamOf(base, types) {
  const query = new URLSearchParams(types.map((type) => ["type", type]));
  return `${base}api/events?${query}`;
}

// The names of all users an event is about.
export function usersOf(event) {
  const others = event.data.users ?? [];
  const named = Array.isArray(others) ? others : Object.keys(others);
  return event.user === null ? named : [event.user, ...named];
}

// Whether it changes who is in the list of users.
export function changesList(event) {
  return ["user.created", "user.deleted", "user.renamed", "hub.started"].includes(event.type);
}

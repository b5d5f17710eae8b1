// A history: events of a range of time as a picture and as a list, with filters; and one moment of it.

import { base, call, isLoggedIn, logIn, userPath, withXsrf } from "./api.js";
import { follow } from "./events.js";
import { doer, inWords, isBad, isOf, typesOf } from "./happened.js";
import { usersOf } from "./changes.js";
import { lanesOf } from "./lanes.js";
import { count, serverName } from "./names.js";
import { Picture, label } from "./picture.js";

const PAGE = 200; // events in one request
const MOST = 2000; // events that are fetched
const LISTED = 100; // rows at first, and more each time
const SHORTEST = 1000; // milliseconds that a picture shows
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

const element = (id) => document.getElementById(id);
const sheet = element("history");
const filters = element("filters").elements;
const table = element("happened");
const user = sheet.dataset.user;

// --- what is shown: in the URL, so that it can be sent to somebody ---

const shown = { span: 604800, until: null, user: "", server: "", kind: "", at: sheet.dataset.at }; // until: null for now

function readUrl() {
  const query = new URLSearchParams(location.search);
  for (const name of ["user", "server", "kind"]) shown[name] = query.get(name) ?? "";
  shown.span = Number(query.get("span")) || shown.span;
  shown.until = Number(query.get("until")) || null;
  if (filters.user) filters.user.value = shown.user;
  filters.server.value = shown.server;
  filters.kind.value = shown.kind;
  if (filters.kind.selectedIndex < 0) filters.kind.value = shown.kind = "";
}

function queryOf(changes = {}) {
  const wanted = { ...shown, ...changes };
  const query = new URLSearchParams();
  for (const name of ["user", "server", "kind", "at"]) if (wanted[name]) query.set(name, wanted[name]);
  if (wanted.span !== 604800) query.set("span", Math.round(wanted.span));
  if (wanted.until) query.set("until", Math.round(wanted.until));
  return `?${query}`;
}

function change(changes) {
  Object.assign(shown, changes);
  history.replaceState(null, "", queryOf());
  return load();
}

const end = () => shown.until ?? Date.now();
const begin = () => end() - shown.span * 1000;

// --- the events ---

let events = []; // the newest first
let running = [];
let loads = 0;
let listed = LISTED;

function asked() {
  const query = new URLSearchParams({ order: "newest", limit: PAGE });
  if (shown.until) query.set("until", new Date(shown.until).toISOString());
  for (const type of typesOf(shown.kind)) query.append("type", type);
  if (!user && shown.server) query.append("server", shown.server.includes("/") ? shown.server : `${shown.server}/`);
  else if (!user && shown.user) query.append("user", shown.user);
  return query;
}

const isWanted = (event) => !user || !shown.server || event.server === (shown.server === "default server" ? "" : shown.server);

// The same of what the API has not filtered.
function isWantedNow(event) {
  if (!isOf(shown.kind, event) || !isWanted(event)) return false;
  if (user) return true;
  if (shown.server) return `${event.user}/${event.server}`.replace(/\/$/, "") === shown.server.replace(/\/$/, "");
  return !shown.user || usersOf(event).includes(shown.user);
}

// All of the range, or the newest of it. Null if something else is wanted by now.
async function fetchEvents(mine) {
  const query = asked();
  const found = [];
  const first = new Date(begin()).toISOString();
  for (;;) {
    const page = await call("GET", `${sheet.dataset.url.slice(`${base}api/`.length)}?${query}`);
    if (mine !== loads) return null;
    const within = page.items.filter((event) => Date.parse(event.at) >= Date.parse(first));
    found.push(...within.filter(isWanted));
    if (within.length < page.items.length || !page.next) return { found, isCut: false };
    if (found.length >= MOST) return { found, isCut: true };
    query.set("after", page.after);
    query.delete("until");
  }
}

async function load() {
  const mine = (loads += 1);
  table.ariaBusy = "true";
  showRange();
  try {
    const got = await fetchEvents(mine);
    if (!got) return;
    events = got.found;
    addRecent();
    running = await runningNow();
    if (mine !== loads) return;
    element("cut").textContent = `These are the newest ${count(events.length, "event")} of this time: choose less of it to see earlier ones.`;
    element("cut").hidden = !got.isCut;
    element("trouble").hidden = true;
    draw();
  } catch (error) {
    element("trouble").textContent = error.message;
    element("trouble").hidden = false;
  } finally {
    if (mine === loads) table.ariaBusy = "false";
  }
}

// Of one user it is known what runs although nothing happened to it.
async function runningNow() {
  if (!user || shown.kind || shown.until) return [];
  const { servers } = await call("GET", userPath(user));
  return Object.values(servers ?? {})
    .filter((server) => server.ready)
    .map(({ name, started }) => ({ user, name, started }));
}

// --- the picture ---

const picture = new Picture(
  element("picture"),
  (event) => goTo(event.position),
  (from, to) => {
    const span = Math.max(SHORTEST, to - from);
    change({ span: span / 1000, until: to });
  },
);

const momentOf = () => {
  const event = events.find((one) => String(one.position) === shown.at);
  const told = document.querySelector("#then time[data-exact]");
  return event ? Date.parse(event.at) : told ? Date.parse(told.dataset.exact) : null;
};

function draw() {
  drawPicture();
  drawList();
}

function drawPicture() {
  const content = lanesOf([...events].reverse(), begin(), end(), running);
  picture.show(content, begin(), end(), (lane) => label(lane, !user), momentOf());
  const names = [...new Set(content.lanes.map((lane) => (user ? serverName(lane.name) : `${lane.user}/${lane.name}`)))];
  element("servers").replaceChildren(...names.slice(0, 200).map((name) => new Option(name, name)));
}

function showRange() {
  element("range").textContent = exact.formatRange(begin(), end());
  const known = shown.until ? null : [...filters.span.options].find((one) => Number(one.value) === shown.span);
  filters.span.value = known?.value ?? "";
  element("later").ariaDisabled = String(!shown.until);
}

// --- the list ---

function cell(labelled, ...content) {
  const made = document.createElement("td");
  if (labelled) made.dataset.label = labelled;
  made.append(...content);
  return made;
}

function row(event) {
  const made = document.createElement("tr");
  made.id = `event-${event.position}`;
  if (String(event.position) === shown.at) made.ariaCurrent = "true";
  const link = document.createElement("a");
  link.href = queryOf({ at: event.position });
  link.className = "at";
  link.title = `Event ${event.position}: how things were then`;
  link.textContent = exact.format(new Date(event.at));
  const what = document.createElement("span");
  what.textContent = inWords(event);
  if (isBad(event)) what.className = "bad";
  made.append(cell("", link), cell("", what));
  if (!user) made.append(cell("Who", ...whose(event)));
  made.append(cell("By", doer(event)));
  return made;
}

function whose(event) {
  if (event.user === null) return [event.group ?? event.service ?? event.role ?? "–"];
  const link = document.createElement("a");
  link.href = `${base}admin/users/${encodeURIComponent(event.user)}`;
  link.textContent = event.user;
  return [link];
}

function drawList() {
  const rows = events.slice(0, listed);
  const focused = document.activeElement?.closest?.("tr")?.id;
  table.tBodies[0].replaceChildren(...rows.map(row));
  if (focused) element(focused)?.querySelector("a.at").focus();
  table.hidden = events.length === 0;
  element("nothing").hidden = events.length > 0;
  const more = element("more");
  more.hidden = events.length <= listed;
  more.textContent = `Show more of ${count(events.length, "event")}`;
}

element("more").addEventListener("click", () => {
  listed += LISTED;
  drawList();
});

// --- one moment ---

function showExactTimes() {
  for (const time of document.querySelectorAll("#then time[data-exact]")) {
    time.textContent = exact.format(new Date(time.dataset.exact));
  }
}

// How things were then, as the hub tells it.
async function goTo(at) {
  shown.at = at ? String(at) : "";
  history.pushState(null, "", queryOf());
  await showMoment();
}

async function showMoment() {
  draw();
  const then = element("then");
  if (!then) {
    element(`event-${shown.at}`)?.scrollIntoView({ block: "center" });
    return;
  }
  const response = await fetch(withXsrf(`${location.pathname}?at=${shown.at}`), { credentials: "same-origin" });
  if (!response.ok) {
    if (response.status === 403 && !(await isLoggedIn())) logIn();
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("then");
  if (!fresh) return;
  then.replaceWith(document.adoptNode(fresh));
  showExactTimes();
  draw();
  if (shown.at) fresh.scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.at, #leave-moment");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(new URLSearchParams(link.search).get("at"));
});

window.addEventListener("popstate", () => {
  shown.at = new URLSearchParams(location.search).get("at") ?? "";
  readUrl();
  load().then(showMoment);
});

// --- filters and range ---

let typing;
const later = (job) => {
  clearTimeout(typing);
  table.ariaBusy = "true";
  typing = setTimeout(job, 250);
};
element("filters").addEventListener("submit", (event) => event.preventDefault());
filters.span.addEventListener("change", () => filters.span.value && change({ span: Number(filters.span.value), until: null }));
filters.kind.addEventListener("change", () => change({ kind: filters.kind.value }));
filters.server.addEventListener("input", () => later(() => change({ server: filters.server.value.trim() })));
filters.user?.addEventListener("input", () => later(() => change({ user: filters.user.value.trim() })));

const zoomed = (factor) => {
  const span = Math.max(SHORTEST / 1000, shown.span * factor);
  const middle = momentOf() ?? (shown.until === null ? null : end() - (shown.span * 1000) / 2);
  const until = middle === null ? null : middle + (span * 1000) / 2;
  return { span, until: until !== null && until < Date.now() ? until : null };
};
element("zoom-in").addEventListener("click", () => change(zoomed(1 / 3)));
element("zoom-out").addEventListener("click", () => change(zoomed(3)));
element("earlier").addEventListener("click", () => change({ until: end() - shown.span * 500 }));
element("later").addEventListener("click", () => {
  if (!shown.until) return;
  const until = shown.until + shown.span * 500;
  change({ until: until < Date.now() ? until : null });
});

// --- as it happens, unless one looks at the past ---

const KEPT = 500; // events of the stream, until what is asked for has them too
let recent = [];
let drawing;

function addRecent() {
  if (shown.until) return;
  const last = events[0]?.position ?? 0;
  const fresh = recent.filter((event) => event.position > last && isWantedNow(event)).reverse();
  events = [...fresh, ...events].slice(0, MOST);
}

function happened(told) {
  recent = [...recent, ...told].slice(-KEPT);
  if (!told.length || told.length > KEPT) {
    load(); // the stream was away, or more came than is kept
    return;
  }
  drawing ??= setTimeout(() => {
    drawing = undefined;
    if (shown.until) return;
    addRecent();
    showRange();
    draw();
  }, 200);
}

// What runs goes on.
setInterval(() => {
  if (shown.until || document.hidden || picture.isDrawnOn) return;
  showRange();
  drawPicture();
}, 10000);

readUrl();
showExactTimes();
await load();
if (shown.at) element(`event-${shown.at}`)?.scrollIntoView({ block: "nearest" });
follow(sheet.dataset.url, sheet.dataset.position, happened);

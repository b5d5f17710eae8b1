// A history: events of a range of time as a picture and as a list, with filters; and one moment of it. Where they are too
// many to be told one by one, the picture shows how much happened when, and servers that need a look.

import { follow } from "./events.js";
import { Asked } from "./history-asked.js";
import { fillFilters, offerServers, showRange, watchFilters } from "./history-filters.js";
import { showList } from "./history-list.js";
import { momentOf, showExactTimes, showMoment, watchMoments } from "./history-moment.js";
import { begin, end, findFit, fitTo, isLive, queryOf, readUrl, shown, turnTo } from "./history-shown.js";
import { lanesOf, lanesOfServers } from "./lanes.js";
import { lookAlong, showPieces } from "./look-along.js";
import { serverName } from "./names.js";
import { captionOf, label, number, Picture } from "./picture.js";
import { announce } from "./said.js";
import { exactly, inSteps, SECOND } from "./span.js";
import { _, ngettext } from "./texts.js";
import { working } from "./working.js";

const TOLD = 400; // events that are told one by one
const LISTED = 50; // rows at first, and more each time
const LANES = 8; // at first
const MORE_LANES = 40; // and each time
const NARROWEST = 7; // pixels of a piece
const SETTLES = 3 * SECOND; // between looks at how much happened
const KEPT = 500; // events of the stream, until what is asked for has them too

const element = (id) => document.getElementById(id);
const sheet = element("history");
const table = element("happened");
const user = sheet.dataset.user;
const asked = new Asked(sheet.dataset.url, user);

// --- what there is ---

// `events`: the newest first. `after`: where the list goes on, null if it has all of the range. `running`: what runs although
// nothing happened to it. `density`: null if all events of the range are here, and otherwise `servers`: what they were at.
let known = { events: [], after: null, running: [], density: null, servers: null };
let lanesShown = LANES;
let listed = LISTED;
let loads = 0;

const pieceRange = () => inSteps(begin(), end(), Math.max(20, Math.floor(element("picture").clientWidth / NARROWEST)));

async function load() {
  const mine = (loads += 1);
  table.ariaBusy = "true";
  try {
    const fit = shown.span ? null : await findFit(asked);
    if (mine !== loads) return;
    if (fit) fitTo(fit);
    showRange();
    const got = await look();
    if (mine !== loads) return;
    known = got;
    addRecent();
    [lanesShown, listed] = [LANES, LISTED];
    element("trouble").hidden = true;
    showAll();
  } catch (error) {
    trouble(error);
  } finally {
    if (mine === loads) table.ariaBusy = "false";
  }
}

function trouble(error) {
  element("trouble").textContent = error.message;
  element("trouble").hidden = false;
}

async function look() {
  const steps = pieceRange();
  const counted = await asked.density(shown, steps);
  const isLong = counted.count > TOLD || counted.countedFrom !== null;
  const [list, servers, running] = await Promise.all([
    isLong ? nextPage() : wholeRange(),
    isLong && asked.hasServers(shown) ? asked.servers(shown, steps, LANES) : null,
    asked.running(shown),
  ]);
  return { density: isLong ? { ...counted, steps } : null, servers, running, ...list };
}

// The next of the list, as far as the range goes.
async function nextPage(behind = null) {
  const first = begin();
  const page = await asked.page(shown, { until: end(), after: behind });
  const within = page.items.filter((event) => Date.parse(event.at) >= first);
  return { events: within, after: page.isLast || within.length < page.items.length ? null : page.after };
}

async function wholeRange() {
  let got = await nextPage();
  while (got.after !== null) {
    const next = await nextPage(got.after);
    got = { events: [...got.events, ...next.events], after: next.after };
  }
  return got;
}

// How much happened, and what servers are at, anew; the list stays, and grows by itself.
async function lookAgain() {
  if (!known.density) return load();
  const mine = loads;
  const steps = pieceRange();
  const [counted, servers] = await Promise.all([asked.density(shown, steps), known.servers && asked.servers(shown, steps, lanesShown)]);
  if (mine !== loads) return undefined;
  known = { ...known, density: { ...counted, steps }, servers };
  return showAll();
}

function change(changes, how) {
  turnTo(changes, how);
  return load();
}

// --- the picture ---

const zoom = (from, to) => change({ span: Math.max(SECOND, to - from) / SECOND, until: to });
const picture = new Picture(element("picture"), (event) => goTo(event.position), zoom);
lookAlong((piece) => picture.look(piece), zoom);

function pieces({ density, servers }) {
  const { since, until, step } = density.steps;
  const found = [];
  for (let from = since; from < until; from += step) found.push({ from, to: from + step, count: 0, failures: 0 });
  const at = (text) => found[Math.floor((Date.parse(text) - since) / step)] ?? {};
  for (const one of density.items) Object.assign(at(one.at), { count: one.count, failures: one.failures });
  servers?.running.slice(0, found.length).forEach((number, index) => (found[index].running = number));
  return found;
}

function contentOf() {
  const groups = { failing: 0, going_on: 0, others: 0 };
  if (!known.density) {
    const content = lanesOf([...known.events].reverse(), begin(), end(), known.running, shown.kind !== "bad");
    for (const lane of content.lanes) groups[lane.group] += 1;
    return { ...content, pieces: null, groups, all: content.lanes.length };
  }
  const { items, count, failing, going_on } = known.servers ?? { items: [], count: 0, failing: 0, going_on: 0 };
  Object.assign(groups, { failing, going_on, others: count - failing - going_on });
  return { lanes: lanesOfServers(items), marks: [], pieces: pieces(known), groups, all: count };
}

const failedAt = (lane) => lane.marks.at(-1)?.at ?? 0;

function drawPicture() {
  const content = contentOf();
  const order = Object.keys(content.groups);
  const lanes = content.lanes.toSorted((one, other) => order.indexOf(one.group) - order.indexOf(other.group) || failedAt(other) - failedAt(one)).slice(0, lanesShown);
  const groups = content.all > LANES ? content.groups : null;
  picture.show({ ...content, lanes, groups }, begin(), end(), (lane) => label(lane, !user), momentOf(known.events));
  showPieces(content.pieces);
  const left = content.all - lanes.length;
  element("more-lanes").hidden = left <= 0;
  element("more-lanes").textContent = ngettext("{number} more server", "{number} more servers", left);
  element("groups").textContent = left > 0 ? order.filter((group) => content.groups[group]).map((group) => captionOf(group, content.groups[group])).join(", ") : "";
  offerServers([...new Set(content.lanes.map((lane) => (user ? serverName(lane.name) : `${lane.user}/${lane.name}`)))]);
}

element("more-lanes").addEventListener("click", ({ currentTarget }) =>
  working(currentTarget, async () => {
    lanesShown += MORE_LANES;
    if (known.servers) known.servers = await asked.servers(shown, known.density.steps, lanesShown);
    drawPicture();
    announce(ngettext("{number} server is shown", "{number} servers are shown", Math.min(lanesShown, contentOf().all)));
  }, trouble),
);

// --- the list ---

function showAll() {
  drawPicture();
  drawList();
  const from = known.density?.countedFrom ?? null;
  element("cut").hidden = from === null;
  if (from !== null) element("cut").textContent = _("Counted back to {moment}: choose less time to see how much happened before.", { moment: exactly(from) });
}

function drawList() {
  const { events, after, density } = known;
  const rows = events.slice(0, listed);
  showList(rows, { at: shown.at, isOfAll: !user, queryOf });
  element("more").hidden = events.length <= listed && after === null;
  const all = Math.max(density?.count ?? 0, events.length);
  element("listed").textContent = all ? ngettext("{shown} of {number} event", "{shown} of {number} events", all, { shown: number(rows.length) }) : "";
}

element("more").addEventListener("click", ({ currentTarget }) =>
  working(currentTarget, async () => {
    const mine = loads;
    listed += LISTED;
    if (known.events.length < listed && known.after !== null) {
      const next = await nextPage(known.after);
      if (mine !== loads) return;
      known = { ...known, events: [...known.events, ...next.events], after: next.after };
    }
    drawList();
  }, trouble),
);

// --- one moment ---

function goTo(at) {
  turnTo({ at: at ? String(at) : "" });
  return showMoment(showAll);
}

watchMoments(goTo);
window.addEventListener("popstate", () => {
  shown.at = new URLSearchParams(location.search).get("at") ?? "";
  readUrl();
  fillFilters();
  load().then(() => showMoment(showAll));
});

// --- as it happens, unless one looks at the past ---

let recent = [];
let drawing;
let looking;

function addRecent() {
  if (!isLive()) return;
  const last = known.events[0]?.position ?? 0;
  const fresh = recent.filter((event) => event.position > last && asked.has(shown, event)).reverse();
  known = { ...known, events: [...fresh, ...known.events] };
}

function lookSoon() {
  looking ??= setTimeout(() => {
    looking = undefined;
    if (isLive() && !picture.isDrawnOn) lookAgain().catch(trouble);
  }, SETTLES);
}

function drawRecent() {
  drawing = undefined;
  if (!isLive()) return;
  addRecent();
  showRange();
  if (known.density || known.events.length > TOLD) {
    drawList();
    lookSoon();
  } else showAll();
}

function happened(told) {
  recent = [...recent, ...told].slice(-KEPT);
  const isAway = !told.length || told.length > KEPT; // the stream was away, or more came than is kept
  if (isAway) load();
  else if (told.some((event) => asked.has(shown, event) === null)) lookSoon();
  else drawing ??= setTimeout(drawRecent, 200);
}

// What runs goes on.
setInterval(() => {
  if (!isLive() || document.hidden || picture.isDrawnOn || known.density) return;
  showRange();
  drawPicture();
}, 10000);

shown.at = sheet.dataset.at;
readUrl();
fillFilters();
watchFilters(change, () => momentOf(known.events));
showExactTimes();
await load();
if (shown.at) element(`event-${shown.at}`)?.scrollIntoView({ block: "nearest" });
follow(asked.stream, sheet.dataset.position, happened);

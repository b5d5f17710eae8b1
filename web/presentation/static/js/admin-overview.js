// How the hub is used: numbers of this moment, starts hour by hour, hours of use over any time.

import { base, call } from "./api.js";
import { streamOf, TYPES } from "./changes.js";
import { follow } from "./events.js";
import { announce } from "./said.js";
import { DAY, clock } from "./span.js";
import { _, locale, ngettext } from "./texts.js";

/* global uPlot */

const FIRST = 20; // rows of a table
const MOST = 200; // and when more is asked for
const PAUSE = 2000; // milliseconds between looks
const element = (id) => document.getElementById(id);
const hourOf = new Intl.DateTimeFormat(locale, { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
const hundredths = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const number = (value) => value.toLocaleString(locale);
const seconds = (value) => (value === null ? "–" : `${value.toLocaleString(locale, { maximumFractionDigits: 1 })} s`);

function rowOf(cells, labels) {
  const row = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index ? "td" : "th");
    if (!index) cell.scope = "row";
    cell.dataset.label = labels[index];
    cell.textContent = text;
    row.append(cell);
  });
  return row;
}

function fill(table, rows) {
  const labels = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  table.tBodies[0].replaceChildren(...rows.map((cells) => rowOf(cells, labels)));
  table.ariaBusy = "false";
}

// --- now ---

// A number and what it counts; where it counts somebody it leads to them.
function figure([value, name, path]) {
  const part = document.createElement("div");
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  term.textContent = name;
  if (value) {
    const link = document.createElement("a");
    link.href = base + path;
    link.textContent = number(value);
    text.append(link);
  } else text.textContent = number(value);
  part.append(term, text);
  return part;
}

function showNumbers({ servers, today, week, hours }) {
  const failed = hours.reduce((sum, one) => sum + one.failed, 0);
  const shown = [
    [servers.running, _("running"), "admin?state=running"],
    [servers.starting, _("starting"), "admin?state=pending"],
    [servers.waiting, _("waiting for a turn"), "admin?state=pending"],
    [servers.stopping, _("stopping"), "admin?state=pending"],
    [failed, _("failed in 24 hours"), "admin/history?kind=bad&span=86400"],
    [today, _("people in 24 hours"), "admin?sort=-last_activity"],
    [week, _("people in 7 days"), "admin?sort=-last_activity"],
  ];
  element("numbers").replaceChildren(...shown.map(figure));
  element("numbers").ariaBusy = "false";
}

// --- starts ---

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart;

function draw(hours) {
  const place = element("starts-chart");
  const times = hours.map(({ since }) => new Date(since).getTime() / 1000 + 1800);
  const bars = (size) => uPlot.paths.bars({ size: [size, 60] });
  const axis = { stroke: colour("--ink-soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  chart?.destroy();
  chart = new uPlot(
    {
      width: place.clientWidth,
      height: 180,
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { range: () => [times[0] - 1800, times[times.length - 1] + 1800] },
        y: { range: (_, __, most) => [0, Math.max(4, Math.ceil(most * 1.1))] },
      },
      axes: [
        { ...axis, size: 30, incrs: [1, 2, 3, 6, 12].map((some) => some * 3600), values: (_, splits) => splits.map((at) => clock(at * 1000, DAY)) },
        { ...axis, size: 50, values: (_, splits) => splits.map(number), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] },
      ],
      series: [
        {},
        { label: _("Starts"), stroke: colour("--accent"), fill: colour("--accent-wash"), width: 1.5, paths: bars(0.7), points: { show: false } },
        { label: _("Failed"), stroke: colour("--bad"), fill: colour("--bad"), width: 1, paths: bars(0.3), points: { show: false } },
      ],
    },
    [times, hours.map(({ starts }) => starts || null), hours.map(({ failed }) => failed || null)],
    place,
  );
}

function inShort(all, failed) {
  if (!all) return _("None were asked for.");
  if (!failed) return _("{all} asked for, none failed.", { all });
  return _("{all} asked for, {failed} of them failed (the narrow bars).", { all, failed });
}

function showStarts(hours) {
  const all = hours.reduce((sum, { starts }) => sum + starts, 0);
  const failed = hours.reduce((sum, one) => sum + one.failed, 0);
  element("starts-said").textContent = inShort(all, failed);
  const named = hours.filter(({ starts }) => starts);
  fill(
    element("starts-table"),
    named.map((hour) => [
      hourOf.format(new Date(hour.since)), number(hour.starts), number(hour.failed), seconds(hour.median), seconds(hour.slow),
    ]),
  );
  draw(hours);
}

let hours = [];

async function look() {
  const trouble = element("overview-trouble");
  try {
    const found = await call("GET", "usage/overview");
    hours = found.hours;
    showNumbers(found);
    showStarts(hours);
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
    element("starts").hidden = !hours.length;
  }
}

// --- hours of use ---

const day = (date) => date.toISOString().slice(0, 10);

function asked() {
  const until = new Date(`${element("use-until").value}T00:00:00Z`);
  until.setUTCDate(until.getUTCDate() + 1);
  return new URLSearchParams({ by: element("use-by").value, since: element("use-since").value, until: day(until) });
}

let use = { items: [] };
let rows = FIRST;

const cells = (one) => [
  one.name || "–", hundredths.format(one.hours), number(one.starts), number(one.failed), seconds(one.median), seconds(one.slow),
];

function showRows() {
  const shown = use.items.slice(0, rows);
  fill(element("use-table"), shown.map(cells));
  element("use-table").hidden = !shown.length;
  const left = Math.min(MOST, use.items.length) - shown.length;
  element("use-more").hidden = left <= 0;
  element("use-more").textContent = ngettext("Show {number} more", "Show {number} more", left);
  const cut = _("The first {shown} of {all} are shown; the CSV has all.", { shown: shown.length, all: use.items.length });
  element("use-cut").textContent = shown.length < use.items.length ? cut : "";
}

element("use-more").addEventListener("click", () => {
  rows = MOST;
  showRows();
  announce(ngettext("{number} row is shown.", "{number} rows are shown.", element("use-table").tBodies[0].rows.length));
});

async function showUse() {
  const trouble = element("use-trouble");
  try {
    const query = asked();
    element("use-csv").href = `${base}api/usage?${query}&format=csv`;
    element("use-json").href = `${base}api/usage?${query}`;
    use = await call("GET", `usage?${query}`);
    rows = FIRST;
    element("use-said").textContent = use.items.length
      ? _("{hours} hours, {starts} starts in all.", { hours: Number(use.total.hours.toFixed(1)), starts: use.total.starts })
      : _("Nothing was used in this time.");
    showRows();
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
}

const today = new Date();
element("use-since").value = day(new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth(), 1)));
element("use-until").value = day(today);
element("use-form").addEventListener("change", showUse);
element("use-form").addEventListener("submit", (event) => event.preventDefault());
new ResizeObserver(() => hours.length && draw(hours)).observe(element("starts-chart"));

await Promise.all([look(), showUse()]);

// Whatever happens changes some number; looking once in a while is enough.
let isDue = false;
follow(streamOf(base, TYPES), element("overview").dataset.position, () => {
  if (isDue) return;
  isDue = true;
  setTimeout(async () => {
    await look();
    isDue = false;
  }, PAUSE);
});

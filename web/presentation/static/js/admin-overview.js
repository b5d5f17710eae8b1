// How the hub is used: numbers of this moment, starts hour by hour, hours of use over any time.

import { base, call } from "./api.js";
import { streamOf, TYPES } from "./changes.js";
import { follow } from "./events.js";
import { _, locale } from "./texts.js";

/* global uPlot */

const MOST = 200; // rows of a table
const PAUSE = 2000; // milliseconds between looks
const element = (id) => document.getElementById(id);
const hourOf = new Intl.DateTimeFormat(locale, { weekday: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
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

function showNumbers({ servers, today, week }) {
  const shown = [
    [servers.running, _("running")],
    [servers.starting, _("starting")],
    [servers.waiting, _("waiting for a turn")],
    [servers.stopping, _("stopping")],
    [today, _("people in 24 hours")],
    [week, _("people in 7 days")],
  ];
  const parts = shown.map(([value, name]) => {
    const part = document.createElement("div");
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = name;
    text.textContent = number(value);
    part.append(term, text);
    return part;
  });
  element("numbers").replaceChildren(...parts);
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
      axes: [axis, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 10000] }],
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
  }
}

// --- hours of use ---

const day = (date) => date.toISOString().slice(0, 10);

function asked() {
  const until = new Date(`${element("use-until").value}T00:00:00Z`);
  until.setUTCDate(until.getUTCDate() + 1);
  return new URLSearchParams({ by: element("use-by").value, since: element("use-since").value, until: day(until) });
}

async function showUse() {
  const trouble = element("use-trouble");
  try {
    const query = asked();
    element("use-csv").href = `${base}api/usage?${query}&format=csv`;
    const { items, total } = await call("GET", `usage?${query}`);
    const cells = (one, name) => [
      name, one.hours.toFixed(2), number(one.starts), number(one.failed), seconds(one.median), seconds(one.slow),
    ];
    fill(element("use-table"), items.slice(0, MOST).map((one) => cells(one, one.name || "–")));
    const sum = _("{hours} hours, {starts} starts in all.", { hours: Number(total.hours.toFixed(1)), starts: total.starts });
    const cut = _("The first {shown} of {all} are shown; the CSV has all.", { shown: MOST, all: items.length });
    element("use-said").textContent = items.length > MOST ? `${sum} ${cut}` : sum;
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

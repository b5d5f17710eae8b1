// Spans of time: how they are cut into pieces and written.

import { locale } from "./texts.js";

export const SECOND = 1e3;
export const MINUTE = 60e3;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

// What a piece, or the way from one tick to the next, may be long: what people count in.
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((number) => number * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((number) => number * MINUTE),
  ...[1, 2, 3, 6, 12].map((number) => number * HOUR),
  ...[1, 2, 3, 4, 7, 14, 30, 91, 182, 365].map((number) => number * DAY),
];

const parts = { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" };
const exact = new Intl.DateTimeFormat(locale, parts);
const zone = new Intl.DateTimeFormat(locale, { timeZoneName: "short" });
const zoneOf = (at) => zone.formatToParts(at).find(({ type }) => /zone/i.test(type))?.value ?? "";

export const exactly = (at) => exact.format(new Date(at));

// With the zone that all times of the page are in.
export const exactRange = (begin, end) => `${exact.formatRange(new Date(begin), new Date(end))} ${zoneOf(new Date(end))}`;

// So that at most `most` of them lie between.
export function stepFor(begin, end, most) {
  return STEPS.find((step) => (end - begin) / step <= most) ?? Math.ceil((end - begin) / most / DAY) * DAY;
}

// The last moment up to `at` at which a step begins, by the clock on the wall.
function stepBegin(at, step) {
  const offset = new Date(at).getTimezoneOffset() * MINUTE;
  return Math.floor((at - offset) / step) * step + offset;
}

// The whole steps that a time lies in: {since, until, step}.
export function inSteps(begin, end, most) {
  const step = stepFor(begin, end, most);
  const since = stepBegin(begin, step);
  return { since, until: since + Math.max(1, Math.ceil((end - since) / step)) * step, step };
}

export function ticks(begin, end, most) {
  const { since, until, step } = inSteps(begin, end, Math.max(2, most));
  const found = [];
  for (let at = since; at < until; at += step) if (at >= begin && at <= end) found.push(at);
  return found;
}

// `span`: how much time the whole picture shows.
export function clock(at, span) {
  const moment = new Date(at);
  const time = { hour: "2-digit", minute: "2-digit", ...(span < 10 * MINUTE ? { second: "2-digit" } : {}) };
  const isMidnight = moment.getHours() === 0 && moment.getMinutes() === 0;
  const day = { day: "numeric", month: "short" };
  const format = span > 4 * DAY || (isMidnight && span > 6 * HOUR) ? day : time;
  return moment.toLocaleString(locale, { ...format, hourCycle: "h23" });
}

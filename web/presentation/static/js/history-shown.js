// What a history shows: a range of time, what is searched for, and a moment. It stands in the URL, so that it can be sent to
// somebody, and Back goes through it.

import { SEARCHES } from "./history-asked.js";
import { DAY, SECOND } from "./span.js";

const WEEK = 7 * DAY;
const ALL = Date.UTC(2000);

// `span`: seconds, null for what fits. `until`: null for now. `at`: a position or a moment that is looked at.
export const shown = { span: null, until: null, kind: "", at: "", ...Object.fromEntries(SEARCHES.map((name) => [name, ""])) };

let fitted = { begin: Date.now() - WEEK, end: null };

export const end = () => (shown.span ? shown.until : fitted.end) ?? Date.now();
export const begin = () => (shown.span ? end() - shown.span * SECOND : fitted.begin);
export const span = () => end() - begin();
export const isLive = () => (shown.span ? shown.until : fitted.end) === null;
export const searched = () => SEARCHES.find((name) => shown[name]);

export function readUrl() {
  const query = new URLSearchParams(location.search);
  for (const name of [...SEARCHES, "kind"]) shown[name] = query.get(name) ?? "";
  shown.span = Number(query.get("span")) || null;
  shown.until = Number(query.get("until")) || null;
}

export function queryOf(changes = {}) {
  const wanted = { ...shown, ...changes };
  const query = new URLSearchParams();
  for (const name of [...SEARCHES, "kind", "at"]) if (wanted[name]) query.set(name, wanted[name]);
  if (wanted.span) query.set("span", Math.round(wanted.span));
  if (wanted.span && wanted.until) query.set("until", Math.round(wanted.until));
  return `?${query}`;
}

// `typing`: what is typed letter by letter is one step.
export function turnTo(changes, { typing = false } = {}) {
  Object.assign(shown, changes);
  if (typing && history.state?.typing) history.replaceState(history.state, "", queryOf());
  else history.pushState({ typing }, "", queryOf());
}

// From the first to the last of what is asked for: of the last week, or of all time if there is none, or one searches.
export async function findFit(asked) {
  const now = Date.now();
  let found = searched() ? null : await asked.density(shown, { since: now - WEEK, until: now + SECOND, step: DAY });
  if (!found?.first) found = await asked.density(shown, { since: ALL, until: now + SECOND, step: 365 * DAY });
  if (!found.first) return { begin: now - WEEK, end: null };
  const length = Math.max(found.last - found.first, 60 * SECOND);
  const room = length * 0.03;
  return { begin: found.first - room, end: now - found.last > length ? found.last + room : null };
}

export function fitTo(range) {
  fitted = range;
}

// Around the middle, or around a moment that is looked at; what goes on until now does so.
export function zoomed(factor, moment) {
  const wanted = Math.max(SECOND, span() * factor);
  const middle = moment ?? (isLive() ? null : end() - span() / 2);
  const until = middle === null ? null : middle + wanted / 2;
  return { span: wanted / SECOND, until: until !== null && until < Date.now() ? until : null };
}

// Half of it earlier (-1) or later (1).
export function moved(way) {
  const until = end() + (way * span()) / 2;
  return { span: span() / SECOND, until: until < Date.now() ? until : null };
}

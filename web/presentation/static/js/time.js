// Moments as people say them: "3 minutes ago". The exact time is in the title.

import { _, language, locale } from "./texts.js";

const words = new Intl.RelativeTimeFormat(language);
const nearby = new Intl.RelativeTimeFormat(language, { numeric: "auto" }); // "tomorrow", but not "next month"
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

// What is to come is rounded: what expires in a day less a moment does so tomorrow, not "in 23 hours".
function inWords(moment) {
  const seconds = (moment - Date.now()) / 1000;
  const nearly = seconds > 0 ? 0.98 : 1;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) < nearly * length) continue;
    const many = seconds > 0 ? Math.round(seconds / length) : Math.trunc(seconds / length);
    return (unit === "day" ? nearby : words).format(many, unit);
  }
  return seconds > 0 ? _("in a moment") : _("just now");
}

export function showTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.textContent = inWords(moment);
    element.title = exact.format(moment);
  }
}

setInterval(showTimes, 30000);
showTimes();

// Names as people type and read them.

import { _, ngettext } from "./texts.js";

// Of a text with blanks, commas, semicolons or line ends between them, each once.
export function namesIn(text) {
  return [...new Set(text.split(/[\s,;]+/).filter(Boolean))];
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// "a, b and 3 more". `besides`: how many more there are than `names`.
export function some(names, most = 8, besides = 0) {
  const shown = names.slice(0, most).join(", ");
  const left = Math.max(0, names.length - most) + besides;
  return left > 0 ? ngettext("{names} and {number} more", "{names} and {number} more", left, { names: shown }) : shown;
}

export function serverName(name) {
  return name || _("default server");
}

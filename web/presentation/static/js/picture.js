// The picture of a history over an axis of time, drawn as SVG to the width there is: how much happened, how many servers
// ran, and lanes of servers with bars and marks.

import { serverName } from "./names.js";
import { clock, exactly, ticks } from "./span.js";
import { _, locale, ngettext } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const LABEL = 18;
const BAR = 16;
const LANE = LABEL + BAR + 8;
const CAPTION = 22;
const AXIS = 26;
const UP = 56; // of all that happened
const DOWN = 18; // of failures, below the line
const CURVE = 40;
const NARROW = 2.5; // a bar is never thinner
const GROUPS = ["failing", "going_on", "others"];
const STATES = {
  queued: () => _("waiting for its turn"),
  spawn: () => _("starting"),
  ready: () => _("running"),
  stop: () => _("stopping"),
  check: () => _("looked for"),
};

export const number = (value) => value.toLocaleString(locale);

function draw(name, attributes, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const ruler = document.createElement("canvas").getContext("2d");

// As much of a text as fits into a width.
function cut(text, width) {
  if (ruler.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && ruler.measureText(`${text.slice(0, length)}…`).width > width) length -= 1;
  return `${text.slice(0, length)}…`;
}

const title = (text) => draw("title", {}, text);

export function captionOf(group, count) {
  if (group === "failing") return ngettext("{number} server with failures", "{number} servers with failures", count);
  if (group === "going_on") return ngettext("{number} server that runs or starts", "{number} servers that run or start", count);
  return ngettext("{number} other server", "{number} other servers", count);
}

export function pieceInWords({ from, to, count, failures, running }) {
  const when = _("{from} to {to}", { from: exactly(from), to: exactly(to) });
  const events = ngettext("{number} event", "{number} events", count);
  const failed = ngettext("{number} failure", "{number} failures", failures);
  const ran = running === undefined ? [] : [ngettext("{number} server running", "{number} servers running", running)];
  return `${when}: ${[events, failed, ...ran].join(", ")}`;
}

// `choose(event)`: an event was clicked. `zoom(begin, end)`: a piece was drawn over, or chosen.
export class Picture {
  constructor(holder, choose, zoom) {
    Object.assign(this, { holder, choose, zoom });
    new ResizeObserver(() => this.width !== holder.clientWidth && this.shown && this.show(...this.shown)).observe(holder);
    this.select();
  }

  x(at) {
    return ((Math.min(this.end, Math.max(this.begin, at)) - this.begin) / (this.end - this.begin)) * this.width;
  }

  // `content`: {pieces, lanes, marks, groups}; `pieces` are those of time, of a history too long to be told event by event;
  // `groups` how many servers there are of each. `labelled(lane)`: what a lane is called. `moment`: a time to mark, or null.
  show(content, begin, end, labelled, moment) {
    this.shown = [content, begin, end, labelled, moment];
    Object.assign(this, { begin, end, width: this.holder.clientWidth, looked: null });
    const parts = [...this.parts(content, labelled)];
    const height = parts.reduce((sum, part) => sum + part.height, AXIS);
    const svg = draw("svg", {
      width: this.width,
      height,
      viewBox: `0 0 ${this.width} ${height}`,
      role: "img",
      "aria-label": this.said(content, begin, end),
    });
    for (const at of ticks(begin, end, Math.max(4, Math.floor(this.width / 110)))) svg.append(...this.tick(at, height));
    let top = 0;
    for (const part of parts) {
      svg.append(part.draw(top));
      top += part.height;
    }
    if (moment !== null && moment >= begin && moment <= end) {
      svg.append(draw("line", { class: "moment", x1: this.x(moment), x2: this.x(moment), y1: 0, y2: height - AXIS }));
    }
    this.holder.replaceChildren(svg);
  }

  *parts({ pieces, lanes, marks, groups }, labelled) {
    if (pieces) {
      yield { height: LABEL + UP + DOWN + 8, draw: (top) => this.density(pieces, top) };
      if (pieces.some(({ running }) => running)) yield { height: LABEL + CURVE + 8, draw: (top) => this.curve(pieces, top) };
    }
    for (const group of GROUPS) {
      const own = lanes.filter((lane) => lane.group === group);
      if (own.length && groups) yield { height: CAPTION, draw: (top) => this.caption(captionOf(group, groups[group]), top) };
      for (const lane of own) yield { height: LANE, draw: (top) => this.lane(lane, top, labelled(lane)) };
    }
    if (marks.length) yield { height: LANE, draw: (top) => this.others(marks, top) };
  }

  said({ pieces, lanes, marks }, begin, end) {
    const range = _("From {from} to {to}", { from: exactly(begin), to: exactly(end) });
    const failures = pieces ? pieces.reduce((sum, one) => sum + one.failures, 0) : lanes.flatMap((lane) => lane.marks).length;
    const events = pieces ? pieces.reduce((sum, one) => sum + one.count, 0) : marks.length;
    const told = [
      ngettext("{number} server drawn", "{number} servers drawn", lanes.length),
      ngettext("{number} failure", "{number} failures", failures),
      pieces ? ngettext("{number} event", "{number} events", events) : ngettext("{number} other event", "{number} other events", events),
    ];
    const rest = _("The list below has them all.");
    return `${range}: ${told.join(", ")}. ${rest}`;
  }

  tick(at, height) {
    const x = this.x(at);
    const line = draw("line", { class: "tick", x1: x, x2: x, y1: 0, y2: height - AXIS + 4 });
    const anchor = x < 30 ? "start" : x > this.width - 30 ? "end" : "middle";
    const text = draw("text", { class: "time", x, y: height - 6, "text-anchor": anchor }, clock(at, this.end - this.begin));
    return [line, text];
  }

  // --- of much ---

  // Upwards all that happened, downwards failures: it can be told apart without colours.
  density(pieces, top) {
    const most = Math.max(...pieces.map(({ count }) => count), 1);
    const worst = Math.max(...pieces.map(({ failures }) => failures), 0);
    const group = draw("g", {});
    const said = _("Events ↑ up to {most}, failures ↓ up to {worst}", { most, worst });
    group.append(this.text(said, top), draw("line", { class: "zero", x1: 0, x2: this.width, y1: top + LABEL + UP, y2: top + LABEL + UP }));
    for (const piece of pieces) if (piece.count) group.append(this.piece(piece, top + LABEL + UP, most, worst));
    return group;
  }

  piece(piece, zero, most, worst) {
    const [x, right] = [this.x(piece.from), this.x(piece.to)];
    const width = Math.max(1, right - x - 1);
    const up = Math.max(2, (piece.count / most) * UP);
    const drawn = draw("g", { class: "piece" });
    drawn.append(
      draw("rect", { class: "reach", x, y: zero - UP, width: Math.max(1, right - x), height: UP + DOWN }),
      draw("rect", { class: "much", x, y: zero - up, width, height: up }),
    );
    if (piece.failures) {
      drawn.append(draw("rect", { class: "bad", x, y: zero + 1, width, height: Math.max(3, (piece.failures / worst) * (DOWN - 1)) }));
    }
    drawn.append(title(pieceInWords(piece)));
    drawn.addEventListener("click", () => this.wasDrawn || this.zoom(piece.from, piece.to));
    return drawn;
  }

  curve(pieces, top) {
    const most = Math.max(...pieces.map(({ running }) => running ?? 0));
    const zero = top + LABEL + CURVE;
    const group = draw("g", {});
    group.append(this.text(_("Servers running: up to {most}", { most }), top));
    let path = `M0 ${zero}`;
    for (const { from, to, running = 0 } of pieces) {
      const y = zero - (running / most) * CURVE;
      path += `L${this.x(from)} ${y}L${this.x(to)} ${y}`;
    }
    group.append(draw("path", { class: "running", d: `${path}L${this.x(pieces.at(-1).to)} ${zero}Z` }));
    return group;
  }

  caption(text, top) {
    return this.text(text, top, "caption");
  }

  // Cut where it would not fit, with the whole as its title.
  text(text, top, name = "label") {
    ruler.font = `600 13px ${getComputedStyle(this.holder).fontFamily}`;
    const fits = cut(text, this.width);
    return draw("text", { class: name, x: 0, y: top + LABEL - 5 }, fits, ...(fits === text ? [] : [title(text)]));
  }

  // Which piece is looked at, or null.
  look(piece) {
    this.looked?.remove();
    this.looked = null;
    const svg = this.holder.querySelector("svg");
    if (!piece || !svg) return;
    const x = this.x(piece.from);
    this.looked = draw("rect", { class: "looked", x, y: LABEL, width: Math.max(2, this.x(piece.to) - x), height: UP + DOWN });
    svg.append(this.looked);
  }

  // --- of each server ---

  lane(lane, top, label) {
    const group = draw("g", { class: "lane" });
    group.append(this.text(lane.earlier ? `${label} (${lane.earlier.said})` : label, top));
    group.append(draw("rect", { class: "ground", x: 0, y: top + LABEL, width: this.width, height: BAR, rx: 3 }));
    if (lane.earlier) group.append(this.untold(lane.earlier, top + LABEL));
    for (const bar of lane.bars) {
      if (bar.to < this.begin || bar.from > this.end) continue;
      const x = this.x(bar.from);
      const width = Math.max(NARROW, this.x(bar.to) - x);
      const drawn = draw("rect", { class: `bar ${bar.state}`, x: Math.min(x, this.width - width), y: top + LABEL, width, height: BAR, rx: 2 });
      const when = _("{from} to {to}", { from: exactly(bar.from), to: exactly(bar.to) });
      drawn.append(title(`${label}: ${STATES[bar.state]()}, ${when}`));
      this.clickable(drawn, bar.event);
      group.append(drawn);
    }
    for (const mark of lane.marks) {
      const [x, y, r] = [Math.min(this.width - 6, Math.max(6, this.x(mark.at))), top + LABEL + BAR / 2, 4];
      const cross = draw("g", { class: "failure" });
      cross.append(
        draw("circle", { cx: x, cy: y, r: r + 3 }),
        draw("path", { d: `M${x - r + 1} ${y - r + 1}l${2 * r - 2} ${2 * r - 2}m0 ${2 - 2 * r}l${2 - 2 * r} ${2 * r - 2}` }),
        title(`${label}: ${mark.reason}, ${exactly(mark.at)}`),
      );
      this.clickable(cross, mark.event);
      group.append(cross);
    }
    return group;
  }

  // Of earlier starts that are too many to be drawn.
  untold({ until, said }, y) {
    const drawn = draw("rect", { class: "untold", x: 0, y, width: Math.max(NARROW, this.x(until)), height: BAR, rx: 3 });
    drawn.append(title(said));
    return drawn;
  }

  others(marks, top) {
    const group = draw("g", {});
    group.append(this.text(_("Everything else"), top));
    group.append(draw("rect", { class: "ground", x: 0, y: top + LABEL, width: this.width, height: BAR, rx: 3 }));
    let last = -Infinity;
    for (const { at, event } of marks) {
      const x = this.x(at);
      if (x - last < 1) continue; // it would lie on the one before
      last = x;
      const dot = draw("circle", { class: "event", cx: Math.min(this.width - 4, Math.max(4, x)), cy: top + LABEL + BAR / 2, r: 4 });
      dot.append(title(`${event.type}, ${exactly(at)}`));
      this.clickable(dot, event);
      group.append(dot);
    }
    return group;
  }

  clickable(drawn, event) {
    if (event) drawn.addEventListener("click", () => this.wasDrawn || this.choose(event));
  }

  // Drawing over a piece of it chooses that piece. By keyboard the buttons do the same.
  select() {
    let from = null;
    let band;
    const place = (event) => Math.min(this.width, Math.max(0, event.clientX - this.holder.getBoundingClientRect().left));
    const time = (x) => this.begin + (x / this.width) * (this.end - this.begin);
    this.holder.addEventListener("pointerdown", (event) => {
      this.wasDrawn = false;
      if (event.button === 0 && event.pointerType === "mouse") from = place(event);
      this.isDrawnOn = from !== null;
    });
    window.addEventListener("pointermove", (event) => {
      if (from === null) return;
      const to = place(event);
      if (Math.abs(to - from) < 6 && !band) return;
      const svg = this.holder.querySelector("svg");
      band ??= svg.appendChild(draw("rect", { class: "band", y: 0, height: svg.getAttribute("height") - AXIS }));
      band.setAttribute("x", Math.min(from, to));
      band.setAttribute("width", Math.abs(to - from));
    });
    window.addEventListener("pointerup", (event) => {
      if (from !== null && band) {
        const [one, other] = [time(from), time(place(event))];
        this.wasDrawn = true;
        band.remove();
        this.zoom(Math.min(one, other), Math.max(one, other));
      }
      from = null;
      band = undefined;
      this.isDrawnOn = false;
    });
  }
}

export function label(lane, withUser) {
  return withUser ? `${lane.user}: ${serverName(lane.name)}` : serverName(lane.name);
}

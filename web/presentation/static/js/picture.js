// The picture of a history: lanes with bars and marks over an axis of time, drawn as SVG to the width there is.

import { count, serverName } from "./names.js";

const NS = "http://www.w3.org/2000/svg";
const LABEL = 18;
const BAR = 16;
const LANE = LABEL + BAR + 8;
const AXIS = 26;
const MOST = 40; // lanes
const NARROW = 2.5; // a bar is never thinner
const STATES = { queued: "waiting for its turn", spawn: "starting", ready: "running", stop: "stopping", check: "looked for" };

const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1e3, 5e3, 15e3, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY, 365 * DAY,
];

function draw(name, attributes, ...children) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const title = (text) => draw("title", {}, text);

// `span`: how much time the whole picture shows.
function clock(at, span) {
  const moment = new Date(at);
  const time = { hour: "2-digit", minute: "2-digit", ...(span < 10 * MINUTE ? { second: "2-digit" } : {}) };
  const isMidnight = moment.getHours() === 0 && moment.getMinutes() === 0;
  const day = { day: "numeric", month: "short" };
  const format = span > 4 * DAY || (isMidnight && span > 6 * HOUR) ? day : time;
  return moment.toLocaleString("en", { ...format, hourCycle: "h23" });
}

const exactly = (at) => new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

function ticks(begin, end, width) {
  const wanted = Math.max(2, Math.floor(width / 110));
  const step = STEPS.find((one) => (end - begin) / one <= wanted) ?? STEPS.at(-1);
  const offset = new Date(begin).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((begin - offset) / step) * step + offset;
  const found = [];
  for (let at = first; at <= end; at += step) found.push(at);
  return found;
}

// `choose(event)`: an event was clicked. `zoom(begin, end)`: a piece was drawn over.
export class Picture {
  constructor(holder, choose, zoom) {
    Object.assign(this, { holder, choose, zoom });
    new ResizeObserver(() => this.width !== holder.clientWidth && this.shown && this.show(...this.shown)).observe(holder);
    this.select();
  }

  x(at) {
    return ((Math.min(this.end, Math.max(this.begin, at)) - this.begin) / (this.end - this.begin)) * this.width;
  }

  // `labelled(lane)`: what a lane is called. `moment`: a time to mark, or null.
  show(content, begin, end, labelled, moment) {
    this.shown = [content, begin, end, labelled, moment];
    Object.assign(this, { begin, end, width: this.holder.clientWidth });
    const lanes = content.lanes.slice(0, MOST);
    const rest = content.marks.length ? 1 : 0;
    const height = lanes.length * LANE + rest * LANE + AXIS;
    const svg = draw("svg", {
      width: this.width,
      height,
      viewBox: `0 0 ${this.width} ${height}`,
      role: "img",
      "aria-label": this.said(content, begin, end),
    });
    for (const at of ticks(begin, end, this.width)) svg.append(...this.tick(at, height));
    lanes.forEach((lane, at) => svg.append(this.lane(lane, at * LANE, labelled(lane))));
    if (rest) svg.append(this.others(content.marks, lanes.length * LANE));
    if (moment !== null && moment >= begin && moment <= end) {
      svg.append(draw("line", { class: "moment", x1: this.x(moment), x2: this.x(moment), y1: 0, y2: height - AXIS }));
    }
    this.holder.replaceChildren(svg);
    if (content.lanes.length > MOST) {
      const more = document.createElement("p");
      more.className = "faint small";
      more.textContent = `${count(content.lanes.length - MOST, "more server")}: choose a user, or less time, to see them.`;
      this.holder.append(more);
    }
  }

  said({ lanes, marks }, begin, end) {
    const bad = lanes.flatMap((lane) => lane.marks).length;
    return `From ${exactly(begin)} to ${exactly(end)}: ${count(lanes.length, "server")}, ${count(bad, "failure")}, ${count(marks.length, "other event")}. The table below has them all.`;
  }

  tick(at, height) {
    const x = this.x(at);
    const line = draw("line", { class: "tick", x1: x, x2: x, y1: 0, y2: height - AXIS + 4 });
    const anchor = x < 30 ? "start" : x > this.width - 30 ? "end" : "middle";
    const text = draw("text", { class: "time", x, y: height - 6, "text-anchor": anchor }, clock(at, this.end - this.begin));
    return [line, text];
  }

  lane(lane, top, label) {
    const group = draw("g", {});
    group.append(draw("text", { class: "label", x: 0, y: top + LABEL - 5 }, label));
    group.append(draw("rect", { class: "ground", x: 0, y: top + LABEL, width: this.width, height: BAR, rx: 3 }));
    for (const bar of lane.bars) {
      if (bar.to < this.begin || bar.from > this.end) continue;
      const x = this.x(bar.from);
      const width = Math.max(NARROW, this.x(bar.to) - x);
      const drawn = draw("rect", { class: `bar ${bar.state}`, x: Math.min(x, this.width - width), y: top + LABEL, width, height: BAR, rx: 2 });
      drawn.append(title(`${label}: ${STATES[bar.state]}, ${exactly(bar.from)} to ${exactly(bar.to)}`));
      this.clickable(drawn, bar.event);
      group.append(drawn);
    }
    for (const mark of lane.marks) {
      const [x, y, r] = [Math.min(this.width - 6, Math.max(6, this.x(mark.at))), top + LABEL + BAR / 2, 4];
      const cross = draw("g", { class: "failure" });
      cross.append(
        draw("circle", { cx: x, cy: y, r: r + 3 }),
        draw("path", { d: `M${x - r + 1} ${y - r + 1}l${2 * r - 2} ${2 * r - 2}m0 ${2 - 2 * r}l${2 - 2 * r} ${2 * r - 2}` }),
        title(`${label}: ${mark.event.data.reason ?? "ended by itself"}, ${exactly(mark.at)}`),
      );
      this.clickable(cross, mark.event);
      group.append(cross);
    }
    return group;
  }

  others(marks, top) {
    const group = draw("g", {});
    group.append(draw("text", { class: "label", x: 0, y: top + LABEL - 5 }, "Everything else"));
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
    Object.defineProperty(this, "isDrawnOn", { get: () => from !== null });
    const place = (event) => Math.min(this.width, Math.max(0, event.clientX - this.holder.getBoundingClientRect().left));
    const time = (x) => this.begin + (x / this.width) * (this.end - this.begin);
    this.holder.addEventListener("pointerdown", (event) => {
      this.wasDrawn = false;
      if (event.button === 0 && event.pointerType === "mouse") from = place(event);
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
    });
  }
}

export function label(lane, withUser) {
  return withUser ? `${lane.user}: ${serverName(lane.name)}` : serverName(lane.name);
}

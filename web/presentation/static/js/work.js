// One thing done for many: a job of the hub's, which goes on when this page is closed. The panel shows how far it is.

import { call, data } from "./api.js";
import { _, withValues } from "./texts.js";
import { isAtWork, working } from "./working.js";

const LOOK = 700; // milliseconds between looks at the job
const SOON = 60000; // milliseconds: a job that is due later, or put off for longer, is not what one waits for
const LATEST = 20; // jobs among which one that goes on is looked for

const WORDS = {
  start: [_("Starting: {done} of {total}"), _("{done} of {total} started")],
  stop: [_("Stopping: {done} of {total}"), _("{done} of {total} stopped")],
  delete: [_("Deleting: {done} of {total}"), _("{done} of {total} deleted")],
  join: [_("Adding: {done} of {total}"), _("{done} of {total} added")],
};

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const path = (id) => `jobs/${encodeURIComponent(id)}`;

// One at a time.
export class Work {
  constructor() {
    this.panel = document.getElementById("work");
    this.bar = document.getElementById("work-bar");
    this.button = document.getElementById("work-end");
    this.failures = document.getElementById("work-failures");
    this.job = null;
    this.button.addEventListener("click", () => this.end());
  }

  get isRunning() {
    return this.job !== null && this.job.ended === null;
  }

  // The job, to be followed. Throws what the hub refuses it with.
  begin(act, users) {
    return call("POST", "jobs", { act, users });
  }

  // What one has begun on an earlier page, in whichever browser, if it still goes on.
  async resume() {
    const jobs = await call("GET", `jobs?limit=${LATEST}`).catch(() => []);
    const isSoon = (due) => due === null || Date.parse(due) < Date.now() + SOON;
    const job = jobs.find(({ ended, due, asked_by }) => ended === null && isSoon(due) && asked_by === data.user);
    if (job && !this.isRunning) await this.follow(job);
  }

  // The job when it has ended.
  async follow(job) {
    this.panel.hidden = false;
    document.getElementById("work-said").textContent = "";
    this.show(job);
    while (this.isRunning) {
      await pause(LOOK);
      await this.look();
    }
    document.getElementById("work-said").textContent = this.text();
    return this.job;
  }

  // A hub that cannot be reached may be starting anew: the job goes on in the next one.
  async look() {
    try {
      this.show(await call("GET", path(this.job.id)));
    } catch (error) {
      if (error.status === 404) this.show({ ...this.job, state: "cancelled", ended: "" });
    }
  }

  show(job) {
    this.job = job;
    this.bar.max = Math.max(1, job.total);
    this.bar.value = job.done + job.failed;
    this.bar.classList.toggle("bad", job.failed > 0);
    this.bar.style.setProperty("--good", `${(100 * job.done) / Math.max(1, job.done + job.failed)}%`);
    this.nameButton();
    document.getElementById("work-text").textContent = this.text();
    this.failures.hidden = job.failures.length === 0;
    this.failures.querySelector("ul").replaceChildren(...job.failures.map(line));
  }

  // What it is at work for is not renamed meanwhile.
  nameButton() {
    if (!isAtWork(this.button)) this.button.textContent = this.isRunning ? _("Cancel") : _("Close");
  }

  text() {
    const { act, total, done, failed, message } = this.job;
    const [doing, finished] = WORDS[act];
    const bad = failed ? [_("{number} failed", { number: failed })] : [];
    if (this.isRunning) return [withValues(doing, { done, total }), ...bad].join(", ");
    const left = total - done - failed;
    const rest = left ? [_("{number} not waited for or left alone", { number: left })] : [];
    const all = [withValues(finished, { done, total }), ...bad, ...rest].join(", ");
    return message ? `${all}. ${message}` : all;
  }

  async end() {
    if (!this.isRunning) {
      this.panel.hidden = true;
      return;
    }
    await working(this.button, async () => {
      await call("DELETE", path(this.job.id));
      await this.look();
    });
    this.nameButton();
  }
}

function line({ user, message }) {
  const item = document.createElement("li");
  const who = document.createElement("strong");
  who.textContent = user ?? _("somebody who is gone");
  item.append(who, ` ${message}`);
  return item;
}

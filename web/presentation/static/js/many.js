// One thing done for many: a few at a time, with progress, and every failure named.

import { backoff } from "./backoff.js";

const AT_ONCE = 4; // a browser has six connections to the hub, and one is the event stream's
const TRIES = 6; // of what the hub puts off

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export async function each(items, work, isCancelled = () => false) {
  const queue = [...items];
  const worker = async () => {
    while (queue.length && !isCancelled()) await work(queue.shift());
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}

// Asks again what was refused for being too much at once, after as long as the hub says.
export async function patiently(ask, cancellation = new Promise(() => {})) {
  let isCancelled = false;
  cancellation.then(() => (isCancelled = true));
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if ((error.status !== 429 && error.status !== 503) || tries === TRIES || isCancelled) throw error;
      await Promise.race([pause(Math.min(error.retryAfter, 60) + backoff(tries)), cancellation]);
    }
  }
}

// The panel that shows how far it is. One at a time.
export class Work {
  constructor() {
    this.panel = document.getElementById("work");
    this.bar = document.getElementById("work-bar");
    this.button = document.getElementById("work-end");
    this.failures = document.getElementById("work-failures");
    this.isRunning = false;
    this.button.addEventListener("click", () => this.end());
  }

  // `doing`: "Starting"; `done`: "started". `work(item, isCancelled)` may resolve long after, when it has come about.
  async run(items, doing, done, work, nameOf = (item) => item) {
    Object.assign(this, { doing, done, total: items.length, good: 0, bad: 0, isRunning: true, isCancelled: false });
    this.failures.hidden = true;
    this.failures.querySelector("ul").replaceChildren();
    this.panel.hidden = false;
    this.button.textContent = "Cancel";
    this.draw();
    const outcomes = [];
    const cancellation = new Promise((resolve) => (this.cancelWaiting = resolve));
    const cancelled = () => this.isCancelled;
    await each(
      items,
      async (item) => {
        try {
          const { settled } = (await patiently(() => work(item), cancellation)) ?? {};
          outcomes.push(Promise.resolve(settled).then(() => this.succeeded(), (error) => this.failed(nameOf(item), error)));
        } catch (error) {
          this.failed(nameOf(item), error);
        }
      },
      cancelled,
    );
    await Promise.race([Promise.all(outcomes), cancellation]);
    this.isRunning = false;
    this.draw();
    document.getElementById("work-said").textContent = this.text();
    this.button.textContent = "Close";
  }

  succeeded() {
    this.good += 1;
    if (this.isRunning) this.draw();
  }

  failed(name, error) {
    this.bad += 1;
    const line = document.createElement("li");
    const who = document.createElement("strong");
    who.textContent = name;
    line.append(who, ` ${error.message}`);
    this.failures.querySelector("ul").append(line);
    this.failures.hidden = false;
    if (this.isRunning) this.draw();
  }

  text() {
    const number = (value) => value.toLocaleString("en");
    const failed = this.bad ? `, ${number(this.bad)} failed` : "";
    if (this.isRunning) return `${this.doing}: ${number(this.good)} of ${number(this.total)}${failed}`;
    const left = this.total - this.good - this.bad;
    return `${number(this.good)} of ${number(this.total)} ${this.done}${failed}${left ? `, ${number(left)} not waited for or left alone` : ""}`;
  }

  draw() {
    this.bar.max = Math.max(1, this.total);
    this.bar.value = this.good + this.bad;
    this.bar.classList.toggle("bad", this.bad > 0 && !this.isRunning);
    document.getElementById("work-text").textContent = this.text();
  }

  end() {
    if (this.isRunning) {
      this.isCancelled = true;
      this.cancelWaiting();
    } else {
      this.panel.hidden = true;
    }
  }
}

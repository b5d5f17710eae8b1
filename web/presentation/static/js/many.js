// Requests for many things, a few at a time, and again where the hub puts them off.

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

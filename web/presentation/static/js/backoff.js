// How long to wait, in seconds, after so many failures in a row, before asking again. Chance takes up to half of it, so that
// all the pages that a hub has left do not come back to it at the same moment.
export const backoff = (failures) => Math.min(0.5 * 2 ** (failures - 1), 10) * (1 - Math.random() / 2);

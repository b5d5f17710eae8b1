// Lists of the REST API, a page at a time.

import { call } from "./api.js";
import { _ } from "./texts.js";

const WRAPPED = { Accept: "application/jupyterhub-pagination+json" };

// {items, _pagination: {offset, limit, total, next}}
export function fetchPage(path, query) {
  return call("GET", `${path}?${new URLSearchParams(query)}`, undefined, WRAPPED);
}

// Buttons that turn pages, and where one is. `turn` is called with the offset to go to. Until a page is shown there is nowhere
// to go from: the templates have the buttons disabled.
export class Pager {
  // `none`: what is said where there is nothing to be shown.
  constructor(none, turn) {
    this.none = none;
    this.range = document.getElementById("range");
    const at = (id, offset) => {
      const button = document.getElementById(id);
      if (button) button.addEventListener("click", () => button.ariaDisabled !== "true" && turn(offset()));
      return button;
    };
    this.first = at("first-page", () => 0);
    this.previous = at("previous-page", () => Math.max(0, this.offset - this.limit));
    this.next = at("next-page", () => this.offset + this.limit);
    this.last = at("last-page", () => Math.floor((this.total - 1) / this.limit) * this.limit);
  }

  // `shown`: how many items there are on this page.
  show({ offset, limit, total }, shown) {
    Object.assign(this, { offset, limit, total });
    const from = shown ? offset + 1 : offset;
    this.range.textContent = total ? _("{from}–{to} of {total}", { from, to: offset + shown, total }) : this.none;
    const enable = (button, can) => {
      if (button) button.ariaDisabled = String(!can); // not `disabled`: the focus stays where it is
    };
    enable(this.first, offset > 0);
    enable(this.previous, offset > 0);
    enable(this.next, offset + limit < total);
    enable(this.last, offset + limit < total);
  }
}

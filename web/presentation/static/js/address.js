// What a list shows stands in the page's address: it can be bookmarked, and the browser's Back goes through it.

export class Address {
  // `defaults`: texts by name, for what the address does not say. `turned`: called when Back or Forward has changed it.
  constructor(defaults, turned) {
    this.defaults = defaults;
    window.addEventListener("popstate", turned);
  }

  read() {
    const query = new URLSearchParams(location.search);
    return Object.fromEntries(Object.entries(this.defaults).map(([name, usual]) => [name, query.get(name) ?? usual]));
  }

  // `typing`: what is typed letter by letter is one step, and `corrected` is none.
  write(wanted, { typing = false, corrected = false } = {}) {
    const changed = Object.entries(wanted).filter(([name, value]) => value !== this.defaults[name]);
    const query = new URLSearchParams(changed).toString();
    const url = query ? `?${query}` : location.pathname;
    if (url === (location.search || location.pathname)) return;
    if (corrected || (typing && history.state?.typing)) history.replaceState(history.state, "", url);
    else history.pushState({ typing }, "", url);
  }
}

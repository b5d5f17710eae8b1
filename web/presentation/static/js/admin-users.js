// The page of all users: a page of them at a time, kept true by the event stream, and what administrators do to them.

import { Address } from "./address.js";
import { base, call, data, serverPath, userPath } from "./api.js";
import { ask, openForm } from "./ask.js";
import { TYPES, changesList, streamOf, usersOf } from "./changes.js";
import { follow } from "./events.js";
import { each, patiently } from "./many.js";
import { namesIn, serverName, some } from "./names.js";
import { expect, forget, heard } from "./outcomes.js";
import { Pager, fetchPage } from "./paged.js";
import { announce, say } from "./said.js";
import { _, ngettext } from "./texts.js";
import { UserRow, wordOf } from "./user-row.js";
import { Work } from "./work.js";
import { working } from "./working.js";

const AT_ONCE = { Prefer: "respond-async" };
const MOST_SINGLE = 4; // rows that are asked for one by one; for more the page is asked for

const element = (id) => document.getElementById(id);
const sheet = element("users");
const table = element("user-table");
const filters = element("filters");
const mayOpen = "mayOpen" in sheet.dataset;

// --- what is asked for: in the URL, so that it can be bookmarked ---

const DEFAULTS = { name_filter: "", group: "", state: "", sort: "name", offset: "0", limit: sheet.dataset.limit };
const wanted = { ...DEFAULTS };
const address = new Address(DEFAULTS, () => {
  readUrl();
  load();
});

function readUrl() {
  Object.assign(wanted, address.read());
  filters.elements.name_filter.value = wanted.name_filter;
  filters.elements.group.value = wanted.group;
  for (const [name, select] of [["state", filters.elements.state], ["sort", filters.elements.sort], ["limit", element("limit")]]) {
    select.value = wanted[name];
    if (select.value !== wanted[name]) {
      wanted[name] = DEFAULTS[name];
      select.value = wanted[name];
    }
  }
}

const query = () => ({ ...wanted, include_stopped_servers: "1", include_failures: "1" });

// --- the rows ---

const rows = new Map();
let loads = 0;
let typing; // the timer of a search that is about to be made

const pager = new Pager(_("No users"), (offset) => change({ offset: String(offset) }, { keepOffset: true }));

function change(changes, { keepOffset = false } = {}) {
  Object.assign(wanted, keepOffset ? {} : { offset: "0" }, changes);
  address.write(wanted, { typing: "name_filter" in changes });
  return load();
}

async function load() {
  const mine = (loads += 1);
  table.ariaBusy = "true";
  try {
    const answer = await fetchPage("users", query());
    if (mine !== loads) return; // something else is wanted by now
    const { total, limit } = answer._pagination;
    if (!answer.items.length && total && Number(wanted.offset) >= total) {
      wanted.offset = String(Math.floor((total - 1) / limit) * limit); // the last page has gone
      address.write(wanted, { corrected: true });
      await load();
      return;
    }
    show(answer);
    tell(null);
  } catch (error) {
    if (mine !== loads) return;
    if (error.status === 404) show({ items: [], _pagination: { offset: 0, limit: Number(wanted.limit), total: 0 } }); // no such group
    tell(error.status === 404 ? null : error);
  } finally {
    if (mine === loads && !typing) table.ariaBusy = "false";
  }
}

// What is wrong with the list stays beside it for as long as it is.
function tell(error) {
  const trouble = element("users-trouble");
  trouble.textContent = error?.message ?? "";
  trouble.hidden = !error;
}

// Rows that stay are kept, with what is unfolded and focused in them.
function show({ items, _pagination: place }) {
  const old = new Map(rows);
  rows.clear();
  for (const model of items) {
    const row = old.get(model.name) ?? new UserRow(model, mayOpen);
    if (old.delete(model.name)) row.show(model);
    rows.set(model.name, row);
  }
  for (const row of old.values()) row.element.remove();
  let last = table.tHead;
  for (const { element: body } of rows.values()) {
    if (last.nextElementSibling !== body) last.after(body); // moving would lose the focus
    last = body;
  }
  element("nobody").hidden = items.length > 0;
  pager.show(place, items.length);
  for (const header of table.querySelectorAll("th[data-sort]")) {
    const by = header.dataset.sort;
    header.ariaSort = wanted.sort === by ? "ascending" : wanted.sort === `-${by}` ? "descending" : null;
  }
  showPicked();
}

// --- as it happens ---

const stale = new Set();
let isListStale = false;
let isFetching = false;

function told(events) {
  if (!events.length) isListStale = true; // the stream was away
  for (const event of events) {
    heard(event);
    if (changesList(event)) isListStale = true;
    for (const name of usersOf(event)) if (rows.has(name)) stale.add(name);
  }
  refresh();
}

async function refresh() {
  if (isFetching) return;
  isFetching = true;
  try {
    while (isListStale || stale.size) {
      if (isListStale) {
        isListStale = false;
        stale.clear();
        await load();
      } else {
        const names = [...stale];
        stale.clear();
        await redraw(names);
      }
      await new Promise((resolve) => setTimeout(resolve, 150)); // what a crowd does is drawn together
    }
  } finally {
    isFetching = false;
  }
}

// Rows stay where they are, even those that no longer fit the filter: nothing moves under the pointer.
async function redraw(names) {
  let single = names;
  if (names.length > MOST_SINGLE) {
    const { items } = await fetchPage("users", query()).catch(() => ({ items: [] }));
    for (const model of items) rows.get(model.name)?.show(model);
    const found = new Set(items.map((model) => model.name));
    single = names.filter((name) => !found.has(name));
  }
  await each(single, redrawOne);
}

async function redrawOne(name) {
  const row = rows.get(name);
  if (!row) return;
  try {
    row.show(await call("GET", row.path));
  } catch (error) {
    if (error.status === 404) isListStale = true;
  }
}

// --- filters, order, pages ---

async function offerGroups() {
  const { items } = await fetchPage("groups", { limit: 200 }).catch(() => ({ items: [] })); // who may not see them types
  element("groups").replaceChildren(...items.map(({ name }) => new Option(name, name)));
}

filters.addEventListener("submit", (event) => event.preventDefault());
filters.elements.name_filter.addEventListener("input", () => {
  clearTimeout(typing);
  table.ariaBusy = "true";
  typing = setTimeout(() => {
    typing = undefined;
    change({ name_filter: filters.elements.name_filter.value.trim() });
  }, 180);
});
filters.elements.group.addEventListener("change", (event) => change({ group: event.target.value.trim() }));
filters.elements.group.addEventListener("focus", offerGroups, { once: true });
filters.elements.state.addEventListener("change", (event) => change({ state: event.target.value }));
filters.elements.sort.addEventListener("change", (event) => change({ sort: event.target.value }));
element("limit").addEventListener("change", (event) => change({ limit: event.target.value }));
table.tHead.addEventListener("click", (event) => {
  const by = event.target.closest("th[data-sort]")?.dataset.sort;
  if (!by) return;
  const first = by === "name" ? by : `-${by}`;
  const other = by === "name" ? `-${by}` : by;
  const sort = wanted.sort === first ? other : first;
  filters.elements.sort.value = sort;
  change({ sort });
  announce(_("Order: {order}", { order: filters.elements.sort.selectedOptions[0].text }));
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  filters.elements.name_filter.focus();
});

// --- selecting ---

const picked = new Set();

function showPicked() {
  for (const [name, row] of rows) row.find(".select").checked = picked.has(name);
  const here = [...rows.keys()].filter((name) => picked.has(name)).length;
  const box = element("pick-page");
  box.checked = rows.size > 0 && here === rows.size;
  box.indeterminate = here > 0 && here < rows.size;
  element("picked").hidden = picked.size === 0;
  element("picked-count").textContent = picked.size
    ? ngettext("{number} user selected", "{number} users selected", picked.size)
    : "";
  const all = element("pick-all");
  all.hidden = picked.size >= pager.total;
  all.textContent = wanted.name_filter || wanted.group || wanted.state
    ? _("Select all {number} that match", { number: pager.total })
    : _("Select all {number}", { number: pager.total });
}

element("pick-page").addEventListener("change", (event) => {
  for (const name of rows.keys()) event.target.checked ? picked.add(name) : picked.delete(name);
  showPicked();
});
element("pick-none").addEventListener("click", () => {
  picked.clear();
  showPicked();
  element("pick-page").focus();
  announce(_("Nobody is selected any more."));
});
// What is done to all who are selected waits until they are.
function selecting(isGoingOn) {
  for (const button of element("picked").querySelectorAll(".row button")) button.ariaDisabled = isGoingOn ? "true" : null;
}

element("pick-all").addEventListener("click", async () => {
  await working(element("pick-all"), async () => {
    selecting(true);
    for (let offset = 0; ; ) {
      const { items, _pagination } = await fetchPage("users", { ...wanted, sort: "id", offset, limit: 200 });
      for (const model of items) picked.add(model.name);
      if (!_pagination.next) break;
      offset = _pagination.next.offset;
    }
  });
  selecting(false);
  showPicked();
});

// --- starting and stopping ---

const work = new Work();

async function start(user, server) {
  const settled = expect(user, server, "ready");
  settled.catch(() => {}); // told by whoever waits for it
  try {
    await call("POST", serverPath(user, server), undefined, AT_ONCE);
    return { settled };
  } catch (error) {
    forget(user, server);
    const now = error.status === 400 ? await call("GET", serverPath(user, server)) : null;
    if (now?.ready) return {}; // it runs already
    throw error;
  }
}

async function stop(user, server) {
  const settled = expect(user, server, "stopped");
  settled.catch(() => {});
  try {
    await call("DELETE", serverPath(user, server), undefined, AT_ONCE);
    const now = await call("GET", serverPath(user, server));
    if (!now.stopped) return { settled };
    forget(user, server);
    return {};
  } catch (error) {
    forget(user, server);
    throw error;
  }
}

// How it ends is seen in its row, and told to who does not see it; what goes wrong is told everybody.
function tellEnd(settled, user, server, state) {
  const name = _("{server} of {user}", { server: serverName(server), user });
  const again = { label: _("Start again"), act: () => startAndTell(user, server) };
  (settled ?? Promise.resolve()).then(
    () => (state === "stopped" ? say(`${name}: ${wordOf(state)}`, again) : announce(`${name}: ${wordOf(state)}`)),
    (error) => say(`${name}: ${error.message}`),
  );
}

async function startAndTell(user, server) {
  const { settled } = await start(user, server);
  tellEnd(settled, user, server, "ready");
}

async function stopAndTell(user, server) {
  const { settled } = await stop(user, server);
  tellEnd(settled, user, server, "stopped");
}

async function stopAll(user) {
  const { servers } = await call("GET", userPath(user));
  await Promise.all(Object.keys(servers ?? {}).map((server) => stopAndTell(user, server)));
}

// The job when it has ended; null where there is none.
async function many(button, act) {
  if (work.isRunning) {
    say(_("One thing at a time: something goes on already."));
    return null;
  }
  let job = null;
  await working(button, async () => {
    job = await work.begin(act, [...picked]);
  });
  return job && (await work.follow(job));
}

element("start-picked").addEventListener("click", () => many(element("start-picked"), "start"));
element("stop-picked").addEventListener("click", async () => {
  const title = ngettext("Stop all servers of {number} user?", "Stop all servers of {number} users?", picked.size);
  if (await ask(title, _("{names}. What is not saved in them is lost.", { names: some([...picked]) }), _("Stop them"))) {
    await many(element("stop-picked"), "stop");
  }
});
element("delete-picked")?.addEventListener("click", async () => {
  const ends = _("Their servers are stopped, their tokens and shares end. Files stay where they are.");
  const yourself = picked.has(data.user) ? [_("You are among them: you are logged out, and cannot undo this.")] : [];
  const text = [`${some([...picked])}.`, ends, ...yourself].join(" ");
  if (!(await ask(ngettext("Delete {number} user?", "Delete {number} users?", picked.size), text, _("Delete them")))) return;
  const gone = [...picked];
  const job = await many(element("delete-picked"), "delete");
  if (job?.state !== "done") return;
  const stay = new Set(job.failures.map(({ user }) => user));
  for (const user of gone) if (!stay.has(user)) picked.delete(user);
  showPicked();
});

// --- one user ---

// Each is what a button is for, once what has to be asked before has been answered; null where that was no.

async function toggleAdmin({ model }) {
  const title = model.admin
    ? _("Take administrator's rights from {name}?", { name: model.name })
    : _("Make {name} an administrator?", { name: model.name });
  const text = model.admin
    ? _("They can no longer see or change other people's things.")
    : _("They can do everything here: use other people's servers, delete users, shut down the hub.");
  if (!(await ask(title, text, model.admin ? _("Take them") : _("Make administrator")))) return null;
  return () => setAdmin(model.name, !model.admin);
}

async function setAdmin(name, wanted) {
  const { admin } = await call("PATCH", userPath(name), { admin: wanted });
  const said = admin ? _("{name} is an administrator.", { name }) : _("{name} is no longer an administrator.", { name });
  say(said, { act: () => setAdmin(name, !admin) });
}

async function remove({ model }) {
  const yourself = model.name === data.user ? [_("This is you: you are logged out, and cannot undo this.")] : [];
  const ends = _("Their servers are stopped, their tokens and shares end. Files stay where they are.");
  const text = [...yourself, ends].join(" ");
  if (!(await ask(_("Delete {name}?", { name: model.name }), text, _("Delete")))) return null;
  return async () => {
    await call("DELETE", userPath(model.name));
    picked.delete(model.name);
    say(_("{name} is deleted.", { name: model.name }));
  };
}

async function removeServer({ model }, server) {
  const text = _("Its settings and shares go with it. Files in the home directory stay.");
  if (!(await ask(_("Remove {server} of {name}?", { server, name: model.name }), text, _("Remove")))) return null;
  return async () => {
    await call("DELETE", serverPath(model.name, server), { remove: true });
    say(_("{server} of {name} is removed.", { server, name: model.name }));
  };
}

// Who has another name is still in the same row.
function moveRow(old, name) {
  const row = rows.get(old);
  if (!row || rows.has(name)) return;
  rows.delete(old);
  rows.set(name, row);
  row.show({ ...row.model, name });
  if (picked.delete(old)) picked.add(name);
}

async function giveName(old, wanted) {
  const { name } = await call("PATCH", userPath(old), { name: wanted });
  moveRow(old, name);
  say(_("{old} is called {name} now.", { old, name }), { act: () => giveName(name, old) });
}

function rename({ model }) {
  const field = element("rename-name");
  element("rename-title").textContent = _("Rename {name}", { name: model.name });
  field.value = model.name;
  openForm(element("rename-dialog").querySelector("form"), element("rename-error"), async () => {
    await giveName(model.name, field.value.trim());
  });
  field.select();
  return null;
}

const ACTIONS = {
  "start-user": (row) => () => startAndTell(row.model.name, ""),
  "stop-user": (row) => () => stopAll(row.model.name),
  start: (row, server) => () => startAndTell(row.model.name, server),
  stop: (row, server) => () => stopAndTell(row.model.name, server),
  remove: removeServer,
  admin: toggleAdmin,
  "delete-user": remove,
  rename,
};

table.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  const row = button?.closest("tbody")?.row;
  if (!row) return;
  if (button.classList.contains("more")) {
    row.toggle();
    return;
  }
  const name = [...button.classList].find((one) => one in ACTIONS);
  const server = button.closest("li")?.dataset.server ?? "";
  const job = name ? await ACTIONS[name](row, server) : null;
  if (job) await working(button, () => patiently(job));
});

table.addEventListener("change", (event) => {
  const name = event.target.closest("tbody")?.dataset.name;
  if (name === undefined || !event.target.classList.contains("select")) return;
  event.target.checked ? picked.add(name) : picked.delete(name);
  showPicked();
});

// --- new ones ---

const PIECE = 500; // names in one request

const addedUsers = (number) => ngettext("{number} user added", "{number} users added", number);
const alreadyThere = (number) =>
  ngettext("{number} name was there already", "{number} names were there already", number);

element("add-users")?.addEventListener("click", () => {
  const field = element("add-names");
  const form = element("add-dialog").querySelector("form");
  form.reset();
  openForm(form, element("add-error"), async () => {
    const usernames = namesIn(field.value);
    if (!usernames.length) throw new Error(_("Write at least one name."));
    let added = 0;
    for (let at = 0; at < usernames.length; at += PIECE) {
      const asked = { usernames: usernames.slice(at, at + PIECE), admin: element("add-admin").checked };
      try {
        added += (await call("POST", "users", asked)).length;
      } catch (error) {
        if (error.status !== 409) throw added ? new Error(`${addedUsers(added)}. ${error.message}`) : error;
      }
    }
    if (!added) throw new Error(usernames.length === 1 ? _("This user exists already.") : _("All of these users exist already."));
    const known = usernames.length - added;
    say(`${[addedUsers(added), ...(known ? [alreadyThere(known)] : [])].join("; ")}.`);
  });
});

readUrl();
await load();
work.resume();
follow(streamOf(base, TYPES), sheet.dataset.position, told);

// The home page: what happens to one's servers is seen as it happens, and done by the REST API.

import { base, call, data, isLoggedIn, logIn, serverPath, userPath, withXsrf } from "./api.js";
import { ask } from "./ask.js";
import { follow } from "./events.js";
import { announce, say } from "./said.js";
import { showNews } from "./share-news.js";
import { _ } from "./texts.js";
import { showTimes } from "./time.js";
import { keepAtWork, working } from "./working.js";

// A template of an administrator's may have JupyterHub's ids and classes instead of the board: then the page is loaded
// anew where the board would be drawn anew.
const board = () => document.getElementById("servers");
const user = board()?.dataset.user ?? data.user;

// --- as it happens ---

const LIMITED = ["new-server-full", "new-server-fields", "new-server-hint"]; // parts of the form, by whether there is room

let isFetching = false;
let isStale = false;

// The rows anew, as the hub draws them; what is at work or unfolded stays so.
async function redraw() {
  if (!board()) return;
  if (isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  try {
    do {
      isStale = false;
      const response = await fetch(withXsrf(location.pathname), { credentials: "same-origin" });
      if (response.redirected || response.status === 403) {
        if (!(await isLoggedIn())) logIn();
        else location.reload(); // the page's token is no longer the browser's
        return;
      }
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      if (page.getElementById("servers")) replace(page.getElementById("servers"));
      if (page.getElementById("shared")) replaceShared(page.getElementById("shared"));
      for (const id of LIMITED) if (page.getElementById(id)) document.getElementById(id).hidden = page.getElementById(id).hidden;
      showNews(page);
    } while (isStale);
  } catch {
    // the hub is away: the stream will be back with it
  } finally {
    isFetching = false;
  }
}

function replace(fresh) {
  const before = statesIn(board());
  const unfolded = [...board().querySelectorAll("details[open]")].map((element) => element.id);
  keepAtWork(board(), fresh);
  board().replaceWith(document.adoptNode(fresh));
  for (const id of unfolded) {
    const details = id && document.getElementById(id);
    if (details) details.open = true;
  }
  showTimes(board());
  tellChanges(before, statesIn(board()));
}

function replaceShared(fresh) {
  const old = document.getElementById("shared");
  keepAtWork(old, fresh);
  old.replaceWith(document.adoptNode(fresh));
  showTimes(fresh);
}

// From the id of a row to [name, state], as they are read.
function statesIn(element) {
  const said = (row, selector) => row.querySelector(selector)?.textContent.trim() ?? "";
  const rows = [...element.querySelectorAll(".server[id]")];
  return new Map(rows.map((row) => [row.id, [said(row, "h1, .name"), said(row, ".state-text")]]));
}

function tellChanges(before, now) {
  const changed = [...now].filter(([id, [, state]]) => before.has(id) && before.get(id)[1] !== state);
  const gone = [...before].filter(([id]) => !now.has(id));
  const told = [
    ...changed.map(([, [name, state]]) => _("{name}: {state}.", { name, state })),
    ...gone.map(([, [name]]) => _("{name} is deleted.", { name })),
  ];
  if (told.length) announce(told.join(" "));
}

if (board()) follow(`${base}api/users/${encodeURIComponent(user)}/events`, board().dataset.position, redraw);

// --- what can be done ---

async function act(button, done, work) {
  await working(button, async () => {
    await work();
    if (done) say(done);
  });
  await redraw();
}

function stopped(server) {
  return new Promise((resolve, reject) => {
    const progress = new EventSource(withXsrf(`${base}api/${serverPath(user, server)}/progress`));
    const over = (settle, value) => {
      progress.close();
      settle(value);
    };
    progress.onmessage = (event) => {
      const said = JSON.parse(event.data);
      if (said.stopped) over(resolve);
      if (said.failed) over(reject, new Error(said.message));
    };
    progress.onerror = () => over(resolve); // no stream: it has stopped already
  });
}

async function restart(server) {
  const path = serverPath(user, server);
  await call("DELETE", path);
  await stopped(server);
  await call("POST", path);
}

function reallyDelete(title) {
  const text = _("Its settings and shares go with it. Files in your home directory stay.");
  return ask(_("Delete {name}?", { name: title }), text, _("Delete"));
}

// Of a button, or of the row that it is in; "" is the default server.
function serverOf(button) {
  return button.closest("[data-server-name]")?.dataset.serverName ?? "";
}

async function stop(button) {
  const path = serverPath(user, serverOf(button));
  const name = button.closest(".server")?.querySelector("h1, .name")?.textContent ?? "";
  const server = serverOf(button);
  let isStopped = false;
  await act(button, "", async () => {
    await call("DELETE", path);
    await stopped(server);
    isStopped = true;
  });
  if (!board()) location.reload();
  else if (isStopped) say(_("{name} is stopped.", { name }), { label: _("Start again"), act: () => startAgain(path, name) });
}

// With the options it had.
async function startAgain(path, name) {
  await call("POST", path);
  say(_("{name} is being started again.", { name }));
  await redraw();
}

async function remove(button) {
  const server = serverOf(button);
  if (!(await reallyDelete(button.dataset.title ?? server))) return;
  await act(button, "", () => call("DELETE", serverPath(user, server), { remove: true }));
  if (!board()) location.reload();
}

const ACTIONS = {
  "#stop, .stop-server": stop,
  ".restart-server": (button) => act(button, "", () => restart(serverOf(button))),
  ".delete-server": remove,
  ".new-server-btn": (button) => form || addFrom(button),
};

document.addEventListener("click", (event) => {
  for (const [selector, action] of Object.entries(ACTIONS)) {
    const button = event.target.closest?.(selector);
    if (!button) continue;
    if (button.form?.id === "servers-form") event.preventDefault(); // it is for where no script runs
    action(button);
  }
});

// --- a server of somebody else's ---

document.getElementById("main")?.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.leave-share");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  leaveShare(link);
});

async function leaveShare(link) {
  const { owner, name, title } = link.dataset;
  const text = _("You cannot open it any more then, until {owner} shares it with you again.", { owner });
  if (!(await ask(_("Leave {title}?", { title }), text, _("Leave")))) return;
  const path = `${userPath(user)}/shared/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;
  await act(link, _("You have left it."), () => call("DELETE", path));
}

// --- a new one ---

const form = document.getElementById("new-server-form");
const field = document.getElementById("new-server-name");

// A name for the URL out of what somebody typed: `Däta Lab 2` is `data-lab-2`.
function slug(text) {
  const longest = Number(form?.dataset.longest ?? 30);
  let name = text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  if (name && !/^[a-z]/.test(name)) name = `x-${name}`;
  return name.slice(0, longest).replace(/-+$/, "");
}

field?.addEventListener("input", () => {
  const name = slug(field.value);
  const shown = document.getElementById("new-server-slug");
  if (shown) shown.textContent = name && name !== field.value ? _("In its address it is called {name}.", { name }) : "";
});

async function add(button, input) {
  const title = input.value.trim().replace(/\s+/g, " ");
  const name = slug(title);
  if (!name) {
    say(_("Give the server a name with at least one letter or digit."));
    input.focus();
    return;
  }
  await act(button, _("{name} is added.", { name: title }), async () => {
    await call("PUT", serverPath(user, name), { display_name: title });
    input.value = "";
    const slugShown = document.getElementById("new-server-slug");
    if (slugShown) slugShown.textContent = "";
    if (!board()) location.reload();
  });
}

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  add(document.getElementById("new-server-btn"), field);
});

// In JupyterHub's markup there is no form: a button, and a field beside it.
function addFrom(button) {
  const input = document.querySelector(".new-server-name");
  if (input) add(button, input);
}

window.addEventListener("focus", () => redraw());

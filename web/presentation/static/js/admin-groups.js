// The page of groups: who is in them, as it changes.

import { Address } from "./address.js";
import { base, call } from "./api.js";
import { ask } from "./ask.js";
import { streamOf } from "./changes.js";
import { follow } from "./events.js";
import { namesIn, some } from "./names.js";
import { Pager, fetchPage } from "./paged.js";
import { announce, say } from "./said.js";
import { _, ngettext } from "./texts.js";
import { working } from "./working.js";

const SHOWN = 24; // members, until all are asked for

const sheet = document.getElementById("groups");
const list = document.getElementById("group-list");
const trouble = document.getElementById("trouble");
const limit = sheet.dataset.limit;
const unfolded = new Set(); // groups all of whose members are shown
const search = document.getElementById("search");
const address = new Address({ name_filter: "", offset: "0" }, () => load());

const pager = new Pager(_("No groups"), (to) => {
  address.write({ ...address.read(), offset: String(to) });
  load();
});

const path = (name) => `groups/${encodeURIComponent(name)}`;

// --- drawing ---

let loads = 0;

async function load() {
  const mine = (loads += 1);
  const wanted = address.read();
  if (document.activeElement !== search) search.value = wanted.name_filter;
  try {
    const { items, _pagination } = await fetchPage("groups", { ...wanted, limit });
    if (mine !== loads) return; // something else is wanted by now
    show(items);
    pager.show(_pagination, items.length);
    trouble.hidden = true;
  } catch (error) {
    if (mine !== loads) return;
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
  list.ariaBusy = "false";
}

// Groups that stay are kept, with what is being typed into them.
function show(groups) {
  const old = new Map([...list.children].map((one) => [one.dataset.name, one]));
  const shown = groups.map((group) => draw(old.get(group.name) ?? fresh(group.name), group));
  const stays = new Set(shown);
  for (const one of [...list.children]) if (!stays.has(one)) one.remove();
  shown.forEach((one, at) => {
    if (list.children[at] !== one) list.insertBefore(one, list.children[at] ?? null);
  });
  if (!shown.length) {
    const nothing = document.createElement("p");
    nothing.className = "faint nothing";
    nothing.textContent = search.value ? _("No group is called like that.") : _("There are no groups yet.");
    list.replaceChildren(nothing);
  }
}

function fresh(name) {
  const section = document.getElementById("group-row").content.firstElementChild.cloneNode(true);
  section.dataset.name = name;
  const title = section.querySelector("h2");
  title.textContent = name;
  title.id = `group-${name}`;
  section.setAttribute("aria-labelledby", title.id);
  for (const of of section.querySelectorAll(".of")) of.textContent = ` ${name}`;
  section.querySelector(".in-group").href = `${base}admin?group=${encodeURIComponent(name)}`;
  const field = section.querySelector(".join input");
  field.id = `join-${name}`;
  const label = section.querySelector(".join label");
  label.htmlFor = field.id;
  label.textContent = _("Users to add to {group}", { group: name });
  return section;
}

function draw(section, group) {
  const members = group.users ?? [];
  const most = unfolded.has(group.name) ? members.length : SHOWN;
  const chips = members.slice(0, most).map((user) => chip(group.name, user));
  if (members.length > most) chips.push(rest(group.name, members.length - most));
  const within = section.querySelector(".members");
  const had = within.contains(document.activeElement);
  within.replaceChildren(...chips);
  within.hidden = members.length === 0;
  if (had) (within.querySelector("button") ?? section.querySelector(".join input")).focus();
  section.members = members;
  const roles = section.querySelector(".roles");
  roles.hidden = false;
  roles.textContent = [ngettext("{number} member", "{number} members", members.length), group.roles?.length ? _("roles: {names}", { names: group.roles.join(", ") }) : ""]
    .filter(Boolean)
    .join(" · ");
  const properties = section.querySelector(".properties");
  const has = Object.keys(group.properties ?? {}).length > 0;
  properties.hidden = !has;
  if (has) properties.querySelector("pre").textContent = JSON.stringify(group.properties, null, 2);
  return section;
}

function chip(group, user) {
  const item = document.createElement("li");
  item.append(user);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "leave";
  button.dataset.user = user;
  button.ariaLabel = _("Remove {user} from {group}", { user, group });
  button.textContent = "×";
  item.append(button);
  return item;
}

function rest(group, number) {
  const item = document.createElement("li");
  item.className = "plain";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rest link";
  button.textContent = ngettext("and {number} more", "and {number} more", number);
  button.addEventListener("click", async () => {
    unfolded.add(group);
    await load();
    announce(_("All members of {group} are shown.", { group }));
  });
  item.append(button);
  return item;
}

search.form.addEventListener("submit", (event) => event.preventDefault());
search.addEventListener("input", () => {
  address.write({ name_filter: search.value.trim(), offset: "0" }, { typing: true });
  load();
});

// --- what can be done ---

function act(button, job) {
  return working(button, async () => {
    await job();
    await load();
  });
}

list.addEventListener("click", async (event) => {
  const section = event.target.closest(".group");
  const name = section?.dataset.name;
  const leaving = event.target.closest(".leave");
  if (leaving) {
    await act(leaving, async () => {
      const users = [leaving.dataset.user];
      await call("DELETE", `${path(name)}/users`, { users });
      say(_("{user} has left {group}.", { user: leaving.dataset.user, group: name }), { act: () => join(name, users) });
    });
  } else if (event.target.closest(".delete-group")) {
    const ends = _("What they had through it ends.");
    const who = section.members.length ? _("Its members stay: {names}.", { names: some(section.members) }) : "";
    if (await ask(_("Delete the group {group}?", { group: name }), `${who} ${ends}`.trim(), _("Delete"))) {
      await act(event.target.closest(".delete-group"), async () => {
        await call("DELETE", path(name));
        say(_("The group {group} is deleted.", { group: name }));
      });
    }
  }
});

list.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = event.target.closest(".group").dataset.name;
  const field = event.target.querySelector("input");
  const { members } = event.target.closest(".group");
  await act(event.target.querySelector("button"), async () => {
    const users = namesIn(field.value);
    const fresh = users.filter((user) => !members.includes(user)); // as they are called here
    await call("POST", `${path(name)}/users`, { users });
    field.value = "";
    say(_("{names} joined {group}.", { names: some(users), group: name }), fresh.length ? { act: () => leave(name, fresh) } : null);
  });
});

// --- and taken back ---

async function join(name, users) {
  await call("POST", `${path(name)}/users`, { users });
  say(_("{names} joined {group} again.", { names: some(users), group: name }));
  await load();
}

async function leave(name, users) {
  await call("DELETE", `${path(name)}/users`, { users });
  say(_("{names} left {group} again.", { names: some(users), group: name }));
  await load();
}

document.getElementById("new-group")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = document.getElementById("new-group-name");
  const users = namesIn(document.getElementById("new-group-users").value);
  await act(event.target.querySelector("button"), async () => {
    await call("POST", path(name.value.trim()), { users });
    say(_("{name} is added.", { name: name.value.trim() }));
    event.target.reset();
    name.focus();
  });
});

await load();
follow(streamOf(base, ["group", "role", "user.deleted", "user.renamed"]), sheet.dataset.position, load);

// Where servers run, and what runs there although no server knows it. Both are read anew now and then.

import { call } from "./api.js";
import { lamp } from "./lamp.js";
import { _, ngettext } from "./texts.js";

const EVERY = 10000;

function cell(label, text) {
  const made = document.createElement("td");
  made.dataset.label = label;
  made.textContent = text;
  return made;
}

function row(name, ...cells) {
  const head = document.createElement("th");
  head.scope = "row";
  head.className = "name";
  head.textContent = name;
  const made = document.createElement("tr");
  made.append(head, ...cells);
  return made;
}

function fill(table, rows) {
  const element = document.getElementById(table);
  element.tBodies[0].replaceChildren(...rows);
  element.ariaBusy = "false";
}

function stateOf(engine) {
  const shown = cell(_("State"), "");
  shown.append(lamp(engine.trouble ? "failed" : "ready", engine.trouble || _("Answers")));
  return shown;
}

const engineRow = (engine) => row(engine.title, stateOf(engine), cell(_("Strays"), String(engine.strays)));

function whose(stray) {
  if (stray.user === null) return _("Not of this log, or without a true mark");
  const name = stray.server ? `${stray.user}/${stray.server}` : stray.user;
  return stray.whose === "later" ? _("{name}, by a later state of this log", { name }) : name;
}

const endsIn = (seconds) => ngettext("Ends in {number} second", "Ends in {number} seconds", seconds);

function fate(stray) {
  if (stray.ends_in === null) return _("Left alone");
  return stray.ends_in > 0 ? endsIn(Math.ceil(stray.ends_in)) : _("Is being ended");
}

const strayRow = (stray) =>
  row(stray.spawn_id, cell(_("Engine"), stray.engine), cell(_("Whose"), whose(stray)), cell(_("What becomes of it"), fate(stray)));

async function showStrays() {
  if (!document.getElementById("strays")) return;
  const strays = await call("GET", "strays");
  fill("stray-table", strays.map(strayRow));
  document.getElementById("stray-table").hidden = strays.length === 0;
  document.getElementById("no-strays").hidden = strays.length > 0;
}

async function show() {
  const trouble = document.getElementById("engines-trouble");
  try {
    fill("engine-table", (await call("GET", "engines")).map(engineRow));
    await showStrays();
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
}

await show();
setInterval(show, EVERY);

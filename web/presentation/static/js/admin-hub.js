// The page of the hub itself: what runs here, and its end.

import { call } from "./api.js";
import { ask } from "./ask.js";
import { announce } from "./said.js";
import { _ } from "./texts.js";
import { working } from "./working.js";

const facts = document.getElementById("hub-facts");

function fact(name, value) {
  const term = document.createElement("dt");
  term.textContent = name;
  const text = document.createElement("dd");
  text.textContent = value;
  return [term, text];
}

const limit = (number) => (number === null ? _("by a function, for each user") : number === 0 ? _("no limit") : String(number));

const perUser = (number) => (number ? _("{number} for each user", { number }) : limit(number));

function shown(info) {
  const { config } = info;
  return [
    [_("Version"), _("Callboard {own}, API of JupyterHub {theirs}", { own: info.callboard_version, theirs: info.version })],
    ["Python", `${info.python.split(" ")[0]}, ${info.sys_executable}`],
    [_("Spawner"), info.spawner.class],
    [_("Authenticator"), info.authenticator.class],
    [_("Base URL"), config.base_url],
    [_("Starts at once"), limit(config.concurrent_spawn_limit)],
    [_("Servers at once"), limit(config.active_server_limit)],
    [_("Named servers"), config.allow_named_servers ? perUser(config.named_server_limit_per_user) : _("off")],
  ].flatMap(([name, value]) => fact(name, value));
}

try {
  facts.replaceChildren(...shown(await call("GET", "hub/info")));
} catch (error) {
  const trouble = document.getElementById("trouble");
  trouble.textContent = error.message;
  trouble.hidden = false;
}
facts.ariaBusy = "false";

// --- its end, asked twice ---

const form = document.getElementById("shutdown");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const servers = document.getElementById("end-servers").checked;
  const proxy = document.getElementById("end-proxy").checked;
  const people = servers ? _("Everybody's servers are stopped; what is not saved in them is lost.") : _("Servers go on.");
  const reach = proxy ? _("Nothing is reachable then.") : _("The proxy goes on: servers that run stay reachable.");
  if (!(await ask(_("Shut the hub down?"), `${people} ${reach}`, _("Shut down")))) return;
  const again = _("It does not come back by itself: somebody has to start it again.");
  if (!(await ask(_("Really?"), again, _("Yes, shut it down now")))) return;
  const said = document.getElementById("shutdown-said");
  await working(form.querySelector("button"), async () => {
    await call("POST", "shutdown", { servers, proxy });
    form.hidden = true;
    said.textContent = _("The hub is shutting down. This page works again when the hub does.");
    said.hidden = false;
    announce(said.textContent);
  });
});

// The page of services and routes.

import { Address } from "./address.js";
import { base, call } from "./api.js";
import { streamOf } from "./changes.js";
import { follow } from "./events.js";
import { lamp } from "./lamp.js";
import { Pager, fetchPage } from "./paged.js";
import { say } from "./said.js";
import { _, withElements } from "./texts.js";
import { showTimes } from "./time.js";
import { working } from "./working.js";

const WORDS = {
  running: ["ready", _("Running")],
  stopped: ["stopped", _("Stopped")],
  failed: ["failed", _("Failed")],
  unknown: ["stopped", _("Not looked after by the hub")],
};

const limit = document.getElementById("routes").dataset.limit;
const address = new Address({ offset: "0" }, () => loadRoutes());

function cell(label, ...content) {
  const made = document.createElement("td");
  made.dataset.label = label;
  made.append(...content);
  return made;
}

function head(text) {
  const made = document.createElement("th");
  made.scope = "row";
  made.className = "name";
  made.textContent = text;
  return made;
}

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

function code(text) {
  const made = document.createElement("code");
  made.textContent = text;
  return made;
}

function fill(table, rows) {
  const element = document.getElementById(table);
  element.tBodies[0].replaceChildren(...rows);
  element.ariaBusy = "false";
  showTimes(element);
}

async function attempt(trouble, job) {
  const alert = document.getElementById(trouble);
  try {
    await job();
    alert.hidden = true;
  } catch (error) {
    alert.textContent = error.message;
    alert.hidden = false;
  }
}

// --- services ---

function stateOf(service) {
  const [state, word] = WORDS[service.status] ?? ["stopped", _("Not known")];
  return lamp(state, service.pid ? _("{state} (process {pid})", { state: word, pid: String(service.pid) }) : word);
}

function serviceRow(service) {
  const address = document.createElement("span");
  if (service.url) {
    const link = document.createElement("a");
    link.href = service.prefix;
    link.textContent = service.prefix;
    address.append(...withElements(_("{prefix} from {url}"), { prefix: link, url: code(service.url) }));
  } else {
    address.textContent = _("none");
  }
  const roles = [...(service.admin ? [_("administrator")] : []), ...(service.roles ?? [])].join(", ");
  return row(head(service.name), cell("", stateOf(service)), cell(_("Address"), address), cell(_("Roles"), roles || _("none")));
}

const loadServices = () =>
  attempt("services-trouble", async () => {
    const services = Object.values(await call("GET", "services")).sort((one, other) => one.name.localeCompare(other.name));
    fill("service-table", services.map(serviceRow));
    document.getElementById("no-services").hidden = services.length > 0;
  });

// --- routes ---

const pager = new Pager(_("No routes"), (to) => {
  address.write({ offset: String(to) });
  loadRoutes();
});

function whose(data) {
  if (data.hub) return _("the hub");
  if (data.service) return _("the service {name}", { name: data.service });
  if (data.user) return data.server_name ? `${data.user}/${data.server_name}` : data.user;
  return _("added by hand");
}

function lastUsed(data) {
  if (!data.last_activity || data.last_activity.startsWith("0001")) return _("never");
  const time = document.createElement("time");
  time.dateTime = data.last_activity;
  return time;
}

const routeRow = ({ routespec, target, data }) =>
  row(
    cell(_("From"), code(routespec)),
    cell(_("To"), code(target)),
    cell(_("Whose"), whose(data ?? {})),
    cell(_("Last used"), lastUsed(data ?? {})),
  );

const loadRoutes = () =>
  attempt("routes-trouble", async () => {
    const { items, _pagination } = await fetchPage("proxy", { ...address.read(), limit });
    const routes = Object.values(items);
    fill("route-table", routes.map(routeRow));
    pager.show(_pagination, routes.length);
  });

const check = document.getElementById("check-routes");
check.addEventListener("click", () =>
  working(check, () =>
    attempt("routes-trouble", async () => {
      await call("POST", "proxy");
      await loadRoutes();
      say(_("The proxy has all these routes."));
    }),
  ),
);

await Promise.all([loadServices(), loadRoutes()]);
const position = document.getElementById("services").dataset.position;
follow(streamOf(base, ["service", "route", "server.spawn-answered", "server.stop-requested", "server.died"]), position, () => {
  loadServices();
  loadRoutes();
});

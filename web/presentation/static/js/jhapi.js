// `require(["jhapi"], ...)`: the REST API as scripts written for JupyterHub's pages call it.
//
// Each method takes options last: `success(answer)` and `error(xhr, "error", phrase)`, of which `xhr.status`,
// `xhr.responseJSON` and `xhr.responseText` are there; without `error`, what went wrong is said at the bottom of the page.

define([], () => {
  "use strict";

  const METHODS = {
    start_server: ["POST", (user) => ["users", user, "server"]],
    start_named_server: ["POST", (user, server) => ["users", user, "servers", server]],
    create_named_server: ["PUT", (user, server) => ["users", user, "servers", server]],
    stop_server: ["DELETE", (user) => ["users", user, "server"]],
    stop_named_server: ["DELETE", (user, server) => ["users", user, "servers", server]],
    delete_named_server: ["DELETE", (user, server) => ["users", user, "servers", server], () => ({ remove: true })],
    list_users: ["GET", () => ["users"]],
    get_user: ["GET", (user) => ["users", user]],
    add_users: ["POST", () => ["users"], (usernames, more) => ({ ...more, usernames })],
    edit_user: ["PATCH", (user) => ["users", user], (user, changes) => changes],
    admin_access: ["POST", (user) => ["users", user, "admin-access"]],
    delete_user: ["DELETE", (user) => ["users", user]],
    request_token: ["POST", (user) => ["users", user, "tokens"], (user, asked) => asked],
    revoke_token: ["DELETE", (user, token) => ["users", user, "tokens", token]],
    shutdown_hub: ["POST", () => ["shutdown"], (asked) => asked],
  };

  function say(text) {
    const notice = document.getElementById("notice");
    if (notice) notice.textContent = text;
    else window.alert(text);
  }

  function parsed(text) {
    try {
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  function refused(options, xhr, phrase) {
    if (options.error) options.error(xhr, "error", phrase);
    else say(xhr.responseJSON?.message ?? `The hub could not do this: ${phrase || xhr.status}.`);
  }

  class JHAPI {
    constructor(baseUrl) {
      this.base_url = baseUrl;
      this.xsrf_token = window.jhdata.xsrf_token;
    }

    // `path`: below the API, escaped. `options.data`: JSON, as text or as an object.
    async api_request(path, options = {}) {
      const { data } = options;
      let response;
      try {
        response = await fetch(`${this.base_url}api/${path}`, {
          method: options.type ?? "GET",
          credentials: "same-origin",
          headers: { "X-XSRFToken": this.xsrf_token, "Content-Type": "application/json" },
          body: data === undefined || typeof data === "string" ? data : JSON.stringify(data),
        });
      } catch {
        refused(options, { status: 0, responseText: "" }, "The hub cannot be reached");
        return;
      }
      const text = await response.text();
      const xhr = { status: response.status, responseText: text, responseJSON: parsed(text) };
      if (response.ok) options.success?.(xhr.responseJSON, "success", xhr);
      else refused(options, xhr, response.statusText);
    }
  }

  for (const [name, [type, path, body]] of Object.entries(METHODS)) {
    const named = Math.max(path.length, body?.length ?? 0);
    JHAPI.prototype[name] = function (...given) {
      const options = given[named] ?? {};
      const pieces = path(...given).map(encodeURIComponent);
      const data = options.data ?? body?.(...given);
      return this.api_request(pieces.join("/"), { ...options, type, data });
    };
  }
  return JHAPI;
});

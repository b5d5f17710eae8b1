// `require(["not_running"])`, as templates written for JupyterHub begin the page of a server that does not run.
define([], () => import("./not-running.js"));

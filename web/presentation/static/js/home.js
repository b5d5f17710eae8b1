// `require(["home"])`, as templates written for JupyterHub begin the home page.
define([], () => import("./my-servers.js"));

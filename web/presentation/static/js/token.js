// `require(["token"])`, as templates written for JupyterHub begin the page of tokens.
define([], () => import("./tokens.js"));

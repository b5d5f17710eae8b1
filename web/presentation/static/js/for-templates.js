// What scripts of an administrator's templates expect to be there while the page is being read: its data, and where
// RequireJS finds modules.
"use strict";
{
  const { scripts, version } = document.currentScript.dataset;
  window.jhdata = JSON.parse(document.getElementById("jhdata").textContent);
  window.require?.config?.({
    baseUrl: scripts,
    urlArgs: `v=${version}`,
    paths: { components: "../components", jquery: "../components/jquery/dist/jquery.min" },
  });
}

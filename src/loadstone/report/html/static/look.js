"use strict";
// Light and dark: the system's choice until somebody switches; kept for the next page where the browser allows that.
globalThis.Report = globalThis.Report || {};
(function (R) {
  const root = document.documentElement;
  const KEY = "loadstone-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let watchers = [];
  let printing = false;

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a page from a file may be refused it
    }
  }

  function theme() {
    if (printing) return "light";
    return root.dataset.theme || (dark.matches ? "dark" : "light");
  }

  function tell() {
    const button = document.getElementById("theme");
    button.textContent = theme() === "dark" ? "Light" : "Dark";
    for (const see of watchers) see(theme());
  }

  function choose(name) {
    root.dataset.theme = name;
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // not kept, then
    }
    tell();
  }

  function print(begins) {
    printing = begins;
    if (begins) {
      root.dataset.before = root.dataset.theme || "";
      root.dataset.theme = "light";
    } else {
      if (root.dataset.before) root.dataset.theme = root.dataset.before;
      else delete root.dataset.theme;
      delete root.dataset.before;
    }
    tell();
  }

  root.classList.add("scripted");
  const before = stored();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  document.getElementById("theme").addEventListener("click", () => choose(theme() === "dark" ? "light" : "dark"));
  dark.addEventListener("change", tell);
  addEventListener("afterprint", () => print(false));
  tell();

  Object.assign(R, { theme, onTheme: (see) => watchers.push(see), print });
})(globalThis.Report);

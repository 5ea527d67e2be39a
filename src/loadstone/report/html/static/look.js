"use strict";
// Light and dark: the system's choice until somebody switches; kept for the next page where the browser allows that.
globalThis.Report = globalThis.Report || {};
(function (R) {
  const root = document.documentElement;
  const KEY = "loadstone-theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const watchers = [];
  let chosen = "";
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
    return chosen || (dark.matches ? "dark" : "light");
  }

  // Charts read the theme from the page, so that it stands there also while it is the system's.
  function tell() {
    root.dataset.theme = theme();
    document.getElementById("theme").textContent = theme() === "dark" ? "Light" : "Dark";
    for (const see of watchers) see(theme());
  }

  function choose(name) {
    chosen = name;
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // not kept, then
    }
    tell();
  }

  function print(begins) {
    printing = begins;
    root.classList.toggle("printing", begins); // charts are drawn for the width of the paper before it is laid out
    tell();
  }

  root.classList.add("scripted");
  chosen = ["dark", "light"].includes(stored()) ? stored() : "";
  document.getElementById("theme").addEventListener("click", () => choose(theme() === "dark" ? "light" : "dark"));
  dark.addEventListener("change", tell);
  addEventListener("afterprint", () => print(false));
  tell();

  Object.assign(R, { theme, onTheme: (see) => watchers.push(see), print });
})(globalThis.Report);

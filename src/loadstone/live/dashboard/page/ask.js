"use strict";
// What pages of a dashboard have in common: posting, building elements from text, the theme.
const Dashboard = (() => {
  const post = async (path, body) => {
    const response = await fetch(path, {
      method: "POST", headers: { "X-Loadstone": "1", "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    try { return await response.json(); } catch { return { done: false, text: `the dashboard answered ${response.status}` }; }
  };
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) { made.className = className; }
    if (text !== undefined) { made.textContent = text; }
    return made;
  };
  const stored = (() => { try { return localStorage.getItem("loadstone.theme"); } catch { return null; } })();
  const media = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (media.matches ? "dark" : "light");
  if (stored === "dark" || stored === "light") { document.documentElement.dataset.theme = stored; }
  const onTheme = [];
  const turn = () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("loadstone.theme", theme()); } catch { /* a browser that keeps nothing */ }
    onTheme.forEach((call) => call());
  };
  media.addEventListener("change", () => onTheme.forEach((call) => call()));
  addEventListener("DOMContentLoaded", () => document.getElementById("theme")?.addEventListener("click", turn));
  return { post, element, theme, onTheme };
})();

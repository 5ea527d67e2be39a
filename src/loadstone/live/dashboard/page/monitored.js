"use strict";
// What a monitor kept, as charts: those of a run, each drawn when somebody can see it.
addEventListener("DOMContentLoaded", async () => {
  const { element, theme, onTheme } = Dashboard, place = document.getElementById("charts");
  if (!place) { return; }
  const response = await fetch(place.dataset.from);
  if (!response.ok) { place.append(element("p", "card bad", `the dashboard answered ${response.status}`)); return; }
  const run = new Loadstone.Run(await response.json()), drawn = new Map();
  let window_s = null;
  const draw = (room, chart) => chart.draw(room, run, { theme: theme(), filter: { step: null, tags: {} }, overlays: [], live: true, window: window_s, onWindow });
  const again = () => { for (const [room, chart] of drawn) { draw(room, chart); } };
  const onWindow = (from_s, to_s) => { window_s = from_s === null ? null : [from_s, to_s]; again(); };
  const waiting = new Map();
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting || drawn.has(target)) { continue; }
      drawn.set(target, waiting.get(target));
      draw(target, waiting.get(target));
      seen.unobserve(target);
    }
  }, { rootMargin: "200px" });
  const groups = new Map();
  const OWN = /^metric:generator/; // of the load generator's inside, which a run's own page has for who looks for it
  for (const chart of Loadstone.chartsFor(run).filter((each) => !OWN.test(each.name))) {
    const name = chart.group || "";
    if (!groups.has(name)) {
      const group = element("section", "group");
      group.append(element("h2", "", name));
      place.append(group);
      groups.set(name, group);
    }
    const figure = element("figure", "card chart"), room = element("div", "room");
    figure.dataset.chart = chart.name;
    figure.append(element("figcaption", "", chart.title), room);
    groups.get(name).append(figure);
    waiting.set(room, chart);
    seen.observe(room);
  }
  onTheme.push(again);
});

"use strict";
// Pages of kept runs: forms that change something, and the picture of a trend.
addEventListener("DOMContentLoaded", () => {
  const say = (text, kind) => {
    const place = document.getElementById("answer");
    place.textContent = text;
    place.className = kind;
  };
  const done = sessionStorage.getItem("loadstone.answer");
  if (done) { say(done, "card"); sessionStorage.removeItem("loadstone.answer"); }
  for (const form of document.querySelectorAll("form[data-post]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (form.dataset.sure && !confirm(form.dataset.sure)) { return; }
      const answer = await Dashboard.post(form.dataset.post, Object.fromEntries(new FormData(form)));
      if (!answer.done) { say(answer.text, "card bad"); return; }
      sessionStorage.setItem("loadstone.answer", answer.text); // what was done stands below what it has become
      location.reload();
    });
    for (const button of form.querySelectorAll("button")) { button.disabled = false; } // before, the browser would send the form by itself
  }
  const draw = () => {
    const style = getComputedStyle(document.body), colour = (name) => style.getPropertyValue(`--${name}`).trim();
    for (const place of document.querySelectorAll("[data-trend]")) {
      const told = JSON.parse(place.dataset.trend), at = told.runs.map((_, index) => index);
      const escape = (text) => String(text).replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]);
      const line = (x0, x1, y0, y1, more) => ({ type: "line", x0, x1, y0, y1, line: more });
      const changes = told.changes.map((each) => told.runs.indexOf(each.run)).filter((index) => index > 0);
      const shapes = changes.map((index, which) => ({ ...line(index - 0.5, index - 0.5, 0, 1, { color: told.changes[which].worse ? colour("bad") : colour("good"), width: 2, dash: "dot" }), yref: "paper" }));
      if (told.limit !== null) { shapes.push({ ...line(0, 1, told.limit, told.limit, { color: colour("bad"), width: 1.5, dash: "dash" }), xref: "paper" }); }
      // The line through the runs since the last change and on, with its band: runs to come stand after the newest one.
      const first = told.runs.length - told.ahead.filter((each) => each.days <= 0).length, xs = told.ahead.map((_, index) => first + index);
      const edge = (name, more) => ({ x: xs, y: told.ahead.map((each) => each[name]), mode: "lines", line: { width: 0, color: colour("soft") }, hoverinfo: "skip", ...more });
      const ahead = told.ahead.length ? [edge("low", {}), edge("high", { fill: "tonexty" }), edge("level", { line: { width: 2, dash: "dot", color: colour("soft") }, hoverinfo: "y", name: "where it leads" })] : [];
      Plotly.react(place, [...ahead, { x: at, y: told.values, mode: "lines+markers", line: { color: colour("accent"), width: 2 }, marker: { size: 7 }, hovertemplate: "%{text}<br>%{y:.6g} " + escape(told.unit) + "<extra></extra>", text: told.runs.map(escape) }],
        { shapes, showlegend: false, margin: { l: 60, r: 15, t: 15, b: 40 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: colour("soft"), family: "system-ui, sans-serif" }, xaxis: { title: { text: "runs, the newest last" }, gridcolor: colour("line"), zeroline: false, tickformat: "d", showticklabels: false }, yaxis: { title: { text: escape(told.unit) }, gridcolor: colour("line"), rangemode: "tozero", zeroline: false } },
        { displayModeBar: false, responsive: true });
    }
  };
  if (window.Plotly) { draw(); Dashboard.onTheme.push(draw); }
});

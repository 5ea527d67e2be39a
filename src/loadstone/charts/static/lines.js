"use strict";
// Lines over time: one value for each stretch, gaps left open, the lines named at their ends, overlays of other runs dashed.
(function (L) {
  const F = L.format, P = L.frame;
  const DASHES = ["dash", "dot", "dashdot", "longdash", "longdashdot"];
  // How another run looks in every chart and in a legend: the number of its colour, and its dashes.
  L.overlay = (index) => ({ number: String(((index + 3) % 6) + 1), dash: DASHES[index % DASHES.length] });
  const MOST_LINES = 6;
  const MOMENT_S = 0.25; // the last 2 ms of a run are no rate per second, no percentile beside whole seconds, and too short for a reading

  // The statistic of a metric over some totals: p50 … p99.9, mean, rate, share; of levels mean, last, least, greatest.
  function statistic(totals, metric, stat, tags) {
    if (/^p\d/.test(stat)) return totals.quantile(metric, Number(stat.slice(1)) / 100, tags);
    if (stat === "rate") return rate(totals, metric, tags);
    if (stat === "share") return totals.share(metric, tags);
    const level = totals.level(metric, tags);
    if (level) return level[stat];
    return stat === "mean" ? totals.mean(metric, tags) : null;
  }

  // Where the whole was counted and its part was not, the part is 0; elsewhere there is no value.
  function rate(totals, metric, tags) {
    const found = totals.rate(metric, tags);
    if (found !== null) return found;
    const of = (totals.run.metrics[metric] || {}).share_of;
    return of && totals.count(of) && totals.seconds > 0 ? 0 : null;
  }

  // Tags of a line and of the filter, without those that no series of the metric carries: a processor has no steps.
  function wanted(run, metric, options, tags = {}) {
    const { tags: more, ...own } = options.filter || {};
    const kept = Object.entries({ ...own, ...more }).filter(([key, value]) => value && run.values(key, metric).length);
    return { ...Object.fromEntries(kept), ...tags };
  }

  function column(run, line, options) {
    const tags = wanted(run, line.metric, options, line.tags);
    const xs = [], ys = [], beyond = [];
    let before = null;
    run.stretches.forEach((stretch, index) => {
      const seconds = stretch.end_s - stretch.start_s;
      if (before && stretch.start_s - before.end_s > Math.max(1.5, seconds)) {
        xs.push((before.end_s + stretch.start_s) / 2);
        ys.push(null);
      }
      before = stretch;
      const at = (stretch.start_s + stretch.end_s) / 2;
      const found = statistic(run.each()[index], line.metric, line.stat, tags);
      const moment = seconds < MOMENT_S && run.end_s > 4 * MOMENT_S;
      if (moment && found !== Infinity && (found === null || run.kind(line.metric) !== "gauge")) return;
      if (found === Infinity) beyond.push(at);
      xs.push(at);
      ys.push(found === null || !Number.isFinite(found) ? null : found * (line.times || 1));
    });
    return { xs, ys, beyond };
  }

  // spec(run, options): {unit, log, zero, lines: [{metric, stat, label, colour, tags, band, times, main}]}, or null: no data.
  function draw(element, run, options, spec) {
    return P.show(element, (colour) => figure(element, run, options, spec(run, options), colour), options);
  }

  function figure(element, run, options, chart, colour) {
    if (!chart) return null;
    const found = chart.lines.slice(0, 3 * MOST_LINES).map((line, index) => ({
      ...line, ...column(run, line, options), paint: colour(line.colour || String((index % 6) + 1)), dash: line.dash || "solid", width: 2,
    })).filter((line) => line.ys.some((y) => y !== null) || line.beyond.length);
    if (found.length === 0) return null;
    const lines = [...overlaid(chart, options, colour), ...found];
    const [from, to] = P.span(run, options);
    const { low, high } = bounds(lines, chart, from, to, run, options);
    const layout = P.timeLayout(element, run, options, colour, { low, high, log: chart.log, unit: chart.unit });
    name(element, layout, lines, from, to, colour);
    for (const slope of chart.slopes || []) layout.annotations.push(slopeText(slope, colour));
    const traces = [
      ...found.filter((line) => line.band).flatMap((line) => band(run, line, options)),
      ...lines.map(trace),
      ...(chart.slopes || []).map((slope) => slopeTrace(slope, colour)),
      ...beyondTrace(found, colour),
      ...P.markTrace(run, colour),
      readout(run, found, chart),
    ];
    return { traces, layout, overTime: true };
  }

  function overlaid(chart, options, colour) {
    const main = chart.lines.find((line) => line.main) || chart.lines[chart.lines.length - 1];
    return (options.overlays || []).slice(0, 5).map((other, index) => ({
      ...main, ...column(other, main, options), label: `${other.name || other.id || "other run"} ${main.label}`,
      paint: colour(L.overlay(other.place ?? index).number), dash: L.overlay(other.place ?? index).dash, width: 1.6, band: false,
    })).filter((line) => line.ys.some((y) => y !== null));
  }

  function bounds(lines, chart, from, to, run, options) {
    let low = Infinity, high = -Infinity;
    const see = (y) => {
      if (y === null || (chart.log && y <= 0)) return;
      low = Math.min(low, y);
      high = Math.max(high, y);
    };
    for (const line of lines) line.ys.forEach((y, index) => line.xs[index] >= from && line.xs[index] <= to && see(y));
    for (const line of lines.filter((one) => one.band)) for (const end of ends(run, line, options)) if (end.x >= from && end.x <= to) see(end.high);
    if (high === -Infinity) return chart.log ? { low: 1, high: 10 } : { low: 0, high: 1 };
    if (chart.log) return { low: low / 1.25, high: Math.max(high * 1.25, low * 2) };
    // Levels far from zero that hardly move would be flat lines at the top.
    if (chart.zero === false && high - low < 0.5 * high) return { low: low - Math.max(0.15 * (high - low), 0.002 * Math.abs(high)), high: high + Math.max(0.05 * (high - low), 0.002 * Math.abs(high)) };
    return { low: Math.min(0, low), high: high > 0 ? high : 1 };
  }

  const trace = (line) => ({
    type: "scatter", mode: "lines+markers", x: line.xs, y: line.ys, connectgaps: false,
    line: { color: line.paint, width: line.width, dash: line.dash, shape: "linear", simplify: true },
    marker: { size: alone(line.ys), color: line.paint, line: { width: 0 } }, hoverinfo: "skip",
  });

  // A value with none before and none after it has no line: it gets a point.
  const alone = (ys) => ys.map((y, index) => (y !== null && (ys[index - 1] ?? null) === null && (ys[index + 1] ?? null) === null ? 5 : 0));

  function ends(run, line, options) {
    const tags = wanted(run, line.metric, options, line.tags);
    return run.stretches.map((stretch, index) => {
      const level = run.each()[index].level(line.metric, tags), times = line.times || 1;
      return { x: (stretch.start_s + stretch.end_s) / 2, low: level && level.least * times, high: level && level.greatest * times };
    });
  }

  // From the least to the greatest reading; only where they differ.
  function band(run, line, options) {
    const points = ends(run, line, options).filter((one) => one.high !== null);
    if (!points.some((one) => one.high > one.low)) return [];
    const side = (end, fill) => ({
      type: "scatter", mode: "lines", x: points.map((one) => one.x), y: points.map((one) => one[end]), line: { width: 0 }, fill, fillcolor: L.faded(line.paint, 0.18), hoverinfo: "skip",
    });
    return [side("low", "none"), side("high", "tonexty")];
  }

  // Values longer than anything recorded have no place on the axis: triangles at its upper end.
  function beyondTrace(lines, colour) {
    const points = lines.flatMap((line) => line.beyond.map((at) => [at, line]));
    if (points.length === 0) return [];
    return [{
      type: "scatter", mode: "markers", yaxis: "y2", x: points.map(([at]) => at), y: points.map(() => 0.985), cliponaxis: false,
      marker: { symbol: "triangle-up", size: 8, color: points.map(([, line]) => line.paint), line: { width: 1, color: colour("panel") } },
      hoverinfo: "text", hovertext: points.map(([at, line]) => `${F.clock(at)} ${F.plain(line.label)} is longer than anything recorded`),
    }];
  }

  const slopeTrace = (slope, colour) => ({
    type: "scatter", mode: "lines", x: slope.xs, y: slope.ys, line: { color: colour("bad"), width: 1.5, dash: "dash" }, hoverinfo: "text", hovertext: F.plain(slope.text),
  });

  // On paper nobody hovers.
  const slopeText = (slope, colour) => ({
    x: (slope.xs[0] + slope.xs[1]) / 2, y: (slope.ys[0] + slope.ys[1]) / 2, xref: "x", yref: "y", yshift: -14, xanchor: slope.ys[1] < slope.ys[0] ? "right" : "left", yanchor: "top", showarrow: false,
    text: F.plain(slope.text), font: { size: 11.5, color: colour("bad") },
  });

  // One label for all lines at a time, in the order of the chart.
  function readout(run, lines, chart) {
    const xs = [...new Set(lines.flatMap((line) => line.xs))].sort((one, other) => one - other);
    const values = lines.map((line) => new Map(line.xs.map((at, index) => [at, line.ys[index]])));
    const told = xs.map((at) => lines.map((line, index) => [line, values[index].get(at) ?? null]).filter(([, y]) => y !== null));
    const texts = xs.map((at, index) => [
      `<b>${F.clock(at)}</b>`,
      ...told[index].map(([line, y]) => `<span style="color:${line.paint}">■</span> ${F.plain(line.label, 40)}  ${F.plain(F.value(y, chart.unit))}`),
    ].join("<br>"));
    const top = told.map((found) => Math.max(-Infinity, ...found.map(([, y]) => y)));
    return { type: "scatter", mode: "markers", x: xs, y: top.map((y) => (y === -Infinity ? null : y)), marker: { size: 14, opacity: 0 }, hoverinfo: "text", hovertext: texts };
  }

  // Names at the ends of lines, moved apart; above the chart where there is no room beside it.
  function name(element, layout, lines, from, to, colour) {
    const wide = (element.clientWidth || 800) >= P.NARROW;
    const { range, type } = layout.yaxis;
    const pixels = layout.height - layout.margin.t - layout.margin.b;
    if (!wide || lines.length > MOST_LINES * 2) {
      const text = lines.map((line) => `<span style="color:${line.paint}">${line.dash === "solid" ? "━" : "╍"}</span> ${F.plain(line.label, 24)}`);
      const rows = L.rows(text, lines.map((line) => Math.min(24, line.label.length)), (element.clientWidth || 800) - layout.margin.l - layout.margin.r);
      const phases = layout.annotations.length ? 15 : 0; // their names stand between
      layout.margin.t = 10 + phases + 16 * rows.length;
      layout.annotations.push({ x: 0, y: 1, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", yshift: 3 + phases, showarrow: false, align: "left", text: rows.join("<br>"), font: { size: 11.5, color: colour("ink") } });
      return;
    }
    const labels = lines.map((line) => {
      let last = null;
      line.ys.forEach((y, index) => { if (y !== null && line.xs[index] >= from && line.xs[index] <= to) last = y; });
      if (last === null) return null;
      const at = type === "log" ? Math.log10(Math.max(last, 1e-12)) : last;
      return { line, place: Math.min(1, Math.max(0, (at - range[0]) / (range[1] - range[0]))) * pixels };
    }).filter(Boolean).sort((one, other) => one.place - other.place);
    labels.forEach((label, index) => { if (index && label.place < labels[index - 1].place + 15) label.place = labels[index - 1].place + 15; });
    for (let index = labels.length - 1, most = pixels + 6; index >= 0; index -= 1, most -= 15) labels[index].place = Math.min(labels[index].place, most);
    const longest = Math.max(0, ...labels.map(({ line }) => Math.min(22, line.label.length)));
    layout.margin.r = Math.max(40, 20 + 7.3 * longest);
    for (const { line, place } of labels)
      layout.annotations.push({ x: 1, y: 0, xref: "paper", yref: "paper", xanchor: "left", yanchor: "middle", xshift: 7, yshift: place, showarrow: false, text: F.plain(line.label, 22), font: { size: 12, color: line.paint } });
  }

  // A line for each value of a tag, those with most samples first; one line for all where there is one value or none.
  function by(run, metric, stat, tag, options, line = {}) {
    const values = run.values(tag, metric, wanted(run, metric, options));
    if (values.length <= 1) return [{ metric, stat, label: values[0] || stat, ...line }];
    const totals = run.window();
    const size = (value) => totals.count(metric, { [tag]: value }) || 0;
    return values.sort((one, other) => size(other) - size(one)).slice(0, MOST_LINES).map((value) => ({ metric, stat, label: value, ...line, colour: undefined, tags: { ...(line.tags || {}), [tag]: value } }));
  }

  // Entries of a legend in as few rows as their numbers of letters allow.
  L.rows = (texts, letters, pixels) => {
    const rows = [[]];
    let used = 0;
    texts.forEach((text, index) => {
      const width = 6.4 * letters[index] + 32;
      if (used && used + width > pixels) {
        rows.push([]);
        used = 0;
      }
      rows[rows.length - 1].push(text);
      used += width;
    });
    return rows.map((row) => row.join("   "));
  };

  L.faded = (paint, alpha) => {
    const parts = /^#(..)(..)(..)$/.exec(paint);
    return parts ? `rgba(${parts.slice(1).map((part) => parseInt(part, 16)).join(",")},${alpha})` : paint;
  };
  L.lines = { draw, by, wanted, column, statistic, name, alone };
})(globalThis.Loadstone);

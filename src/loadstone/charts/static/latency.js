"use strict";
// Times as a heat map over time, on a log axis, with lines of p50, p95 and p99 on it.
(function (L) {
  const F = L.format, P = L.frame;
  const ROWS = 8; // rows of the map per octave: each one is 9 % higher than the one below
  const WIDTH = 64 / ROWS;
  // Tokens that came in one read have a gap of 0: without a floor, six empty powers of ten below a microsecond squeeze all others.
  const FLOOR_NS = 1000;
  let floorRow = 0;
  while (L.lowerEnd((floorRow + 1) * WIDTH) <= FLOOR_NS) floorRow += 1;
  const rowOf = (bucket) => Math.max(floorRow, Math.floor(bucket / WIDTH));
  const QUANTILES = [["p50", "1"], ["p95", "5"], ["p99", "2"]];

  function draw(element, run, options, metric) {
    return P.show(element, (colour) => figure(element, run, options, metric, colour), options);
  }

  function figure(element, run, options, metric, colour) {
    const tags = L.lines.wanted(run, metric, options);
    const histograms = run.each().map((one) => one.histogram(metric, tags));
    if (!histograms.some((one) => one && one.samples)) return null;
    const scale = run.scale(metric), unit = run.unit(metric);
    const lines = QUANTILES.map(([stat, paint]) => ({ metric, stat, label: stat, paint: colour(paint), dash: "solid", width: 2, ...L.lines.column(run, { metric, stat }, options) }));
    const [from, to] = P.span(run, options);
    const seen = histograms.filter((one, index) => one && one.count && run.stretches[index].end_s >= from && run.stretches[index].start_s <= to);
    const least = Math.max(FLOOR_NS, Math.min(...seen.map((one) => one.min))), greatest = Math.max(...seen.map((one) => one.max));
    const low = (seen.length ? least : 1) / scale / 1.15, high = (seen.length ? Math.max(greatest, 2 * least) : 10) / scale * 1.15;
    const layout = P.timeLayout(element, run, options, colour, { low, high, log: true, unit });
    L.lines.name(element, layout, lines, from, to, colour);
    const traces = [...map(run, histograms, scale, colour), ...halo(lines, colour), ...lines.map(line), ...beyond(run, histograms, lines, colour), ...P.markTrace(run, colour), readout(run, histograms, lines, scale, unit)];
    return { traces, layout, overTime: true };
  }

  // Columns are stretches, and empty ones where nothing was measured between two; colour is values per second.
  function map(run, histograms, scale, colour) {
    const rows = new Map(); // row -> its place in z
    for (const one of histograms) if (one) for (const [bucket] of one.upwards()) rows.set(rowOf(bucket), 0);
    if (rows.size === 0) return [];
    const first = Math.min(...rows.keys()), last = Math.max(...rows.keys());
    const edges = [], z = [];
    for (let row = first; row <= last + 1; row += 1) edges.push(Math.max(0.5, L.lowerEnd(row * WIDTH)) / scale);
    for (let row = first; row <= last; row += 1) z.push([]);
    const xs = [];
    run.stretches.forEach((stretch, index) => {
      const before = xs.length ? xs[xs.length - 1] : null;
      if (before !== null && stretch.start_s - before > 0.75) {
        z.forEach((row) => row.push(null));
        xs.push(stretch.start_s);
      } else if (before === null) xs.push(stretch.start_s);
      const counts = new Array(z.length).fill(null);
      const histogram = histograms[index], seconds = stretch.end_s - stretch.start_s || 1;
      if (histogram) for (const [bucket, count] of histogram.upwards()) counts[rowOf(bucket) - first] = (counts[rowOf(bucket) - first] || 0) + count;
      z.forEach((row, at) => row.push(counts[at] === null ? null : Math.log1p(counts[at] / seconds)));
      xs.push(Math.max(stretch.end_s, xs[xs.length - 1] + 1e-3));
    });
    return [{ type: "heatmap", x: xs, y: edges, z, colorscale: [[0, colour("heat-low")], [1, colour("heat-high")]], zmin: 0, showscale: false, hoverinfo: "skip", zsmooth: false }];
  }

  const line = (one) => ({ type: "scatter", mode: "lines+markers", x: one.xs, y: one.ys, connectgaps: false, line: { color: one.paint, width: 2 }, marker: { size: L.lines.alone(one.ys), color: one.paint, line: { width: 0 } }, hoverinfo: "skip" });
  // The page's colour around each line, so that it can be read on the darkest part of the map.
  const halo = (lines, colour) => lines.map((one) => ({ ...line(one), mode: "lines", line: { color: L.faded(colour("panel"), 0.85), width: 4.5 } }));

  function beyond(run, histograms, lines, colour) {
    const points = run.stretches.map((stretch, index) => [(stretch.start_s + stretch.end_s) / 2, histograms[index] ? histograms[index].beyond : 0]).filter(([, count]) => count);
    if (points.length === 0) return [];
    return [{
      type: "scatter", mode: "markers", yaxis: "y2", x: points.map(([at]) => at), y: points.map(() => 0.985), cliponaxis: false,
      marker: { symbol: "triangle-up", size: 8, color: colour("bad") }, hoverinfo: "text",
      hovertext: points.map(([at, count]) => `${F.clock(at)} ${F.value(count)} longer than anything recorded`),
    }];
  }

  function readout(run, histograms, lines, scale, unit) {
    const xs = [], ys = [], texts = [];
    run.stretches.forEach((stretch, index) => {
      const one = histograms[index];
      if (!one || !one.samples) return;
      xs.push((stretch.start_s + stretch.end_s) / 2);
      const p99 = one.quantile(0.99);
      ys.push((p99 === Infinity ? Math.max(1, one.max) : Math.max(1, p99)) / scale);
      const rows = lines.map(({ stat, paint }) => {
        const found = one.quantile(Number(stat.slice(1)) / 100);
        return `<span style="color:${paint}">■</span> ${stat}  ${F.plain(F.value(found === Infinity ? found : found / scale, unit))}`;
      });
      const length = stretch.end_s - stretch.start_s > 1.6 ? ` – ${F.clock(stretch.end_s)}` : "";
      texts.push([`<b>${F.clock(stretch.start_s)}${length}</b>`, ...rows, `${F.value(one.samples)} values`].join("<br>"));
    });
    return { type: "scatter", mode: "markers", x: xs, y: ys, marker: { size: 14, opacity: 0 }, hoverinfo: "text", hovertext: texts };
  }

  L.latency = { draw };
})(globalThis.Loadstone);

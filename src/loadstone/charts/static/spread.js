"use strict";
// How times are spread: shares per bucket on a log axis, and the share that is no longer than a time (ECDF), a line for each step.
(function (L) {
  const F = L.format, P = L.frame;
  const WIDTH = 8, MOST = 6;

  // kind: "histogram" or "ecdf"
  function draw(element, run, options, metric, kind) {
    return P.show(element, (colour) => figure(element, run, options, metric, kind, colour), options);
  }

  function parts(run, options, metric) {
    const totals = options.window ? run.window(...options.window) : run.window();
    const tags = L.lines.wanted(run, metric, options);
    const several = run.values("scenario", metric, tags).length > 1;
    const keys = new Map();
    for (const one of run.series)
      if (one.metric === metric && Object.keys(tags).every((key) => one.tags[key] === tags[key]))
        keys.set(JSON.stringify([one.tags.scenario || "", one.tags.step || ""]), one.tags);
    const found = [...keys.values()].map((one) => {
      const mine = { ...tags, ...(one.scenario ? { scenario: one.scenario } : {}), ...(one.step ? { step: one.step } : {}) };
      return { label: one.step ? (several ? `${one.scenario} / ${one.step}` : one.step) : "all", histogram: totals.histogram(metric, mine) };
    });
    return found.filter((one) => one.histogram && one.histogram.samples).sort((one, other) => other.histogram.samples - one.histogram.samples).slice(0, MOST);
  }

  function whole(run, options, metric, label) {
    const totals = options.window ? run.window(...options.window) : run.window();
    return { label, histogram: totals.histogram(metric, L.lines.wanted(run, metric, options)) };
  }

  function figure(element, run, options, metric, kind, colour) {
    const scale = run.scale(metric), unit = run.unit(metric);
    const others = (options.overlays || []).slice(0, 5).map((other, index) => ({ ...whole(other, options, metric, other.name || other.id || "other run"), ...L.overlay(other.place ?? index) }));
    const mine = others.length ? [whole(run, options, metric, "this run")] : parts(run, options, metric);
    const lines = [...mine, ...others].filter((one) => one.histogram && one.histogram.count);
    if (lines.length === 0) return null;
    const least = Math.max(1, Math.min(...lines.map((one) => one.histogram.min))), greatest = Math.max(...lines.map((one) => one.histogram.max));
    const axis = { low: least / scale / 1.1, high: Math.max(greatest, 2 * least) / scale * 1.1, log: true, unit };
    const paint = (index) => colour(lines[index].number || String(index + 1));
    if (kind === "histogram") return ridges(element, lines, scale, unit, axis, colour, paint);
    const layout = frame(element, colour, axis, { low: 0, high: 100, unit: "%" });
    const points = lines.map((one) => steps(one.histogram, scale));
    const dash = (index) => lines[index].dash || "solid";
    const traces = lines.map((one, index) => ({
      type: "scatter", mode: "lines", x: points[index].xs, y: points[index].ys, line: { color: paint(index), width: 2, shape: "hv", dash: dash(index) },
      hoverinfo: "text", hovertext: points[index].xs.map((x, at) => hover(one, x, points[index].ys[at], unit)),
    }));
    legend(layout, lines.map((one, index) => ({ ...one, paint: paint(index), mark: dash(index) === "solid" ? "━" : "╍" })), element, colour);
    return { traces, layout };
  }

  // A row for each line, as high as its greatest share, so that shapes can be compared where curves would hide each other.
  function ridges(element, lines, scale, unit, axis, colour, paint) {
    const layout = frame(element, colour, axis, { low: 0, high: lines.length, unit: "" });
    Object.assign(layout.yaxis, { range: [-0.02, lines.length], tickvals: [], showgrid: false });
    layout.margin.l = 14;
    const traces = [];
    lines.forEach((one, index) => {
      const { xs, ys } = shares(one.histogram, scale), floor = lines.length - 1 - index;
      const most = Math.max(...ys), at = (y) => floor + (0.66 * y) / most;
      const x = [xs[0]], y = [floor];
      xs.slice(0, -1).forEach((left, row) => { x.push(left, xs[row + 1]); y.push(at(ys[row]), at(ys[row])); });
      x.push(xs[xs.length - 1]);
      y.push(floor);
      traces.push({ type: "scatter", mode: "lines", x, y, fill: "toself", fillcolor: L.faded(paint(index), 0.28), line: { color: paint(index), width: 1.5 }, hoverinfo: "skip" });
      const full = xs.slice(0, -1).map((left, row) => [Math.sqrt(left * xs[row + 1]), ys[row]]).filter((bar) => bar[1] > 0);
      traces.push({ type: "scatter", mode: "markers", x: full.map((bar) => bar[0]), y: full.map((bar) => at(bar[1])), marker: { size: 10, opacity: 0 }, hoverinfo: "text",
        hovertext: full.map((bar) => `<b>${F.plain(one.label, 40)}</b><br>${F.value(bar[1], "%")} take about ${F.plain(F.value(bar[0], unit))}`) });
      const q = (share) => { const found = one.histogram.quantile(share); return F.plain(F.value(found === Infinity ? found : found / scale, unit)); };
      layout.annotations.push({ x: 0, y: floor + 0.99, xref: "paper", yref: "y", xanchor: "left", yanchor: "top", showarrow: false, align: "left", font: { size: 11.5, color: colour("soft") },
        text: `<span style="color:${paint(index)}">${F.plain(one.label, 24)}</span>   ${F.value(one.histogram.samples)} · p50 ${q(0.5)} · p99 ${q(0.99)}` });
    });
    return { traces, layout };
  }

  const hover = (one, x, y, unit) => `<b>${F.plain(one.label, 40)}</b> (${F.value(one.histogram.samples)})<br>${F.value(y, "%")} take at most ${F.plain(F.value(x, unit))}`;

  // Those beyond count among all, so that a line ends below 100 % by their share.
  function steps(histogram, scale) {
    const xs = [Math.max(1, histogram.min) / scale], ys = [0];
    let seen = 0;
    for (const [bucket, count] of histogram.upwards()) {
      seen += count;
      xs.push(Math.max(1, histogram.middle(bucket)) / scale);
      ys.push((100 * seen) / histogram.samples);
    }
    return { xs, ys };
  }

  function shares(histogram, scale) {
    const rows = new Map();
    for (const [bucket, count] of histogram.upwards()) rows.set(Math.floor(bucket / WIDTH), (rows.get(Math.floor(bucket / WIDTH)) || 0) + count);
    const first = Math.min(...rows.keys()), last = Math.max(...rows.keys());
    const xs = [], ys = [];
    for (let row = first; row <= last + 1; row += 1) {
      xs.push(Math.max(0.5, L.lowerEnd(row * WIDTH)) / scale);
      ys.push((100 * (rows.get(row) || 0)) / histogram.samples);
    }
    return { xs, ys };
  }

  function frame(element, colour, x, y) {
    const narrow = (element.clientWidth || 800) < P.NARROW;
    return {
      font: { family: P.FONT, size: narrow ? 11 : 12, color: colour("soft") }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 52, r: 14, t: 12, b: 30 }, height: element.clientHeight || 280, autosize: false, showlegend: false, hovermode: "closest", dragmode: false,
      hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { family: P.FONT, size: 12, color: colour("ink") }, align: "left" },
      xaxis: { ...P.valueAxis(x, colour, "x"), fixedrange: true, tickangle: 0 }, yaxis: P.valueAxis(y, colour, "y"), annotations: [], shapes: [],
    };
  }

  function legend(layout, lines, element, colour) {
    if (lines.length === 1 && lines[0].label === "all") return;
    const text = lines.map((one) => `<span style="color:${one.paint}">${one.mark}</span> ${F.plain(one.label, 26)}`);
    const rows = L.rows(text, lines.map((one) => Math.min(26, one.label.length)), (element.clientWidth || 800) - layout.margin.l - layout.margin.r);
    layout.margin.t = 12 + 16 * rows.length;
    layout.annotations.push({ x: 0, y: 1, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", yshift: 3, showarrow: false, align: "left", text: rows.join("<br>"), font: { size: 11.5, color: colour("ink") } });
  }

  L.spread = { draw };
})(globalThis.Loadstone);

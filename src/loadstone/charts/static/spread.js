"use strict";
// How times are spread: shares per bucket on a log axis, and the share that is no longer than a time (ECDF), a line for each step.
(function (L) {
  const F = L.format, P = L.frame;
  const WIDTH = 8, MOST = 6, DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

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
    const others = (options.overlays || []).slice(0, 5).map((other) => whole(other, options, metric, other.name || other.id || "other run"));
    const mine = others.length ? [whole(run, options, metric, "this run")] : parts(run, options, metric);
    const lines = [...mine, ...others].filter((one) => one.histogram && one.histogram.count);
    if (lines.length === 0) return null;
    const least = Math.max(1, Math.min(...lines.map((one) => one.histogram.min))), greatest = Math.max(...lines.map((one) => one.histogram.max));
    const points = lines.map((one) => (kind === "ecdf" ? steps(one.histogram, scale) : shares(one.histogram, scale)));
    const high = kind === "ecdf" ? 100 : Math.max(...points.map((one) => Math.max(...one.ys)));
    const layout = frame(element, colour, { low: least / scale / 1.1, high: Math.max(greatest, 2 * least) / scale * 1.1, log: true, unit }, { low: 0, high, unit: "%" });
    const paint = (index) => colour(String(index + 1));
    const traces = lines.map((one, index) => ({
      type: "scatter", mode: "lines", x: points[index].xs, y: points[index].ys, line: { color: paint(index), width: 2, shape: "hv", dash: DASHES[index] },
      fill: kind === "histogram" && lines.length === 1 ? "tozeroy" : "none", fillcolor: L.faded(paint(index), 0.16), hoverinfo: "text",
      hovertext: points[index].xs.map((x, at) => hover(one, x, points[index].ys[at], kind, unit)),
    }));
    legend(layout, lines.map((one, index) => ({ ...one, paint: paint(index) })), element, colour);
    return { traces, layout };
  }

  const hover = (one, x, y, kind, unit) => `<b>${F.plain(one.label, 40)}</b> (${F.value(one.histogram.samples)})<br>` +
    (kind === "ecdf" ? `${F.digits(y)} % take at most ${F.plain(F.value(x, unit))}` : `${F.digits(y)} % take about ${F.plain(F.value(x, unit))}`);

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
      margin: { l: 52, r: 14, t: 24, b: 30 }, height: element.clientHeight || 280, autosize: true, showlegend: false, hovermode: "closest", dragmode: false,
      hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { family: P.FONT, size: 12, color: colour("ink") }, align: "left" },
      xaxis: { ...P.valueAxis(x, colour, "x"), fixedrange: true }, yaxis: P.valueAxis(y, colour, "y"), annotations: [], shapes: [],
    };
  }

  function legend(layout, lines, element, colour) {
    if (lines.length === 1 && lines[0].label === "all") return;
    const perLine = (element.clientWidth || 800) < P.NARROW ? 2 : 3;
    const text = lines.map((one, index) => `<span style="color:${one.paint}">${DASHES[index] === "solid" ? "━" : "╍"}</span> ${F.plain(one.label, 26)}`);
    const rows = Array.from({ length: Math.ceil(text.length / perLine) }, (_, row) => text.slice(row * perLine, (row + 1) * perLine).join("   "));
    layout.margin.t = 12 + 16 * rows.length;
    layout.annotations.push({ x: 0, y: 1, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", yshift: 3, showarrow: false, align: "left", text: rows.join("<br>"), font: { size: 11.5, color: colour("ink") } });
  }

  L.spread = { draw };
})(globalThis.Loadstone);

"use strict";
// The cells of every table for a window of time and a filter; texts as report/text_latency.py and units.py write them.
(function (R) {
  const NONE = "—";
  const SHARES = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p99_9: 0.999 };
  const SIZES = [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];
  const LEAST = JSON.parse(document.documentElement.dataset.leastSamples);
  const LEVELS = { min: "least", mean: "mean", max: "greatest", last: "last" };

  const thousands = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  function count(value) {
    return Number.isInteger(value) ? thousands(value) : digits(value);
  }
  // Three digits that matter, none of them a zero at the end.
  function digits(value) {
    if (value === 0) return "0";
    const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
    if (places === 0) return thousands(Math.round(value));
    return value.toFixed(Math.min(places, 9)).replace(/0+$/, "").replace(/\.$/, "");
  }
  function figure(value) {
    if (value < 0) return "-" + figure(-value);
    if (value >= 99.95) return thousands(Math.round(value));
    if (value >= 9.995) return value.toFixed(1);
    if (value >= 0.9995) return value.toFixed(2);
    return value >= 0.0005 ? value.toFixed(3) : digits(value);
  }
  function size(value) {
    for (const [unit, bytes] of SIZES) if (Math.abs(value) >= bytes * 0.9995) return `${digits(value / bytes)} ${unit}`;
    return `${value.toFixed(0)} B`;
  }
  function rate(value) {
    if (value && Math.abs(value) < 0.1)
      return Math.abs(value) * 60 >= 0.1 ? `${digits(value * 60)}/m` : `${digits(value * 3600)}/h`;
    return `${digits(value)}/s`;
  }
  function amount(value, unit) {
    const [base, ...rest] = unit.split("/s");
    const tail = rest.length ? "/s" : "";
    if (base === "B") return size(value) + tail;
    if (tail) return rate(value);
    return unit === "" || unit === "1" ? figure(value) : `${figure(value)}${unit === "%" ? "" : " "}${unit}`;
  }

  // Text and tone of one cell; as the page's Python does it for the whole run.
  function cell(totals, metric, stat, tags, whole = "") {
    const zero = whole && totals.count(whole, tags) ? 0 : null; // the whole was counted, so none of these were found
    const run = totals.run;
    if (stat in SHARES) return quantile(totals, metric, stat, tags);
    if (stat === "share") {
      const value = totals.share(metric, tags) ?? zero;
      return value === null ? [NONE, "dim"] : [Loadstone.format.share(value), value ? "bad" : ""];
    }
    if (stat === "rate") {
      const value = totals.rate(metric, tags) ?? zero;
      return value === null ? [NONE, "dim"] : [amount(value, run.unit(metric) === "B" ? "B/s" : "1/s"), ""];
    }
    if (stat === "samples" || stat === "count") {
      const value = totals.count(metric, tags) ?? zero;
      if (value === null) return [NONE, "dim"];
      const scaled = stat === "count" ? Math.round(value / run.scale(metric)) : value;
      return [stat === "count" && run.unit(metric) === "B" ? size(scaled) : count(scaled), ""];
    }
    if (run.kind(metric) === "distribution") return greatest(totals, metric, tags);
    const level = totals.level(metric, tags);
    return level === null ? [NONE, "dim"] : [amount(level[LEVELS[stat]], run.unit(metric)), ""];
  }

  function quantile(totals, metric, stat, tags) {
    const histogram = totals.histogram(metric, tags);
    if (!histogram || !histogram.samples) return [NONE, "dim"];
    const q = SHARES[stat], carried = histogram.samples >= LEAST[stat];
    if (!carried && /^(llm|ws)\./.test(metric)) return ["too few", "dim"];
    const value = histogram.quantile(q);
    if (!Number.isFinite(value)) return greatest(totals, metric, tags);
    const text = figure(value / totals.run.scale(metric));
    return carried ? [text, ""] : [`~${text}`, "dim"];
  }

  function greatest(totals, metric, tags) {
    const histogram = totals.histogram(metric, tags);
    if (!histogram || !histogram.samples) return [NONE, "dim"];
    if (!histogram.count) return ["beyond", "bad"];
    const text = figure(histogram.max / totals.run.scale(metric));
    return histogram.beyond ? [`>${text}`, "bad"] : [text, ""];
  }

  // Every cell anew; without totals, what stood there when the page came. `filter`: tags that are asked for beside the row's own.
  function tables(totals, filter, note) {
    for (const table of document.querySelectorAll("table.data")) {
      if (!table.querySelector("td[data-stat]")) continue;
      const caption = table.querySelector("caption");
      caption.hidden = !note;
      caption.textContent = note;
      for (const row of table.tBodies[0].rows) {
        const own = JSON.parse(row.dataset.tags);
        row.classList.toggle("off", Boolean(filter.step && own.step && own.step !== filter.step));
        for (const one of row.querySelectorAll("td[data-stat]")) refill(one, totals, { ...filter, ...own });
      }
    }
  }

  function refill(one, totals, tags) {
    if (!("was" in one.dataset)) Object.assign(one.dataset, { was: one.textContent, tone: one.className });
    if (!totals) {
      one.textContent = one.dataset.was;
      one.className = one.dataset.tone;
      return;
    }
    const [text, tone] = cell(totals, one.dataset.metric, one.dataset.stat, tags, one.dataset.whole);
    one.textContent = text;
    one.className = tone ? `n ${tone}` : "n";
  }

  Object.assign(R, { tables, cell });
})(globalThis.Report);

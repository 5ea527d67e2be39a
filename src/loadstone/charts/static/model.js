"use strict";
// A run in a page: stretches in order of time, and any window of them as totals. The data: charts/page_data.py.
(function (L) {
  const MOST_LIVE = 720; // stretches of a run that goes on; past it two neighbours become one
  const WITHOUT_LOAD = new Set(["wind-down", "paused"]); // what they measure began before them, so they are no time under load

  const carries = (tags, wanted) => Object.keys(wanted).every((key) => wanted[key] === "" || tags[key] === wanted[key]);
  const keyOf = (metric, tags) => JSON.stringify([metric, Object.keys(tags).sort().map((key) => [key, tags[key]])]);

  // What some stretches measured together. Values are given in the units that the metrics are shown in.
  class Totals {
    constructor(run, stretches) {
      this.run = run;
      this.stretches = stretches;
      this.from_s = stretches.length ? stretches[0].start_s : null;
      this.to_s = stretches.length ? stretches[stretches.length - 1].end_s : null;
      this.seconds = stretches.reduce((sum, one) => sum + (WITHOUT_LOAD.has(one.phase) ? 0 : one.end_s - one.start_s), 0);
      this.found = new Map();
    }

    // A Histogram of recorded values (divide by the metric's scale), or null where there is no such series.
    histogram(metric, tags = {}) {
      return this.once("h", metric, tags, () => {
        let whole = null;
        this.each("d", metric, tags, (row) => (whole = whole || new L.Histogram()).addRow(row, 1));
        return whole;
      });
    }

    quantile(metric, q, tags = {}) {
      const histogram = this.histogram(metric, tags);
      const value = histogram ? histogram.quantile(q) : null;
      return value === null ? null : value / this.run.scale(metric);
    }

    mean(metric, tags = {}) {
      const histogram = this.histogram(metric, tags);
      return histogram && histogram.count ? histogram.mean / this.run.scale(metric) : null;
    }

    // The sum of a count, the values of a distribution (those beyond included), or the readings of a level; null without a series.
    count(metric, tags = {}) {
      return this.once("c", metric, tags, () => {
        let sum = null;
        this.each("c", metric, tags, (row) => (sum = (sum || 0) + row[1]));
        this.each("d", metric, tags, (row) => (sum = (sum || 0) + row[1] + row[2]));
        this.each("g", metric, tags, (row) => (sum = (sum || 0) + row[5]));
        return sum;
      });
    }

    // Per second: of a scenario's own time under load where all that was counted is of one, else of the window; as measure/under_load.py.
    rate(metric, tags = {}) {
      const count = this.count(metric, tags);
      const scenarios = new Set();
      for (const part of "dcg") this.each(part, metric, tags, (row) => scenarios.add(this.run.series[row[0]].tags.scenario || ""));
      const [scenario] = scenarios;
      const own = scenarios.size === 1 && scenario ? this.count("load.time", { scenario }) : null;
      const seconds = own ? own / 1e9 : this.seconds;
      return count === null || seconds <= 0 ? null : count / this.run.scale(metric) / seconds;
    }

    // A count's share of the whole that it is part of, 0 to 1; null where there is no whole.
    share(metric, tags = {}) {
      const of = (this.run.metrics[metric] || {}).share_of;
      const wanted = { ...tags };
      delete wanted.kind;
      const whole = of ? this.count(of, wanted) : null;
      return whole ? (this.count(metric, tags) || 0) / whole : null;
    }

    // {last, least, greatest, mean} or null.
    level(metric, tags = {}) {
      return this.once("g", metric, tags, () => {
        let last = null, least = Infinity, greatest = -Infinity, sum = 0, readings = 0;
        this.each("g", metric, tags, (row) => {
          last = row[1];
          least = Math.min(least, row[2]);
          greatest = Math.max(greatest, row[3]);
          sum += row[4] * row[5];
          readings += row[5];
        });
        const scale = this.run.scale(metric);
        return readings ? { last: last / scale, least: least / scale, greatest: greatest / scale, mean: sum / readings / scale } : null;
      });
    }

    // [{kind, step, text, count}…], the most frequent first.
    failures() {
      const sums = new Map();
      for (const stretch of this.stretches)
        for (const [kind, step, text, count] of stretch.f) {
          const key = JSON.stringify([kind, step, text]);
          const known = sums.get(key) || sums.set(key, { kind, step, text, count: 0 }).get(key);
          known.count += count;
        }
      return [...sums.values()].sort((one, other) => other.count - one.count);
    }

    each(part, metric, tags, see) {
      const numbers = this.run.numbers(metric, tags);
      if (numbers.size === 0) return;
      for (const stretch of this.stretches) for (const row of stretch[part]) if (numbers.has(row[0])) see(row);
    }

    once(what, metric, tags, find) {
      const key = what + keyOf(metric, tags);
      if (!this.found.has(key)) this.found.set(key, find());
      return this.found.get(key);
    }
  }

  class Run {
    constructor(data) {
      this.id = data.id || "";
      this.name = data.name || "";
      this.startedAt = data.started_at || "";
      this.document = data.document || null;
      this.metrics = data.metrics || {};
      this.events = data.events || [];
      this.error = data.error || 1 / 128;
      this.series = []; // {metric, tags}
      this.stretches = [];
      this.version = 0; // grows whenever something was added
      this.known = new Map(); // series -> its number here
      this.byMetric = new Map(); // metric -> numbers
      this.alone = null;
      const table = data.series || [];
      for (const stretch of data.stretches || []) this.add(stretch, table);
    }

    // One more stretch, later than all before; `table` names its series where it has no table of its own.
    add(stretch, table = stretch.series || []) {
      const numbers = table.map(([metric, tags]) => this.numberOf(metric, tags));
      const own = (rows) => (rows || []).map((row) => [numbers[row[0]], ...row.slice(1)]);
      const { start_s, end_s, judged, phase } = stretch;
      this.stretches.push({ start_s, end_s, judged, phase, d: own(stretch.d), c: own(stretch.c), g: own(stretch.g), f: stretch.f || [] });
      if (this.stretches.length > MOST_LIVE) this.stretches = halved(this.stretches);
      this.version += 1;
    }

    // Totals of the stretches whose middle lies from one second to another; without them, of all that are judged.
    window(from_s = null, to_s = null) {
      if (from_s === null && to_s === null) return new Totals(this, this.stretches.filter((one) => one.judged));
      const low = from_s === null ? -Infinity : from_s, high = to_s === null ? Infinity : to_s;
      const within = (one) => (one.start_s + one.end_s) / 2 >= low && (one.start_s + one.end_s) / 2 <= high;
      return new Totals(this, this.stretches.filter(within));
    }

    // Totals of each stretch alone, kept until something is added.
    each() {
      if (!this.alone || this.alone.version !== this.version)
        this.alone = { version: this.version, totals: this.stretches.map((one) => new Totals(this, [one])) };
      return this.alone.totals;
    }

    get end_s() {
      return this.stretches.length ? this.stretches[this.stretches.length - 1].end_s : 0;
    }

    scale(metric) {
      return (this.metrics[metric] || {}).scale || 1;
    }

    unit(metric) {
      return (this.metrics[metric] || {}).unit || "";
    }

    kind(metric) {
      const known = (this.metrics[metric] || {}).kind;
      if (known) return known;
      const numbers = this.numbers(metric, {});
      const holds = (part) => this.stretches.some((stretch) => stretch[part].some((row) => numbers.has(row[0])));
      return holds("d") ? "distribution" : holds("c") ? "count" : "gauge";
    }

    has(metric, tags = {}) {
      return this.numbers(metric, tags).size > 0;
    }

    names() {
      return [...this.byMetric.keys()].sort();
    }

    // Values of a tag over the series of a metric (of all, without one), sorted.
    values(tag, metric = null, tags = {}) {
      const found = new Set();
      for (const one of this.series)
        if ((metric === null || one.metric === metric) && tag in one.tags && carries(one.tags, tags)) found.add(one.tags[tag]);
      return [...found].sort();
    }

    numbers(metric, tags) {
      const all = this.byMetric.get(metric) || [];
      return new Set(all.filter((number) => carries(this.series[number].tags, tags)));
    }

    numberOf(metric, tags) {
      const key = keyOf(metric, tags);
      if (!this.known.has(key)) {
        this.known.set(key, this.series.length);
        this.byMetric.set(metric, [...(this.byMetric.get(metric) || []), this.series.length]);
        this.series.push({ metric, tags: Object.freeze({ ...tags }) });
      }
      return this.known.get(key);
    }
  }

  // Each two neighbours of one phase as one stretch.
  function halved(stretches) {
    const found = [];
    let alone = false;
    for (const stretch of stretches) {
      const last = found[found.length - 1];
      if (alone && last.phase === stretch.phase && last.judged === stretch.judged) {
        found[found.length - 1] = joined(last, stretch);
        alone = false;
      } else {
        found.push(stretch);
        alone = true;
      }
    }
    return found;
  }

  function joined(one, other) {
    return {
      ...one,
      end_s: other.end_s,
      d: folded(one.d, other.d, (mine, more) => {
        const both = new L.Histogram();
        both.addRow(mine, 1);
        both.addRow(more, 1);
        return [mine[0], ...both.row()];
      }),
      c: folded(one.c, other.c, (mine, more) => [mine[0], mine[1] + more[1]]),
      g: folded(one.g, other.g, (mine, more) => {
        const readings = mine[5] + more[5];
        const mean = (mine[4] * mine[5] + more[4] * more[5]) / readings;
        return [mine[0], more[1], Math.min(mine[2], more[2]), Math.max(mine[3], more[3]), mean, readings];
      }),
      f: [...one.f, ...other.f],
    };
  }

  function folded(rows, more, together) {
    const found = new Map(rows.map((row) => [row[0], row]));
    for (const row of more) found.set(row[0], found.has(row[0]) ? together(found.get(row[0]), row) : row);
    return [...found.values()];
  }

  // Text of page_data.packed_run, or bytes of plotly.packed_script: deflated, in base64.
  async function inflate(text) {
    const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }
  const unpack = async (text) => JSON.parse(await inflate(text));

  // Run a packed script as if it stood in the page.
  async function load(text) {
    const script = document.createElement("script");
    script.textContent = await inflate(text);
    document.head.append(script);
  }

  Object.assign(L, { Run, Totals, unpack, inflate, load });
})(globalThis.Loadstone);

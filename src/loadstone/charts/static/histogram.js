"use strict";
// Histograms in a page: the same buckets as Python's, 64 per octave. See charts/coarse.py.
globalThis.Loadstone = globalThis.Loadstone || {};
(function (L) {
  const BITS = 6, SLOTS = 1 << BITS;

  // The least value of a bucket, and the first value past it.
  function lower(bucket) {
    const shift = Math.max(0, Math.floor(bucket / SLOTS) - 1);
    return (bucket - shift * SLOTS) * 2 ** shift;
  }
  function past(bucket) {
    const shift = Math.max(0, Math.floor(bucket / SLOTS) - 1);
    return (bucket - shift * SLOTS + 1) * 2 ** shift;
  }

  class Histogram {
    constructor() {
      this.count = 0;
      this.beyond = 0; // longer than anything recorded
      this.min = Infinity;
      this.max = -Infinity;
      this.total = 0;
      this.buckets = new Map(); // bucket -> count
      this.sorted = null;
    }

    // row: [count, beyond, min, max, total, (distance, count)…], beginning at `at`.
    addRow(row, at) {
      const count = row[at];
      this.beyond += row[at + 1];
      if (count === 0) return;
      this.count += count;
      this.min = Math.min(this.min, row[at + 2]);
      this.max = Math.max(this.max, row[at + 3]);
      this.total += row[at + 4];
      let bucket = 0;
      for (let i = at + 5; i < row.length; i += 2) {
        bucket += row[i];
        this.buckets.set(bucket, (this.buckets.get(bucket) || 0) + row[i + 1]);
      }
      this.sorted = null;
    }

    row() {
      const found = [this.count, this.beyond, this.count ? this.min : 0, this.count ? this.max : 0, this.total];
      let before = 0;
      for (const [bucket, count] of this.upwards()) {
        found.push(bucket - before, count);
        before = bucket;
      }
      return found;
    }

    get samples() {
      return this.count + this.beyond;
    }

    get mean() {
      return this.count ? this.total / this.count : null;
    }

    // [[bucket, count]…] from the least bucket on.
    upwards() {
      if (!this.sorted) this.sorted = [...this.buckets].sort((one, other) => one[0] - other[0]);
      return this.sorted;
    }

    // The value that a share q of all does not exceed: within 0.8 %, exact at both ends; Infinity among those beyond, null of nothing.
    quantile(q) {
      if (this.samples === 0) return null;
      const rank = Math.max(1, Math.ceil(q * this.samples * (1 - 1e-15)));
      if (rank > this.count) return Infinity;
      if (rank === 1) return this.min;
      if (rank === this.count) return this.max;
      let seen = 0;
      for (const [bucket, count] of this.upwards()) {
        seen += count;
        if (seen >= rank) return this.middle(bucket);
      }
      return this.max;
    }

    middle(bucket) {
      return Math.min(Math.max((lower(bucket) + past(bucket) - 1) / 2, this.min), this.max);
    }
  }

  Object.assign(L, { Histogram, lowerEnd: lower, pastEnd: past });
})(globalThis.Loadstone);

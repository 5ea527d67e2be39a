"use strict";
// Numbers and times as texts, and texts from outside as Plotly may be given them.
(function (L) {
  const BYTES = { B: ["B", "kB", "MB", "GB", "TB"], "B/s": ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"] };
  const NONE = "–";

  // Three digits that matter: 0.0123, 1.23, 12.3, 123, 1,234.
  function digits(value) {
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 99.95) return Math.round(value).toLocaleString("en-US");
    const places = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))));
    return value.toFixed(places).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  }

  // A value with its unit: 1.2 s, 340 ms, 12 µs; 3.4 MB; 12/s; 40%.
  function value(number, unit = "") {
    if (number === null || number === undefined || Number.isNaN(number)) return NONE;
    if (number === Infinity) return "beyond";
    const size = Math.abs(number);
    if (unit === "ms") {
      if (size >= 120000) return duration(number / 1000);
      if (size >= 1000) return `${digits(number / 1000)} s`;
      return size > 0 && size < 1 ? `${digits(number * 1000)} µs` : `${digits(number)} ms`;
    }
    if (unit in BYTES) {
      const power = size >= 1 ? Math.min(4, Math.floor(Math.log10(size) / 3 + 1e-9)) : 0;
      return `${digits(number / 1000 ** power)} ${BYTES[unit][power]}`;
    }
    if (unit === "%") return share(number / 100);
    if (unit === "1/s") return `${large(number)}/s`;
    return unit ? `${large(number)} ${unit}` : large(number);
  }

  function large(number) {
    const size = Math.abs(number);
    if (size >= 1e9) return `${digits(number / 1e9)} G`;
    if (size >= 1e6) return `${digits(number / 1e6)} M`;
    return digits(number);
  }

  // Seconds since the run's start: 0:00, 12:34, 1:02:03.
  function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const two = (part) => String(part).padStart(2, "0");
    const h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60;
    return h ? `${h}:${two(m)}:${two(whole % 60)}` : `${m}:${two(whole % 60)}`;
  }

  // A length of time: 45 s, 2 min 5 s, 3 h 20 min.
  function duration(seconds) {
    if (seconds < 120) return `${digits(seconds)} s`;
    const whole = Math.round(seconds);
    const parts = whole < 7200 ? [[60, "min"], [1, "s"]] : [[3600, "h"], [60, "min"]];
    const [[big, bigName], [small, smallName]] = parts;
    const rest = Math.floor((whole % big) / small);
    return `${Math.floor(whole / big)} ${bigName}${rest ? ` ${rest} ${smallName}` : ""}`;
  }

  // 1%, 0.025%, 99.95%: three digits where it matters, near 0% and near 100%; as units.format_share.
  function share(part) {
    const percent = part * 100;
    const room = Math.min(Math.abs(percent), Math.abs(100 - percent)) || 1;
    const places = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(room))));
    return `${percent.toLocaleString("en-US", { maximumFractionDigits: places })}%`;
  }

  const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g; // would make a name read as another one
  const unturned = (text) => String(text).replace(TURNING, "\ufffd");

  // Plotly draws a dialect of HTML in titles, labels and hover texts: a text from outside must come out as it went in.
  // It also breaks lines at a line break and fills in %{…}; both are disarmed.
  function plain(text, most = 120) {
    const whole = unturned(text).replace(/[\u0000-\u001f\u007f]+/g, " ");
    const short = whole.length > most ? `${whole.slice(0, most - 1)}…` : whole;
    return short.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/%\{/g, "%\u200b{").replace(/\$/g, "&#36;");
  }

  // Long texts on several lines of a hover label.
  function wrapped(text, width = 60) {
    const lines = [""];
    for (const word of String(text).slice(0, 400).split(/\s+/))
      if (lines[lines.length - 1].length + word.length < width) lines[lines.length - 1] += `${word} `;
      else lines.push(`${word} `);
    return lines.filter((line) => line.trim()).map((line) => plain(line.trim())).join("<br>");
  }

  L.format = { value, digits, clock, duration, share, plain, unturned, wrapped, NONE };
})(globalThis.Loadstone);

// Charts as SVG, each with the table that it is drawn from.

import { el } from "./dom.js";
import { hueOf } from "./hues.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 960;
const HIGH = 220;
const NARROW = 700; // pixels of the window, below which a chart has larger letters and fewer of them
let left = 46;
let foot = 24;

function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter(Boolean));
  return element;
}

/**
 * Values of several series over time. `series`: names; `points`: [{ at, label, values: { name: number } }];
 * `tell` makes a value readable; `stacked` adds the series up as bars, else each is a line.
 */
export function overTime({ title, series, points, tell, stacked }) {
  const narrow = innerWidth < NARROW;
  [left, foot] = narrow ? [84, 40] : [46, 24];
  const shown = series.filter((name) => points.some(({ values }) => values[name] !== undefined));
  const sums = points.map(({ values }) => shown.reduce((sum, name) => sum + (values[name] ?? 0), 0));
  const highs = stacked ? sums : points.flatMap(({ values }) => Object.values(values));
  const top = nice(Math.max(...highs, 0));
  const step = (WIDE - left) / Math.max(1, points.length);
  const y = (value) => (HIGH - foot) * (1 - value / top) + 6;
  const chart = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 6}`, role: "img", "aria-label": `${title}; the table below has the numbers`, class: "chart" });
  for (const share of [0, 0.5, 1]) {
    const value = top * share;
    chart.append(
      svg("line", { x1: left, x2: WIDE, y1: y(value), y2: y(value), class: "grid" }),
      text(left - 8, y(value) + 4, tell(value), "end"));
  }
  const every = Math.max(1, Math.ceil(points.length / (narrow ? 4 : 8)));
  points.forEach(({ label }, i) => i % every === 0 && chart.append(text(left + step * (i + 0.5), HIGH, label, "middle")));
  for (const name of shown) chart.append(stacked ? bars(name, shown, points, step, y, tell) : line(name, points, step, y, tell));
  return el("figure", { class: "over-time" }, el("figcaption", {}, legend(shown)), chart, table(title, shown, points, tell));
}

function bars(name, shown, points, step, y, tell) {
  const group = svg("g", { class: "series" });
  group.dataset.hue = hueOf(name);
  const width = Math.max(1.5, Math.min(42, step * 0.72));
  points.forEach(({ label, values }, i) => {
    const value = values[name];
    if (!value) return;
    const below = shown.slice(0, shown.indexOf(name)).reduce((sum, each) => sum + (values[each] ?? 0), 0);
    const high = y(below) - y(below + value);
    group.append(svg("rect", { x: left + step * (i + 0.5) - width / 2, y: y(below + value), width, height: Math.max(1, high - (below ? 1 : 0)), rx: 1.5 },
      titled(`${label}: ${name} ${tell(value)}`)));
  });
  return group;
}

function line(name, points, step, y, tell) {
  const group = svg("g", { class: "series" });
  group.dataset.hue = hueOf(name);
  let path = "";
  points.forEach(({ label, values }, i) => {
    const value = values[name];
    if (value === undefined) return;
    const [x, up] = [left + step * (i + 0.5), y(value)];
    const joined = i > 0 && points[i - 1].values[name] !== undefined;
    path += `${joined ? "L" : "M"}${x.toFixed(1)} ${up.toFixed(1)}`;
    group.append(svg("circle", { cx: x, cy: up, r: 3 }, titled(`${label}: ${name} ${tell(value)}`)));
  });
  group.prepend(svg("path", { d: path }));
  return group;
}

/** An interval with its middle on a scale that all rows share; `zero` marks nothing gained. */
export function interval({ low, middle, high, from, to, hue = null, zero = null }) {
  const x = (value) => 2 + 96 * Math.max(0, Math.min(1, (value - from) / (to - from || 1)));
  const drawn = svg("svg", { viewBox: "0 0 100 14", class: "interval", "aria-hidden": "true", preserveAspectRatio: "none" });
  if (hue !== null) drawn.dataset.hue = hue;
  drawn.append(svg("line", { x1: 0, x2: 100, y1: 7, y2: 7, class: "grid" }));
  if (zero !== null) drawn.append(svg("line", { x1: x(zero), x2: x(zero), y1: 1, y2: 13, class: "zero" }));
  drawn.append(svg("rect", { x: x(low), width: Math.max(1, x(high) - x(low)), y: 4.5, height: 5, rx: 1.5, class: "span" }));
  drawn.append(svg("rect", { x: x(middle) - 0.7, width: 1.4, y: 2, height: 10, class: "middle" }));
  return drawn;
}

function legend(names) {
  return el("ul", { class: "legend" }, ...names.map((name) => {
    const item = el("li", {}, name);
    item.dataset.hue = hueOf(name);
    return item;
  }));
}

function table(title, series, points, tell) {
  const rows = points.filter(({ values }) => Object.keys(values).length);
  return el("details", { class: "fold" }, el("summary", {}, "as a table"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
      el("table", {}, el("caption", { class: "unseen" }, title),
        el("thead", {}, el("tr", {}, head("time"), ...series.map((name) => head(name)))),
        el("tbody", {}, ...rows.map(({ label, values }) => el("tr", {}, head(label, "row"),
          ...series.map((name) => el("td", {}, values[name] === undefined ? "–" : tell(values[name])))))))));
}

export function head(name, scope = "col") {
  return el("th", { scope }, name);
}

function text(x, y, told, anchor) {
  const element = svg("text", { x, y, "text-anchor": anchor });
  element.textContent = told;
  return element;
}

function titled(told) {
  const element = svg("title");
  element.textContent = told;
  return element;
}

/** A round number at or above. */
function nice(value) {
  if (value <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((each) => each * size).find((each) => each >= value);
}

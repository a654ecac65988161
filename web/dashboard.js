// The dashboard: what was decided, how it went, and what was learned of it.

import { overTime } from "./chart.js";
import { Decisions } from "./decisions.js";
import { ask, Locked, useKey } from "./desk.js";
import { dollars, el, fill, milliseconds, number } from "./dom.js";
import { experiments } from "./experiments.js";
import { beliefs, empty, percent, profile } from "./models.js";

const AGAIN_MS = 10_000;
const MEASURES = {
  turns: { title: "Turns by route", stacked: true, tell: (value) => number(value) },
  cost_usd: { title: "Cost by route", stacked: true, tell: dollars },
  first_token_ms: { title: "Seconds to the first token, on average", stacked: false, tell: milliseconds },
  frustration: { title: "Frustration, on average", stacked: false, tell: (value) => number(value, 2) },
};

const $ = (id) => document.getElementById(id);
const decisions = new Decisions($("search"), $("decisions"), $("explanation"), troubled);
let since = "24h";
let measure = "turns";
let told = null; // routes over time
let again = null;
let shown = 0; // times; only the latest counts

async function show() {
  clearTimeout(again);
  const mine = (shown += 1);
  try {
    const [routes, models, learned, compared] = await Promise.all([
      ask("routes", { since }), ask("profile"), ask("learning"), ask("experiments", { since: longer(since) }),
    ]);
    if (mine !== shown) return undefined;
    if (!told && since === "24h" && lately(routes)) {
      since = $("since").value = "1h"; // all there is happened just now
      return show();
    }
    told = routes;
    decisions.know(routes.routes, models.models.map(({ model }) => model));
    drawRoutes();
    redraw($("models"), ...profile(models));
    redraw($("learned"), ...beliefs(learned));
    redraw($("experiments"), ...experiments(compared));
    if (!decisions.reading) await decisions.show(since);
    troubled(null);
    document.body.classList.add("ready");
  } catch (error) {
    if (mine !== shown) return undefined;
    troubled(error);
    if (error instanceof Locked) return undefined;
  }
  if ($("live").checked && !document.hidden) again = setTimeout(show, AGAIN_MS);
  return undefined;
}

function drawRoutes() {
  const { buckets, routes, bucket } = told;
  const { title, stacked, tell } = MEASURES[measure];
  const points = buckets.map(({ at, routes: found }) => {
    const values = Object.fromEntries(Object.entries(found).map(([name, row]) => [name, row[measure]]).filter(([, value]) => value !== null && value !== undefined));
    return { at, label: label(at, bucket), values };
  });
  const turns = buckets.flatMap(({ routes: found }) => Object.entries(found));
  summary(turns);
  if (!turns.length) {
    redraw($("routes"), empty("Nothing was routed in this time.", "Every turn of a call, and every request for “auto”, is drawn here by the route it took.", el("p", {}, el("a", { href: "./" }, "Make a call"))));
  } else {
    redraw($("routes"), overTime({ title, series: routes, points, tell, stacked }));
  }
}

/** The time in five numbers. */
function summary(found) {
  const sum = (key) => found.reduce((all, [, row]) => all + (row[key] ?? 0), 0);
  const turns = sum("turns");
  const priced = found.some(([, row]) => row.cost_usd !== null && row.cost_usd !== undefined);
  const timed = found.filter(([, row]) => row.first_token_ms !== null && row.first_token_ms !== undefined);
  const weight = timed.reduce((all, [, row]) => all + row.turns, 0);
  const token = weight ? timed.reduce((all, [, row]) => all + row.first_token_ms * row.turns, 0) / weight : null;
  const frontier = found.filter(([name]) => name === "frontier").reduce((all, [, row]) => all + row.turns, 0);
  const facts = [
    ["turns", number(turns)],
    ["to frontier", turns ? percent(frontier / turns) : "–"],
    ["escalated", turns ? percent(sum("escalated") / turns) : "–"],
    ["first token, mean", token === null ? "–" : milliseconds(token)],
    ["spent", priced ? dollars(sum("cost_usd")) : turns ? "not known" : "–"],
    ["unanswered", turns ? percent(sum("failed") / turns) : "–"],
  ];
  fill($("summary"), ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** Draws anew; what was opened stays open, and who scrolled or focused something keeps it. */
function redraw(place, ...inside) {
  const opened = [...place.querySelectorAll("details")].map(({ open }) => open);
  if (place.contains(document.activeElement) && document.activeElement !== place) return;
  fill(place, ...inside);
  [...place.querySelectorAll("details")].forEach((each, i) => opened[i] !== undefined && (each.open = opened[i]));
}

function troubled(error) {
  const locked = error instanceof Locked;
  $("key").hidden = !locked;
  $("desk").hidden = locked;
  $("problem").hidden = !error || locked;
  $("problem").textContent = error && !locked ? error.message : "";
  if (locked) {
    document.body.classList.add("ready");
    $("key-problem").textContent = error.message;
    $("key").querySelector("input").focus();
  }
}

/** Is there something, and all of it in the last of the hours? */
function lately({ buckets }) {
  const some = buckets.map(({ routes }) => Object.keys(routes).length > 0);
  return some.at(-1) && some.indexOf(true) === some.length - 1;
}

/** Experiments need more time than a chart. */
function longer(span) {
  return span.endsWith("h") ? "7d" : "30d";
}

function label(at, bucket) {
  const date = new Date(at * 1000);
  return bucket === "day" ? date.toLocaleDateString([], { day: "numeric", month: "short" }) : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

// ---------------------------------------------------------------- the page

$("since").addEventListener("change", ({ target }) => {
  since = target.value;
  decisions.show(since);
  show();
});
$("measure").addEventListener("change", ({ target }) => {
  measure = target.value;
  if (told) drawRoutes();
});
$("live").addEventListener("change", show);
$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey($("key").elements.key.value.trim());
  $("key").elements.key.value = "";
  show();
});
document.addEventListener("visibilitychange", () => !document.hidden && show());
await show();
decisions.openNamed();

// Experiments: what the variants of a route did to callers, with how sure that is.

import { interval } from "./chart.js";
import { el, number } from "./dom.js";
import { hueOf } from "./hues.js";
import { badge, empty, table } from "./models.js";

const NAMES = {
  cost_usd: "cost of a turn",
  first_token_p50_ms: "first token, half of turns",
  first_token_p95_ms: "first token, 95 % of turns",
  frustration_change: "frustration, change",
  repeated: "callers repeated themselves",
  interrupted: "callers interrupted",
  thanked: "callers thanked",
  hung_up: "callers hung up",
  feedback: "feedback",
};

const VERDICTS = { better: "better", worse: "worse", no_telling: "no telling yet", not_enough: "not enough yet" };

export function experiments({ experiments: told, cautions = [], how }) {
  if (!told.length) {
    return [empty("No experiment runs.",
      "Give a route variants with weights, and each caller is drawn one and keeps it. What it does to them is compared here.",
      how ? el("pre", { tabindex: "0" }, how) : null)];
  }
  const notes = cautions.length ? el("details", { class: "fold" }, el("summary", {}, "how to read this"), el("ul", {}, ...cautions.map((text) => el("li", {}, text)))) : null;
  return [...told.map(experiment), notes];
}

function experiment({ route, running, turns, callers, explored, split, variants }) {
  const told = [`${number(turns)} turns of ${number(callers)} callers`, running ? null : "no longer in the settings", explored ? `${explored} explored turns are left out` : null];
  return el("article", { class: "experiment" },
    el("h3", {}, badge(route), " ", el("span", {}, told.filter(Boolean).join(" · "))),
    split ? el("p", { class: split.warns ? "problem" : "aside" }, split.text) : null,
    ...Object.keys(NAMES).map((name) => measure(name, variants, route)).filter(Boolean));
}

function measure(name, variants, route) {
  const known = variants.map((variant) => variant.measures[name]).filter((m) => m && m.value !== null);
  if (!known.length) return null;
  const bounds = known.flatMap(({ low, high, value }) => [low ?? value, high ?? value]);
  const [from, to] = [Math.min(...bounds), Math.max(...bounds)];
  const rows = variants.map(({ variant, weight, measures, against_first: against }) => {
    const m = measures[name];
    const d = against?.[name];
    const drawn = m && m.value !== null
      ? interval({ low: m.low ?? m.value, middle: m.value, high: m.high ?? m.value, from, to, hue: hueOf(route), zero: name === "frustration_change" ? 0 : null }) : "";
    return el("tr", {},
      el("th", { scope: "row" }, variant, weight === null || weight === undefined ? null : el("small", {}, `weight ${weight}`)),
      el("td", { class: "wide" }, drawn), el("td", {}, m?.text ?? "–"),
      el("td", {}, d ? verdict(d) : el("span", { class: "absent" }, "the first: others are held against it")));
  });
  return el("details", { class: "measure", ...(["cost_usd", "frustration_change"].includes(name) && { open: "" }) },
    el("summary", {}, NAMES[name], ...variants.map(({ against_first: against }) => (against?.[name] ? verdict(against[name], true) : null)).filter(Boolean)),
    table(NAMES[name], ["variant", "95 % interval", "measured", "against the first"], rows));
}

function verdict({ verdict: found, text }, short = false) {
  return el("span", { class: `verdict ${found}` }, short ? VERDICTS[found] : text);
}

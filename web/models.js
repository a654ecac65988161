// The models: how they do lately, and what was learned of them.

import { head, interval } from "./chart.js";
import { dollars, el, milliseconds, number } from "./dom.js";
import { hueOf } from "./hues.js";

/** The live profile, a row each. */
export function profile({ models, half_life_s, used }) {
  const measured = models.filter(({ p50_ms }) => p50_ms !== null);
  const most = Math.max(1, ...measured.map(({ p95_ms, p50_ms }) => p95_ms ?? p50_ms));
  const rows = models.map((model) => el("tr", {},
    el("th", { scope: "row" }, model.model, badge(model.route), model.resting ? el("small", { class: "resting" }, `rests: ${model.resting_why ?? "it failed"}`) : null),
    el("td", { class: "wide" }, model.p50_ms === null ? absent(model.tries ? "not measured" : "no try yet") : speed(model, most)),
    cell("failed", model.error_rate, (share) => percent(share)),
    cell("a turn", model.cost_usd, dollars),
    cell("tokens/s", model.tokens_per_s, (rate) => number(rate)),
    cell("tries", model.tries, (tries) => number(tries, tries < 10 ? 1 : 0))));
  const about = `Recent tries count most: half as much after ${ago(half_life_s)}. ${used ? "The router goes by these numbers." : "The router does not go by these numbers (profile.use)."}`;
  return [
    el("p", { class: "aside" }, about),
    table("The models' live profile", ["model", "first token, half and 95 % of tries", "failed", "cost of a turn", "tokens a second", "tries"], rows),
  ];
}

/** What the learner believes: better or worse than expected, in units of quality. */
export function beliefs({ enabled, frozen, explore, half_life_days, beliefs: told }) {
  if (!enabled) return [empty("Learning is switched off.", "When it is on, the router learns from what callers do after a reply: whether they repeat themselves, interrupt, thank or hang up.", el("pre", { tabindex: "0" }, "[learning]\nenabled = true"))];
  const about = `${percent(explore)} of calm turns try another model, to learn of it. Evidence counts half after ${number(half_life_days)} days.${frozen ? " Frozen: nothing new is learned just now." : ""}`;
  if (!told.length) {
    return [el("p", { class: "aside" }, about), empty("Nothing is learned yet.", "It takes some tens of answered turns until a model is believed to be better or worse than its figures say.")];
  }
  const most = Math.max(0.1, ...told.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  const rows = told.map(({ model, task, lift, low, high, evidence }) => el("tr", {},
    el("th", { scope: "row" }, model, task ? el("small", {}, task) : null),
    el("td", { class: "wide" }, interval({ low, middle: lift, high, from: -most, to: most, zero: 0 })),
    el("td", {}, label("lift"), `${lift < 0 ? "" : "+"}${number(lift, 2)} (${number(low, 2)} to ${number(high, 2)})`),
    cell("evidence", evidence, (turns) => number(turns, turns < 10 ? 1 : 0))));
  return [el("p", { class: "aside" }, about), table("What is believed of the models", ["model", "worse or better than its figures", "in units of quality", "evidence, in turns"], rows)];
}

export function badge(route) {
  const chip = el("span", { class: "chip" }, route);
  chip.dataset.hue = hueOf(route);
  return chip;
}

/** What to do where there is nothing to see. */
export function empty(title, ...how) {
  return el("div", { class: "empty" }, el("p", {}, el("b", {}, title)), ...how.map((each) => (typeof each === "string" ? el("p", {}, each) : each)));
}

export function absent(why) {
  return el("span", { class: "absent" }, why);
}

export function percent(share) {
  return `${number(share * 100, share > 0 && share < 0.1 ? 1 : 0)} %`;
}

export function table(caption, heads, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "cards" }, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...heads.map((name) => head(name)))), el("tbody", {}, ...rows)));
}

/** A value with its name, which a phone shows in place of the head of the table. */
export function cell(name, value, tell) {
  return el("td", {}, label(name), value === null || value === undefined ? absent("–") : tell(value));
}

function label(name) {
  return el("span", { class: "label" }, name);
}

function speed({ p50_ms, p95_ms, route }, most) {
  const slow = p95_ms ?? p50_ms;
  return el("div", { class: "speed" },
    interval({ low: p50_ms, middle: p50_ms, high: slow, from: 0, to: most, hue: hueOf(route) }),
    el("span", {}, p95_ms === null ? milliseconds(p50_ms) : `${milliseconds(p50_ms)}, ${milliseconds(p95_ms)}`));
}

function ago(seconds) {
  return seconds >= 120 ? `${number(seconds / 60)} minutes` : `${number(seconds)} seconds`;
}

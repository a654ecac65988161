// How a turn was said, drawn. What was not measured is shown as not measured.

import { el, number } from "./dom.js";

const MEASURES = [
  ["speech", (c) => [c.speech_s, 1, "s"]],
  ["pace", (c) => [c.articulation_rate, 1, "syllables/s"]],
  ["pitch", (c) => [c.f0_median_hz, 0, "Hz"]],
  ["pitch range", (c) => [c.f0_range_st, 1, "semitones"]],
  ["loudness", (c) => [c.loudness_dbfs, 0, "dBFS"]],
  ["above noise", (c) => [c.snr_db, 0, "dB"]],
  ["began after", (c) => [c.response_latency_s, 1, "s"]],
];

/** What was measured, a value each. */
export function measures(cues) {
  const facts = [fact("pauses", pauses(cues.pauses))];
  for (const [label, read] of MEASURES) {
    const [value, decimals, unit] = read(cues);
    facts.push(fact(label, value === undefined ? null : `${number(value, decimals)} ${unit}`));
  }
  if (cues.filled_pauses !== undefined) facts.push(fact("um, uh", `${cues.filled_pauses}`));
  if (cues.clipping) facts.push(fact("clipped", `${number(cues.clipping * 100, 1)} %`));
  return el("dl", { class: "cues" }, ...facts);
}

/** The scores, and what they are made of behind a fold. */
export function cuesOf(cues) {
  const told = cues.arousal !== undefined || cues.emotion !== undefined;
  return [
    score("hesitation", cues.hesitation),
    folded("what hesitation is made of", terms(cues.hesitation_terms)),
    told ? score("arousal", cues.arousal) : null,
    cues.valence === undefined ? null : score("valence", cues.valence),
    cues.frustration === undefined ? null : score("frustration in the voice", cues.frustration),
    cues.emotion === undefined ? null : emotion(cues.emotion),
    departure(cues.departure),
    told ? confidence(cues.quality) : el("p", { class: "absent" }, unfelt(cues)),
  ];
}

/** Why no feeling is told. */
export function unfelt({ unknown }) {
  return unknown ? `arousal and emotion: unknown, ${unknown}` : "arousal and emotion: not measured";
}

/** A score from 0 to 1 as a meter; `threshold` is a mark on it. */
export function score(name, value, threshold) {
  if (value === undefined) return el("p", { class: "absent" }, `${name}: not measured`);
  const track = el("span", { class: "track", "aria-hidden": "true" }, el("i"));
  track.style.setProperty("--value", value);
  if (threshold !== undefined && threshold !== null) {
    track.append(el("b"));
    track.style.setProperty("--threshold", threshold);
  }
  return el("p", { class: "score" }, el("span", {}, name), track, el("span", { class: "n" }, number(value, 2)));
}

/** What a score is made of: bars to the right raise it, bars to the left lower it. */
export function terms(list = []) {
  const shown = list.filter((term) => Math.abs(term.contribution) >= 0.005);
  if (!shown.length) return null;
  const most = Math.max(...shown.map((term) => Math.abs(term.contribution)));
  const rows = shown.map((term) => {
    const bar = el("span", { class: "pull", "aria-hidden": "true" }, el("i"));
    bar.style.setProperty("--pull", Math.abs(term.contribution) / most);
    bar.classList.add(term.contribution < 0 ? "lowers" : "raises");
    const sign = term.contribution < 0 ? "" : "+";
    const bias = term.name === "bias";
    const name = bias ? "starting point" : term.name.replaceAll("_", " ");
    const value = bias ? "" : ` ${Number(term.value.toPrecision(Math.abs(term.value) < 1 ? 2 : 3))}`.replace("-", "−");
    return el("li", {}, el("span", {}, `${name}${value}`), bar,
      el("span", { class: "n" }, sign + number(term.contribution, 2)));
  });
  return el("ul", { class: "terms" }, ...rows);
}

/** Something to open; null where there is nothing in it. */
export function folded(summary, ...inside) {
  const shown = inside.filter(Boolean);
  return shown.length ? el("details", { class: "fold" }, el("summary", {}, summary), ...shown) : null;
}

function emotion(shares) {
  const rows = Object.entries(shares)
    .sort(([, a], [, b]) => b - a)
    .map(([name, share]) => score(name, share));
  return el("div", { class: "emotion" }, el("p", { class: "label" }, "sounds like"), ...rows.slice(0, 3),
    folded("the rest", ...rows.slice(3)));
}

function departure(from) {
  if (from?.arousal === undefined) return null;
  const size = Math.abs(from.arousal);
  const how = size < 0.5 ? "as usual for this caller" : `${number(size, 1)} σ ${from.arousal > 0 ? "above" : "below"} this caller's own usual`;
  return el("p", { class: "aside" }, `arousal ${how}`);
}

function confidence(quality) {
  return quality === undefined ? null : el("p", { class: "aside" }, `confidence ${number(quality, 2)}: how far the line lets the voice be judged`);
}

function pauses(found) {
  if (!found) return null;
  if (!found.count) return "none";
  return `${found.count}${found.count > 1 ? ", up to" : " of"} ${number(found.longest_s, 2)} s`;
}

function fact(label, text) {
  const value = text === null ? el("dd", { class: "absent" }, "not measured") : el("dd", {}, text);
  return el("div", {}, el("dt", {}, label), value);
}

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

/** The list of measures, then a meter for each score. */
export function cuesOf(cues) {
  const facts = el("dl", { class: "cues" }, fact("pauses", pauses(cues.pauses)));
  for (const [label, read] of MEASURES) {
    const [value, decimals, unit] = read(cues);
    facts.append(fact(label, value === undefined ? null : `${number(value, decimals)} ${unit}`));
  }
  if (cues.clipping) facts.append(fact("clipped", `${number(cues.clipping * 100, 1)} %`));
  const absent = ["frustration", "arousal", "emotion"].filter((name) => cues[name] === undefined);
  return [
    facts,
    score("hesitation", cues.hesitation),
    terms(cues.hesitation_terms),
    cues.frustration === undefined ? null : score("frustration", cues.frustration),
    cues.arousal === undefined ? null : score("arousal", cues.arousal),
    cues.emotion === undefined ? null : emotion(cues.emotion),
    absent.length ? el("p", { class: "absent" }, `${absent.join(", ")}: not measured`) : null,
  ];
}

/** A score from 0 to 1 as a meter; `threshold` is a mark on it. */
export function score(name, value, threshold) {
  if (value === undefined) {
    return el("p", { class: "absent" }, `${name}: not measured`);
  }
  const track = el("span", { class: "track", "aria-hidden": "true" }, el("i"));
  track.style.setProperty("--value", value);
  if (threshold !== undefined) {
    track.append(el("b"));
    track.style.setProperty("--threshold", threshold);
  }
  return el("p", { class: "score" }, el("span", {}, name), track, el("span", { class: "n" }, number(value, 2)));
}

/** What a score is made of: bars to the right raise it, bars to the left lower it. */
export function terms(list = []) {
  const shown = list.filter((term) => term.contribution);
  if (!shown.length) return null;
  const most = Math.max(...shown.map((term) => Math.abs(term.contribution)));
  const rows = shown.map((term) => {
    const bar = el("span", { class: "pull", "aria-hidden": "true" }, el("i"));
    bar.style.setProperty("--pull", Math.abs(term.contribution) / most);
    bar.classList.add(term.contribution < 0 ? "lowers" : "raises");
    const sign = term.contribution < 0 ? "" : "+";
    const value = term.name === "bias" ? "" : ` ${Number(term.value.toPrecision(3))}`;
    const name = term.name === "bias" ? "starting point" : term.name.replaceAll("_", " ");
    return el("li", {}, el("span", {}, `${name}${value}`), bar,
      el("span", { class: "n" }, sign + number(term.contribution, 2)));
  });
  return el("ul", { class: "terms" }, ...rows);
}

function emotion(shares) {
  const sorted = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return el("p", { class: "made" }, sorted.map(([name, p]) => `${name} ${number(p, 2)}`).join(", "));
}

function pauses(found) {
  if (!found) return null;
  return found.count ? `${found.count}, longest ${number(found.longest_s, 2)} s` : "none";
}

function fact(label, text) {
  const value = text === null ? el("dd", { class: "absent" }, "not measured") : el("dd", {}, text);
  return el("div", {}, el("dt", {}, label), value);
}

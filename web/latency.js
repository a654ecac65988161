// Where the time went, from the end of the caller's speech to the first sound of the reply.

import { el, milliseconds } from "./dom.js";

/**
 * What is known of a turn's times, all in ms: `silence` until the turn was over; `stt`, `cues` and
 * `route` as long as they took; `heard` and `decided`, from the end of the turn, when it was told
 * what was heard and who answers; `first` and `sound`, from the end of the turn, the first token
 * and the first sound. What was read ahead in the silence was done when the turn ended.
 */
export function waterfall({ silence = 0, stt, cues, route, heard = 0, decided = 0, first, sound }) {
  const rows = [["silence", 0, silence]];
  const done = silence + Math.min(heard, Math.max(stt ?? 0, cues ?? 0));
  for (const [name, ms] of [["STT", stt], ["voice cues", cues]]) {
    if (ms !== undefined) rows.push([name, Math.max(0, done - ms), Math.min(done, ms), ms]);
  }
  const planned = Math.max(done, silence + Math.min(decided, first ?? decided));
  if (route !== undefined) rows.push(["route", Math.max(0, planned - route), route]);
  if (first !== undefined) rows.push(["to first token", Math.min(planned, silence + first), Math.max(0, silence + first - planned), silence + first]);
  if (sound !== undefined) rows.push(["to first sound", silence + (first ?? 0), Math.max(0, sound - (first ?? 0)), silence + sound]);
  const whole = Math.max(1, ...rows.map(([, from, long]) => from + long));
  return el("ul", { class: "latency" }, ...rows.map(([name, from, long, told]) => {
    const bar = el("span", { class: "span", "aria-hidden": "true" }, el("i"));
    bar.style.setProperty("--from", from / whole);
    bar.style.setProperty("--long", long / whole);
    return el("li", {}, el("span", {}, name), bar, el("span", { class: "n" }, milliseconds(told ?? long)));
  }));
}

/** The sum in one sentence. */
export function total({ silence = 0, first, sound }) {
  if (first === undefined) return "No first token came.";
  const [what, ms] = sound === undefined ? ["first word", first] : ["first sound", sound];
  const wait = silence ? `, of which ${milliseconds(silence)} of silence to be sure` : "";
  return `${milliseconds(silence + ms)} from the end of speech to the ${what}${wait}.`;
}

// How the caller sounds, turn by turn: a bar each, paler where the line is poor, hollow where it
// is unknown.

import { el, fill, number } from "./dom.js";

const SHOWN = 16;
const NAMES = ["arousal", "frustration", "hesitation"];

export class Meters {
  element = el("div", { class: "meters", role: "group", "aria-label": "How the caller sounds, turn by turn" });
  #turns = new Map();
  #parts = {};

  constructor() {
    for (const name of NAMES) {
      const part = {
        value: el("output", {}, "–"),
        why: el("p", { class: "aside" }),
        drawing: el("div", { class: "bars", role: "img" }),
      };
      this.#parts[name] = part;
      const head = el("figcaption", {}, el("span", {}, name), part.value);
      this.element.append(el("figure", { class: "meter", "data-cue": name }, head, part.drawing, part.why));
    }
    this.#draw();
  }

  tell(event) {
    if (event.event === "turn_measured") {
      const { hesitation, arousal, quality, unknown } = event.cues;
      this.#turns.set(event.turn, { hesitation, arousal, quality, unknown });
    } else if (event.event === "turn_routed") {
      const known = this.#turns.get(event.turn) ?? {};
      this.#turns.set(event.turn, { ...known, frustration: event.plan.frustration });
    } else {
      return;
    }
    this.#draw();
  }

  #draw() {
    const turns = [...this.#turns.values()].slice(-SHOWN);
    for (const name of NAMES) {
      const { value, why, drawing } = this.#parts[name];
      fill(drawing, ...turns.map((turn) => bar(turn, name)));
      const told = turns.map((turn) => (turn[name] === undefined ? "unknown" : number(turn[name], 2)));
      drawing.setAttribute("aria-label", turns.length ? `${name} by turn: ${told.join(", ")}` : `${name}: no turn yet`);
      const last = turns.at(-1);
      if (!last) continue;
      value.textContent = last[name] === undefined ? "unknown" : number(last[name], 2);
      value.classList.toggle("unknown", last[name] === undefined);
      why.textContent = reason(last, name);
    }
  }
}

function bar(turn, name) {
  const value = turn[name];
  if (value === undefined) return el("i", { class: "unknown" });
  const mark = el("i");
  mark.style.setProperty("--value", value);
  mark.style.setProperty("--sure", name === "arousal" ? (turn.quality ?? 1) : 1);
  return mark;
}

/** What stands beneath: how sure it is, or why it is not known. */
function reason(turn, name) {
  if (name === "arousal") {
    if (turn.arousal === undefined) return turn.unknown ?? "not measured here";
    return turn.quality === undefined ? "" : `confidence ${number(turn.quality, 2)}`;
  }
  if (name === "frustration") {
    if (turn.frustration === undefined) return "not asked for by the policy, or nothing was said";
    return turn.arousal === undefined ? "from the words" : "from words and voice";
  }
  return turn.hesitation === undefined ? "not measured" : "from timing and pauses";
}

// The part of the settings that holds for the call itself: what counts, how long a silence may
// last, which models may answer. Whatever is changed is told to the server at once.

import { el, fill, number } from "./dom.js";

const NAMES = {
  quality: ["Quality", "of the answer"],
  latency: ["Speed", "seconds until the first word"],
  cost: ["Cost", "against the dearest model's turn"],
};
const OCTAVES = 4; // of a slider, to either side of what the server has; its low end is nothing at all
const FOUR = 2; // octaves of patience: a quarter to four times

export class Tuning {
  #form;
  #changed;
  #sliders = new Map(); // name: { input, output, own }
  #models = [];
  #own = {};
  #patience = null;

  /** `changed(wishes)` is told what is wished; null: nothing, all is as the server has it. */
  constructor(form, changed) {
    this.#form = form;
    this.#changed = changed;
  }

  /** Draws it for what the server allows; see `call_options.py`. */
  offer({ allowed, router, weights, models }) {
    this.#own = weights;
    this.#sliders.clear();
    const rows = Object.entries(NAMES).map(([name, [title, about]]) => this.#weight(name, title, about, weights[name]));
    this.#patience = slider("patience", "Patience", "how long a silence may last", -FOUR, FOUR, 0.25);
    this.#models = models.map(({ name, route }) => {
      const box = el("input", { type: "checkbox", name: "only", value: name, checked: "" });
      return { name, box, row: el("label", { class: "model" }, box, el("span", {}, name), el("small", {}, route)) };
    });
    const reset = el("button", { type: "button", class: "quiet", id: "tuning-reset" }, "As the server has it");
    reset.addEventListener("click", () => this.#reset());
    const about = el("p", { class: "aside" }, hint(allowed, router, weights));
    fill(this.#form,
      el("legend", {}, "This call"), about, ...rows, this.#patience.row,
      el("fieldset", { class: "models" }, el("legend", {}, "May answer"), ...this.#models.map(({ row }) => row)),
      el("p", { class: "actions" }, reset), el("p", { class: "problem", role: "alert", hidden: "", id: "tuning-problem" }));
    this.#form.disabled = !allowed;
    for (const { input } of this.#all()) {
      input.addEventListener("input", () => this.#say());
      input.addEventListener("change", () => this.#tell());
    }
    for (const { box } of this.#models) box.addEventListener("change", () => this.#chosen(box));
    this.#say();
  }

  /** What is wished; null where nothing is. */
  get wishes() {
    const weights = {};
    for (const [name, { input, own }] of this.#sliders) {
      if (Number(input.value) !== 0) weights[name] = weigh(own, Number(input.value));
    }
    const patience = this.#patience ? round(2 ** Number(this.#patience.input.value)) : 1;
    const on = this.#models.filter(({ box }) => box.checked).map(({ name }) => name);
    const only = on.length === this.#models.length ? [] : on;
    return Object.keys(weights).length || patience !== 1 || only.length ? { weights, patience, only } : null;
  }

  /** The server does not do it. */
  refused(problem) {
    const shown = this.#form.querySelector("#tuning-problem");
    if (!shown) return;
    shown.hidden = !problem;
    shown.textContent = problem ? `Not done: ${problem}.` : "";
  }

  // ------------------------------------------------------------

  #all() {
    return [...this.#sliders.values(), this.#patience].filter(Boolean);
  }

  #weight(name, title, about, own) {
    const made = slider(name, title, about, -OCTAVES, OCTAVES, 0.5);
    if (own) this.#sliders.set(name, { ...made, own });
    else made.input.disabled = true; // the router has no such weight, or it counts for nothing
    if (!own) made.output.textContent = "not weighed";
    return made.row;
  }

  #chosen(box) {
    const left = this.#models.filter((model) => model.box.checked);
    this.refused(null);
    if (!left.length) {
      box.checked = true;
      return this.refused("at least one model has to answer");
    }
    return this.#tell();
  }

  #reset() {
    for (const { input } of this.#all()) input.value = 0;
    for (const { box } of this.#models) box.checked = true;
    this.refused(null);
    this.#say();
    this.#tell();
  }

  #say() {
    for (const { input, output, own } of this.#sliders.values()) say(input, output, told(own, Number(input.value)));
    if (this.#patience) say(this.#patience.input, this.#patience.output, often(Number(this.#patience.input.value)));
  }

  #tell() {
    this.#say();
    this.refused(null);
    this.#changed(this.wishes);
  }
}

/** In words, for the card of a decision and for a note in the call. */
export function inWords({ weights = {}, patience = 1, only = [] }) {
  const said = Object.entries(weights).map(([name, value]) => `${name} counts ${short(value)}`);
  if (patience !== 1) said.push(`patience ${number(patience, 2)} ×`);
  if (only.length) said.push(`only ${only.join(", ")}`);
  return said.join(", ");
}

function slider(name, title, about, min, max, step) {
  const id = `tune-${name}`;
  const input = el("input", { type: "range", id, name, min, max, step, value: 0 });
  const output = el("output", { for: id });
  const label = el("label", { for: id }, title, el("small", {}, about));
  return { input, output, row: el("div", { class: "slider" }, label, output, input) };
}

function say(input, output, text) {
  output.textContent = text;
  input.setAttribute("aria-valuetext", text);
}

/** The weight at a place of its slider. */
function weigh(own, octaves) {
  return octaves <= -OCTAVES ? 0 : round(Math.min(1000, own * 2 ** octaves));
}

function told(own, octaves) {
  if (octaves <= -OCTAVES) return "0, does not count";
  if (octaves === 0) return `${short(own)}, as usual`;
  return `${short(weigh(own, octaves))}, ${short(2 ** octaves)} ×`;
}

function often(octaves) {
  return octaves === 0 ? "as usual" : `${short(2 ** octaves)} × as long`;
}

function short(value) {
  return `${Number(value.toPrecision(2))}`;
}

function round(value) {
  return Number(value.toPrecision(4));
}

function hint(allowed, router, weights) {
  if (!allowed) return "This server does not let callers change these (server.tuning in its settings).";
  if (!Object.keys(weights).length) {
    return `The router in use, “${router}”, does not weigh models: what counts cannot be changed here. Patience and models can.`;
  }
  return "Holds at once, for your calls until this page is closed. The next decision shows it, in bars.";
}

// What a turn cost, and what the frontier model would have taken for it: only where prices are known.

import { dollars, el } from "./dom.js";

let models = [];

/** The server's models, each with its `name` and `route` and, where known, USD per million tokens. */
export function priced(list = []) {
  models = list;
}

/** The attempts of one turn, those that were thrown away included. */
export class Bill {
  usd = 0;
  known = false;
  #tokens = null; // [read, written] by the one that answered
  #unknown = new Set();

  add({ model, cost_usd, outcome, input_tokens, output_tokens }) {
    if (cost_usd !== undefined) {
      this.usd += cost_usd;
      this.known = true;
    } else if (outcome !== "skipped") {
      this.#unknown.add(model);
    }
    if (outcome === "answered" && input_tokens && output_tokens) this.#tokens = [input_tokens, output_tokens];
  }

  get short() {
    return this.known && !this.#unknown.size ? dollars(this.usd) : null;
  }

  /** In one or two sentences; null where no model was asked. */
  draw(plan) {
    const missing = [...this.#unknown].join(", ");
    if (!this.known) return missing ? el("p", { class: "cost" }, `Cost not known: ${missing} told no price.`) : null;
    const spent = `This turn cost ${dollars(this.usd)}${missing ? `, and what ${missing} took is not known` : ""}.`;
    return el("p", { class: "cost" }, `${spent} ${this.#frontier(plan)}`);
  }

  #frontier(plan) {
    if (plan?.route === "frontier") return "Always asking the frontier would have cost the same.";
    const dear = models.find(({ route, price_in, price_out }) => route === "frontier" && price_in !== undefined && price_out !== undefined);
    if (!dear || !this.#tokens) return "What the frontier would have taken is not known.";
    const [read, written] = this.#tokens;
    const usd = (read * dear.price_in + written * dear.price_out) / 1e6;
    return `As many words of ${dear.name} would have cost ${dollars(usd)}.`;
  }
}

// What each model was worth in a decision, and what its worth is made of.

import { terms } from "./cues.js";
import { el, number } from "./dom.js";

/** Every model, the best first; null where the router weighs none. */
export function weighed(scores = []) {
  if (!scores.length) return null;
  const rows = scores.map(({ model, utility, excluded_by, contributions = [] }, place) => {
    if (utility === undefined || utility === null) return el("li", { class: "out" }, el("b", {}, model), ` left out: ${excluded_by}`);
    const bars = terms(contributions);
    const worth = el("span", { class: "n" }, number(utility, 2));
    if (!bars) return el("li", { class: "flat" }, el("b", {}, model), worth);
    const fold = el("details", { class: "fold" }, el("summary", {}, el("b", {}, model), worth), bars);
    fold.open = place < 2;
    return el("li", {}, fold);
  });
  return el("div", { class: "weighed" }, el("p", { class: "label" }, "what each model is worth here"), el("ol", {}, ...rows));
}

/** A reason without what the bars of the models show as well. */
export function inShort(text) {
  return text.replace(/ \([a-z]+ [+\-−\d][^)]*\)/g, "").replace(/ -(?=\d)/g, " −");
}

// What somebody thinks of a reply: two buttons, of which one at most is pressed.

import { el } from "./dom.js";

const THUMB = "M7 11v9H4v-9h3Zm3 9h7.2a2 2 0 0 0 2-1.6l1.2-6a2 2 0 0 0-2-2.4H14l.7-3.6A2 2 0 0 0 12.8 4L10 10.4V20Z";

export class Rating {
  element = el("div", { class: "rating", role: "group", hidden: "" });
  #buttons;
  #said = el("span", { class: "aside", role: "status" });

  /** `rate(score)` passes it on and tells whether anybody took it. */
  constructor(turn, rate) {
    this.element.setAttribute("aria-label", `What do you think of the reply to turn ${turn}?`);
    this.#buttons = [[1, "Good reply"], [0, "Bad reply"]].map(([score, name]) => {
      const button = el("button", { type: "button", "aria-pressed": "false", "aria-label": name, title: name, class: score ? "up" : "down" }, thumb());
      button.addEventListener("click", async () => {
        this.#said.textContent = "";
        if (!(await rate(score))) this.#said.textContent = "The call is over, and this server takes no verdicts afterwards.";
      });
      return { score, button };
    });
    this.element.append(...this.#buttons.map(({ button }) => button), this.#said);
  }

  offer() {
    this.element.hidden = false;
  }

  /** The server has it. */
  given(score) {
    for (const each of this.#buttons) each.button.setAttribute("aria-pressed", String(each.score === score));
    this.#said.textContent = "Noted, thank you.";
  }

  refused(problem) {
    this.#said.textContent = `Not noted: ${problem}.`;
  }
}

function thumb() {
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(name, "path");
  path.setAttribute("d", THUMB);
  svg.append(path);
  return svg;
}

// A call as a list of turns: one card each, filled as the events come.

import { cuesOf, score, terms } from "./cues.js";
import { clock, el, fill, milliseconds } from "./dom.js";

const OUTCOMES = {
  interrupted: "the caller spoke over it",
  cut_short: "the stream broke off",
  failed: "no model answered",
};

export class CallView {
  #turns = new Map();
  #list = el("ol", { class: "turns" });
  #foot = el("p", { class: "foot" });
  #routes = new Map();
  #latest = 0;

  constructor(parent, title) {
    const when = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const head = el("h2", {}, title, " ", el("span", {}, when));
    this.section = el("section", { class: "call" }, head, this.#list, this.#foot);
    parent.prepend(this.section);
  }

  /** The connection broke before the server could say goodbye. */
  broken() {
    if (!this.#foot.textContent) {
      this.#ended({ turns: this.#latest, reason: "broken off" });
    }
  }

  /** Is the latest turn still being heard, understood or answered? */
  get busy() {
    return this.#turns.get(this.#latest)?.settled === false;
  }

  tell(event) {
    if (event.event === "call_ended") return this.#ended(event);
    if (event.turn === undefined) return undefined;
    if (event.event === "speech_started") this.#begin(event);
    this.#turns.get(event.turn)?.tell(event);
    if (event.event === "turn_routed") {
      this.#routes.set(event.plan.route, (this.#routes.get(event.plan.route) ?? 0) + 1);
    }
    return undefined;
  }

  #begin({ turn }) {
    this.#turns.get(this.#latest)?.talkedPast();
    this.#latest = turn;
    const card = new Turn(turn);
    const last = this.#list.lastElementChild;
    const follow = !last || last.getBoundingClientRect().top < innerHeight;
    this.#turns.set(turn, card);
    this.#list.append(card.element);
    if (follow) card.element.scrollIntoView({ block: "nearest" });
  }

  #ended({ turns, reason }) {
    for (const turn of this.#turns.values()) turn.callOver();
    const routes = [...this.#routes].map(([route, count]) => `${count} ${route}`).join(", ");
    const said = `${turns} ${turns === 1 ? "turn" : "turns"}`;
    this.#foot.textContent = [said, routes, reason].filter(Boolean).join(" · ");
  }
}

class Turn {
  settled = false;
  #plan = null;
  #ms = {};
  #part = {
    when: el("span", { class: "when" }),
    badge: el("span", { class: "badge" }),
    said: el("blockquote", { class: "said live" }, "listening"),
    how: el("div", { class: "how" }),
    why: el("div", { class: "why" }),
    tries: el("ul", { class: "tries" }),
    reply: el("p", { class: "reply" }),
    notes: el("ul", { class: "notes" }),
    latency: el("div", { class: "latency" }),
  };

  constructor(turn) {
    const part = this.#part;
    const head = el("header", {}, el("h3", {}, `Turn ${turn}`), part.when, part.badge);
    const heard = el("div", { class: "heard" }, part.said, part.how);
    const given = el("div", { class: "given" }, part.why, part.reply, part.tries, part.latency);
    this.element = el("li", { class: "turn" }, head, heard, given, part.notes);
  }

  tell(event) {
    const handle = {
      speech_paused: () => this.#live("pausing"),
      speech_resumed: () => this.#live("listening"),
      turn_ended: () => this.#over(event),
      turn_transcribed: () => this.#transcribed(event),
      turn_measured: () => this.#measured(event),
      turn_ignored: () => this.#ignored(event),
      turn_routed: () => this.#routed(event),
      attempt_ended: () => this.#tried(event),
      reply_streamed: () => this.#part.reply.append(event.text),
      reply_ended: () => this.#replied(event),
      stage_failed: () => this.#note(`${event.stage} (${event.engine}) failed: ${event.error}`),
    }[event.event];
    handle?.();
  }

  /** The caller spoke on before this turn was answered. */
  talkedPast() {
    if (!this.settled && !this.#plan) this.#settle("The caller went on; the next reply knows this.");
  }

  callOver() {
    if (!this.settled) this.#settle("The call ended first.");
  }

  #live(doing) {
    fill(this.#part.said, doing);
  }

  #over({ at, start_s, end_s, reason }) {
    if (reason === "patience") this.#ms.silence = (at - end_s) * 1000;
    this.#part.when.textContent = `${clock(start_s)} to ${clock(end_s)}`;
    this.#live("understanding");
    if (reason === "too_long") this.#note("The turn grew too long and was cut here.");
  }

  #transcribed({ transcript, stt_ms }) {
    this.#ms.stt = stt_ms;
    this.#part.said.classList.remove("live");
    fill(this.#part.said, transcript.text || "…");
    if (transcript.language) this.#part.said.lang = transcript.language;
  }

  #measured({ cues, acoustic_ms }) {
    this.#ms.cues = acoustic_ms;
    fill(this.#part.how, ...cuesOf(cues));
  }

  #ignored({ reason }) {
    this.element.classList.add("ignored");
    this.#settle(`Not answered: ${reason}.`);
  }

  #routed({ plan, routing_ms }) {
    this.#plan = plan;
    this.#ms.route = routing_ms;
    this.element.dataset.route = plan.route;
    this.#part.badge.textContent = plan.route;
    const [first, ...others] = plan.reasons;
    const because = first ? `${capital(plan.route)}, because ${first.text}.` : "";
    const also = others.map((reason) => el("li", {}, reason.text));
    fill(
      this.#part.why,
      el("p", { class: "because" }, because),
      score("complexity", plan.complexity, first?.signal === "complexity" ? first.threshold : undefined),
      el("details", {}, el("summary", {}, "what it is made of"), terms(plan.complexity_terms),
        also.length ? el("ul", { class: "also" }, ...also) : null),
    );
    this.#part.reply.classList.add("coming");
  }

  #tried({ attempt, model, outcome, detail, first_token_ms, output_tokens }) {
    const facts = [
      outcome.replaceAll("_", " "),
      detail,
      first_token_ms === undefined ? null : `first token ${milliseconds(first_token_ms)}`,
      output_tokens === undefined ? null : `${output_tokens} tokens`,
    ].filter(Boolean);
    const good = outcome === "answered" ? "good" : "bad";
    this.#part.tries.append(
      el("li", { class: good }, el("b", {}, `${attempt}. ${model}`), ` ${facts.join(", ")}`),
    );
  }

  #replied({ text, outcome, first_token_ms }) {
    const reply = this.#part.reply;
    reply.classList.remove("coming");
    reply.textContent = text;
    this.#ms.first = first_token_ms;
    fill(this.#part.latency, ...waterfall(this.#ms));
    this.#settle(OUTCOMES[outcome] ? `${capital(OUTCOMES[outcome])}.` : null);
  }

  #settle(note) {
    this.settled = true;
    if (this.#part.said.classList.contains("live")) {
      this.#part.said.classList.remove("live");
      fill(this.#part.said, "…");
    }
    if (note) this.#note(note);
  }

  #note(text) {
    this.#part.notes.append(el("li", {}, text));
  }
}

/** From the end of the turn to the first token: STT and cues run side by side, then the route. */
function waterfall({ silence, stt, cues, route, first }) {
  const heard = Math.max(stt ?? 0, cues ?? 0);
  const decided = heard + (route ?? 0);
  const stages = [
    ["STT", 0, stt],
    ["cues", 0, cues],
    ["route", heard, route],
    ["model", Math.min(decided, first ?? decided), first === undefined ? undefined : Math.max(0, first - decided)],
  ].filter(([, , ms]) => ms !== undefined);
  const whole = Math.max(first ?? 0, decided, 1);
  const rows = stages.map(([name, from, ms]) => {
    const bar = el("span", { class: "span", "aria-hidden": "true" }, el("i"));
    bar.style.setProperty("--from", from / whole);
    bar.style.setProperty("--long", ms / whole);
    return el("li", {}, el("span", {}, name), bar, el("span", { class: "n" }, milliseconds(ms)));
  });
  const wait = silence === undefined ? "" : `${milliseconds(silence)} of silence to be sure, then `;
  const total = first === undefined ? "no first token" : `${wait}${milliseconds(first)} to the first token`;
  return [el("p", {}, total), el("ul", {}, ...rows)];
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

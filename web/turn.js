// One turn as a card: what was said, who answers and why, the reply; the evidence behind a fold.

import { Bill } from "./cost.js";
import { cuesOf, folded, measures, score, terms } from "./cues.js";
import { capital, clock, dollars, el, fill, milliseconds, number } from "./dom.js";
import { total, waterfall } from "./latency.js";
import { Rating } from "./rating.js";
import { inShort, weighed } from "./weighed.js";

const OUTCOMES = {
  interrupted: "the caller spoke over the reply; the rest was not said",
  cut_short: "the stream broke off",
  failed: "no model answered",
};

const WENT_ON = "Went on before a reply was heard: the next one answers this, too.";

const BARE = /^\w+ [\d.]+ [<≥] [\d.]+$/; // a comparison that its bar shows

export class Turn {
  settled = false;
  words = "";
  #spokenOver = false;
  #plan = null;
  #cues = null;
  #ms = {};
  #endedAt = 0;
  #bill = new Bill();
  #rating;
  #partly = false; // words are shown before their time
  #part = {
    when: el("span", { class: "when" }),
    badge: el("span", { class: "badge" }),
    said: el("blockquote", { class: "said live" }, "listening"),
    because: el("p", { class: "because" }),
    reply: el("p", { class: "reply" }),
    notes: el("ul", { class: "notes" }),
    digest: el("span", { class: "digest" }),
    how: el("div"),
    measured: el("div"),
    why: el("div"),
    tries: el("ol", { class: "tries" }),
    time: el("div"),
    cost: el("div"),
  };

  /** `rate(score)` passes on what the caller thinks of the reply. */
  constructor(turn, rate) {
    const part = this.#part;
    this.#rating = new Rating(turn, rate);
    const title = `turn-${turn}-${Math.random().toString(36).slice(2, 7)}`;
    const head = el("header", {}, el("h3", { id: title }, `Turn ${turn}`), part.when, part.badge);
    this.evidence = el("details", { class: "evidence", hidden: "" },
      el("summary", {}, el("span", { class: "open" }, "Evidence"), part.digest),
      el("div", { class: "columns" },
        el("section", {}, el("h4", {}, "How it was said"), part.how),
        el("section", {}, el("h4", {}, "Why this route"), part.why),
        el("section", {}, el("h4", {}, "Where the time went"), part.time, part.tries, part.cost)),
      part.measured);
    this.element = el("li", { class: "turn", "aria-labelledby": title }, head, part.said, part.because,
      part.reply, this.#rating.element, part.notes, this.evidence);
  }

  /** `wishes`: what the caller wished for the call, in words. */
  tell(event, wishes) {
    const handle = {
      speech_paused: () => this.#live("a pause"),
      speech_resumed: () => this.#live("listening"),
      turn_ended: () => this.#over(event),
      turn_partly_transcribed: () => this.#partlyTranscribed(event),
      turn_transcribed: () => this.#transcribed(event),
      turn_measured: () => this.#measured(event),
      turn_ignored: () => this.#ignored(event),
      turn_routed: () => this.#routed(event, wishes),
      feedback_given: () => this.#rating.given(event.score),
      attempt_ended: () => this.#tried(event),
      aside_spoken: () => this.#note(`“${event.text}” was said meanwhile.`),
      reply_streamed: () => this.#streamed(event),
      reply_sounded: () => this.#sounded(event),
      reply_held: () => this.#part.reply.classList.add("held"),
      reply_resumed: () => this.#part.reply.classList.remove("held"),
      reply_interrupted: () => (this.#spokenOver = true),
      reply_ended: () => this.#replied(event),
      stage_failed: () => this.#note(`${event.stage} (${event.engine}) failed: ${event.error}`),
    }[event.event];
    handle?.();
  }

  /** The caller spoke on before this turn was answered. */
  talkedPast() {
    if (!this.settled && !this.#plan) this.#goOn();
  }

  /** What was said in these turns is answered here as well. */
  goesOnFrom(turns) {
    this.#part.said.prepend(el("span", { class: "earlier" }, `${turns.map(({ words }) => words).join(" ")} `));
  }

  /** Who answered; null where nobody did, or nothing of it was heard. */
  get route() {
    return this.#passed ? null : (this.#plan?.route ?? null);
  }

  get #passed() {
    return this.element.classList.contains("passed");
  }

  /** What became of a verdict that was given after the call. */
  rated(score, problem) {
    if (problem) this.#rating.refused(problem);
    else this.#rating.given(score);
  }

  callOver() {
    if (!this.settled) this.#settle("The call ended first.");
  }

  /** What a screen reader is told when the turn was heard, or answered. */
  get spoken() {
    const { said, because, reply } = this.#part;
    if (this.#passed) return WENT_ON;
    return this.settled ? `Reply: ${reply.textContent}` : `Heard: ${said.textContent}. ${because.textContent}`;
  }

  // ------------------------------------------------------------ hearing

  /** What goes on before the words are known; words that are shown already stay. */
  #live(doing) {
    this.#part.when.textContent = this.#partly ? doing : "";
    if (!this.#partly) fill(this.#part.said, doing);
  }

  #partlyTranscribed({ transcript }) {
    if (!this.#part.said.classList.contains("live")) return; // the last word is spoken
    this.#partly = true;
    this.#part.said.classList.add("partly");
    fill(this.#part.said, el("span", { class: "unseen" }, "so far: "), transcript.text);
    if (!this.#part.when.textContent) this.#part.when.textContent = "listening";
  }

  #over({ at, start_s, end_s, reason, patience }) {
    this.#endedAt = performance.now();
    if (reason === "patience") this.#ms.silence = (at - end_s) * 1000;
    this.#ms.patience = patience;
    this.#live("understanding");
    this.#part.when.textContent = `${clock(start_s)} to ${clock(end_s)}`;
    if (reason === "too_long") this.#note("The turn grew too long and was cut here.");
  }

  #transcribed({ transcript, stt_ms }) {
    this.#ms.stt = stt_ms;
    this.#ms.heard = performance.now() - this.#endedAt;
    this.#part.said.classList.remove("live", "partly");
    this.words = transcript.text;
    fill(this.#part.said, transcript.text || "…");
    if (transcript.language) this.#part.said.lang = transcript.language;
  }

  #measured({ cues, acoustic_ms }) {
    this.#cues = cues;
    this.#ms.cues = acoustic_ms;
    this.#ms.heard = performance.now() - this.#endedAt;
    fill(this.#part.how, ...cuesOf(cues));
    fill(this.#part.measured, measures(cues));
    this.evidence.hidden = false;
    this.#digest();
  }

  #ignored({ reason }) {
    this.element.classList.add("ignored");
    this.#settle(`Not answered: ${reason}.`);
  }

  // ------------------------------------------------------------ deciding

  #routed({ plan, routing_ms }, wishes) {
    this.#plan = plan;
    this.#rating.offer();
    this.#ms.route = routing_ms;
    this.#ms.decided = performance.now() - this.#endedAt;
    this.element.dataset.route = plan.route;
    this.#part.badge.textContent = plan.route;
    const [first, ...others] = plan.reasons;
    fill(this.#part.because, first ? `${capital(plan.route)}, because ${plan.scores?.length ? inShort(first.text) : first.text}.` : "");
    const drawn = ({ signal, value }) => value >= 0 && value <= 1 && signal !== "utility";
    const also = others.filter((reason) => !BARE.test(reason.text) || !drawn(reason)).map(({ text }) => el("li", {}, plan.scores?.length ? inShort(text) : text));
    const asked = plan.reasons.filter((reason) => drawn(reason) && !(reason.signal in plan));
    const line = (signal) => plan.reasons.find((reason) => reason.signal === signal)?.threshold;
    fill(
      this.#part.why,
      score("complexity", plan.complexity, line("complexity")),
      folded("what complexity is made of", terms(plan.complexity_terms)),
      plan.frustration === undefined ? null : score("frustration", plan.frustration, line("frustration")),
      folded("what frustration is made of", terms(plan.frustration_terms)),
      ...asked.map(({ signal, value, threshold }) => score(signal, value, threshold)),
      also.length ? el("ul", { class: "also" }, ...also) : null,
      plan.escalated ? el("p", { class: "aside" }, "Escalated: stronger than the words alone would have earned.") : null,
      wishes ? el("p", { class: "aside wishes" }, `By your settings: ${wishes}.`) : null,
      weighed(plan.scores),
    );
    this.#part.reply.classList.add("coming");
    this.evidence.hidden = false;
    this.#digest();
  }

  // ------------------------------------------------------------ answering

  #tried(attempt) {
    const { model, outcome, detail, first_token_ms, output_tokens, cost_usd, continued, early } = attempt;
    const facts = [
      early ? "asked early and thrown away: the caller went on" : outcome.replaceAll("_", " "),
      continued ? "went on from what was said" : null,
      detail,
      first_token_ms === undefined ? null : `first token ${milliseconds(first_token_ms)}`,
      output_tokens === undefined ? null : `${output_tokens} tokens`,
      cost_usd === undefined ? null : dollars(cost_usd),
    ].filter(Boolean);
    const good = outcome === "answered" || early;
    this.#bill.add(attempt);
    this.#part.tries.append(
      el("li", { class: good ? "good" : "bad" }, el("b", {}, model), ` ${facts.join(", ")}`),
    );
  }

  #streamed({ text }) {
    this.#part.reply.append(text);
    this.#ms.first ??= performance.now() - this.#endedAt; // until the server tells it better
  }

  #sounded({ first_sound_ms }) {
    this.#ms.sound = first_sound_ms;
    this.#part.reply.classList.add("sounding");
    this.#time();
  }

  #replied({ text, outcome, unspoken, first_token_ms }) {
    const reply = this.#part.reply;
    reply.classList.remove("coming", "held", "sounding");
    const unheard = outcome === "interrupted" && !text;
    fill(reply, text, unspoken ? el("s", { title: "written, but never heard" }, `${text && " "}${unspoken.trim()}`) : null);
    this.#ms.first = first_token_ms;
    this.#time();
    fill(this.#part.cost, this.#bill.draw(this.#plan));
    if (unheard && this.#spokenOver) return this.#goOn(unspoken);
    if (outcome === "interrupted" && !this.#spokenOver) return this.#settle("The call ended before the reply did.");
    return this.#settle(OUTCOMES[outcome] ? `${capital(OUTCOMES[outcome])}.` : null);
  }

  /** It was no turn of its own: what was written for it, nobody has heard. */
  #goOn(unspoken) {
    this.element.classList.add("passed");
    this.#rating.element.hidden = true;
    if (unspoken) this.#part.tries.after(folded("a reply was ready, and nobody heard it", el("p", {}, unspoken.trim())));
    fill(this.#part.reply);
    this.#settle(WENT_ON);
  }

  #time() {
    const { patience } = this.#ms;
    const waited = patience?.reason ? el("p", { class: "aside" }, `Waited ${milliseconds(patience.seconds * 1000)}: ${patience.reason}`) : null;
    fill(this.#part.time, el("p", { class: "total" }, total(this.#ms)), waterfall(this.#ms), waited,
      folded("how sure it was that all had been said", patience && score("done", patience.done), terms(patience?.terms)));
    this.#digest();
  }

  /** The evidence in a line, for when it is folded. */
  #digest() {
    const { silence = 0, first, sound } = this.#ms;
    const end = sound ?? first;
    const score = (name, value) => (value === undefined ? null : `${name} ${number(value, 2)}`);
    this.#part.digest.textContent = [
      score("hesitation", this.#cues?.hesitation),
      score("arousal", this.#cues?.arousal),
      score("complexity", this.#plan?.complexity),
      score("frustration", this.#plan?.frustration),
      end === undefined ? null : milliseconds(silence + end),
      this.#bill.short,
    ].filter(Boolean).join(" · ");
  }

  #settle(note) {
    this.settled = true;
    if (this.#part.said.classList.contains("live")) {
      this.#part.said.classList.remove("live");
      if (!this.#partly) fill(this.#part.said, "…");
    }
    if (note) this.#note(note);
  }

  #note(text) {
    this.#part.notes.append(el("li", {}, text));
  }
}

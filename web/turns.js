// A call: its turns, how the caller sounds over time, and its events to take away.

import { keptHere, keptThere, saveEvents } from "./away.js";
import { dollars, el } from "./dom.js";
import { hueOf } from "./hues.js";
import { Meters } from "./meters.js";
import { inWords } from "./tuning.js";
import { Turn } from "./turn.js";

export class CallView {
  #turns = new Map();
  #list = el("ol", { class: "turns" });
  #notes = el("ul", { class: "notes" });
  #foot = el("p", { class: "foot" });
  #meters = new Meters();
  #usd = 0;
  #priced = false;
  #latest = 0;
  #lines = [];
  #name;
  #announce;
  #rate;
  #call = ""; // its name at the server
  #wishes = ""; // in words
  #recording = null; // where the server's recording can be fetched
  #away = el("div");

  /** `announce` says something to a screen reader; `rate(call, turn, score)` passes on a verdict. */
  constructor(parent, title, announce, rate) {
    this.#announce = announce;
    this.#rate = rate;
    const now = new Date();
    const when = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.#name = `tonewise-${now.toISOString().slice(0, 19).replaceAll(":", "")}`;
    const save = saveEvents(this.#name, this.#lines);
    this.section = el("section", { class: "call", "aria-label": title },
      el("header", {}, el("h2", {}, title), el("span", {}, when), save),
      this.#meters.element, this.#notes, this.#list, this.#foot, this.#away);
    parent.prepend(this.section);
  }

  /** The connection broke before the server could say goodbye. */
  broken(reason = "broken off") {
    if (!this.#foot.textContent) this.#ended({ turns: this.#latest, reason });
  }

  /** This browser has recorded the call. */
  kept(recording) {
    this.#away.replaceChildren(keptHere(this.#name, recording));
  }

  /** Is a reply being heard? */
  get sounding() {
    return Boolean(this.#turns.get(this.#latest)?.element.querySelector(".sounding"));
  }

  tell(event, line) {
    if (event.event !== "recording_began") this.#lines.push(line); // its link is for this page alone
    this.#meters.tell(event);
    const about = {
      notice_given: () => this.#note(event.spoken ? `You were told: “${event.text}”` : event.text),
      consent_changed: () => this.#note(consent(event)),
      key_pressed: () => this.#note(`Key ${event.digit} was pressed.`),
      call_started: () => (this.#call = event.call),
      call_tuned: () => this.#tuned(event),
      recording_began: () => this.#recorded(event),
      request_refused: () => event.request === "tune" && this.#note(`A setting was not taken: ${event.problem}.`),
      call_ended: () => this.#ended(event),
      speech_started: () => this.#begin(event),
      turn_routed: () => this.#routed(event),
      attempt_ended: () => this.#spent(event),
    }[event.event];
    about?.();
    const turn = this.#turns.get(event.turn);
    const card = turn?.element;
    const follow = card && !card.nextSibling && card.getBoundingClientRect().bottom < innerHeight;
    turn?.tell(event, this.#wishes);
    if (follow) card.scrollIntoView({ block: "nearest" }); // it has grown
    if (turn && event.event === "turn_routed") turn.element.dataset.hue = hueOf(event.plan.route);
    if (turn && ["turn_routed", "reply_ended"].includes(event.event)) this.#announce(turn.spoken);
    if (!turn && event.event === "aside_spoken" && event.kind !== "notice") this.#note(`“${event.text}”`);
  }

  #begin({ turn }) {
    const before = this.#turns.get(this.#latest);
    before?.talkedPast();
    if (before && !before.evidence.dataset.kept) before.evidence.open = false;
    this.#latest = turn;
    const card = new Turn(turn, (score) => this.#rate(this.#call, turn, score, card));
    card.evidence.open = true;
    card.evidence.querySelector("summary").addEventListener("click", () => (card.evidence.dataset.kept = "yes"));
    const last = this.#list.lastElementChild;
    const follow = !last || last.getBoundingClientRect().top < innerHeight;
    this.#turns.set(turn, card);
    this.#list.append(card.element);
    if (follow) card.element.scrollIntoView({ block: "nearest" });
  }

  /** What was said in pieces is shown whole where it is answered. */
  #routed({ turn, plan }) {
    const pieces = plan.reasons.find(({ signal }) => signal === "continued")?.value ?? 1;
    const before = [...this.#turns].filter(([number, { words }]) => number < turn && words).map(([, card]) => card);
    if (pieces > 1) this.#turns.get(turn)?.goesOnFrom(before.slice(1 - pieces));
  }

  #spent({ cost_usd }) {
    this.#usd += cost_usd ?? 0;
    this.#priced ||= cost_usd !== undefined;
  }

  #tuned(event) {
    this.#wishes = inWords(event);
    this.#note(this.#wishes ? `From here on: ${this.#wishes}.` : "From here on all is as the server has it.");
  }

  #recorded({ link, minutes }) {
    this.#recording = { link, minutes };
    this.#note("This call is being recorded on the server, as you asked.");
  }

  #ended({ turns, reason }) {
    if (this.#recording) this.#away.replaceChildren(keptThere(this.#recording.link, this.#recording.minutes));
    for (const turn of this.#turns.values()) turn.callOver();
    const answered = [...this.#turns.values()].map(({ route }) => route).filter(Boolean);
    const routes = [...new Set(answered)].map((route) => `${answered.filter((each) => each === route).length} ${route}`).join(", ");
    const said = `${turns} ${turns === 1 ? "turn" : "turns"}`;
    const cost = this.#priced ? dollars(this.#usd) : null;
    this.#foot.textContent = [said, routes, cost, reason].filter(Boolean).join(" · ");
  }

  #note(text) {
    this.#notes.append(el("li", {}, text));
  }
}

function consent({ emotion, by }) {
  const who = {
    notice: "you were told", api: "this page's switch", digit: "a key was pressed", phrase: "you said so",
    settings: "the server's settings do not allow it",
  }[by];
  return emotion
    ? `From here on it also listens to how you sound (${who}).`
    : `It no longer listens to how you sound (${who}). Words, timing and pauses go on.`;
}

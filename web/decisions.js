// Decisions: to be searched, filtered, and opened until nothing is left unexplained.

import { folded, score, terms } from "./cues.js";
import { ask } from "./desk.js";
import { capital, dollars, el, fill, milliseconds, number } from "./dom.js";
import { absent, badge, cell, empty, percent, table } from "./models.js";
import { inShort, weighed } from "./weighed.js";

const STANDS_OUT = { escalated: { escalated: "true" }, explored: { explored: "true" }, good: { feedback: "good" }, bad: { feedback: "bad" } };
const OUTCOMES = { answered: "answered", interrupted: "interrupted", cut_short: "broke off", failed: "nobody answered" };

export class Decisions {
  #list;
  #form;
  #dialog;
  #since = "24h";
  #reading = false; // earlier ones were asked for
  #asked = 0;
  #troubled;

  /** `troubled(error)` is told what went wrong. */
  constructor(form, list, dialog, troubled) {
    this.#form = form;
    this.#list = list;
    this.#dialog = dialog;
    this.#troubled = troubled;
    let typing;
    form.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.show(this.#since), 250);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.show(this.#since);
    });
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    addEventListener("hashchange", () => this.openNamed());
  }

  /** The routes and models that can be chosen. */
  know(routes, models) {
    for (const [name, values] of [["route", routes], ["model", models]]) {
      const select = this.#form.elements[name];
      const chosen = select.value;
      fill(select, el("option", { value: "" }, `any ${name}`), ...values.map((value) => el("option", { value }, value)));
      select.value = values.includes(chosen) ? chosen : "";
    }
  }

  /** Is somebody in the midst of the list? */
  get reading() {
    return this.#reading || this.#dialog.open || this.#list.contains(document.activeElement);
  }

  get #filtered() {
    return [...new FormData(this.#form).values()].some(Boolean);
  }

  /** The newest ones of so long a time. */
  async show(since) {
    this.#since = since;
    const asked = ++this.#asked;
    try {
      const page = await ask("decisions", this.#query());
      if (asked !== this.#asked) return; // somebody has asked for others since
      this.#reading = false;
      this.#draw(page);
    } catch (error) {
      this.#troubled(error);
    }
  }

  /** Opens the decision that the address names, as in #decision=ab12.3. */
  openNamed() {
    const name = new URLSearchParams(location.hash.slice(1)).get("decision");
    if (name) this.#open(name);
  }

  #query(cursor = "") {
    const { q, route, model, source, outcome, out } = Object.fromEntries(new FormData(this.#form));
    return { q, route, model, source, outcome, ...STANDS_OUT[out], since: this.#since, limit: 25, cursor };
  }

  #draw({ data, next_cursor: next }) {
    if (!data.length) {
      fill(this.#list, this.#filtered
        ? empty("Nothing fits.", "No decision in this time has all that you look for.")
        : empty("No decision yet.", "Talk to it, or send a request to /v1/chat/completions with “model”: “auto”: each turn that is answered appears here.",
          el("p", {}, el("a", { href: "./" }, "Make a call"))));
      return;
    }
    const rows = data.map((row) => this.#row(row));
    const more = el("button", { type: "button", class: "quiet" }, "Earlier ones");
    more.hidden = !next;
    const drawn = table("Decisions, the newest first", ["when", "decision", "why", "model", "first token", "cost", "outcome"], rows);
    more.addEventListener("click", async () => {
      try {
        this.#reading = true;
        const page = await ask("decisions", this.#query(next));
        drawn.querySelector("tbody").append(...page.data.map((row) => this.#row(row)));
        next = page.next_cursor;
        more.hidden = !next;
      } catch (error) {
        this.#troubled(error);
      }
    });
    fill(this.#list, drawn, more);
  }

  #row(row) {
    const open = el("button", { type: "button", class: "open" }, row.decision);
    open.addEventListener("click", () => this.#open(row.decision));
    const marks = [row.escalated ? "escalated" : null, row.explored ? "explored" : null, row.variant ? `variant ${row.variant}` : null,
      row.score === null ? null : judged(row.score)].filter(Boolean);
    return el("tr", {},
      el("td", {}, when(row.at)),
      el("th", { scope: "row" }, badge(row.route), open, marks.length ? el("small", {}, marks.join(" · ")) : null),
      el("td", { class: "why" }, row.said ? el("q", {}, row.said) : null, row.reason ? inShort(row.reason) : absent("no reason kept")),
      cell("model", row.model, (name) => name),
      cell("first token", row.first_token_ms, milliseconds),
      cell("cost", row.cost_usd, dollars),
      cell("outcome", row.outcome, (outcome) => `${OUTCOMES[outcome] ?? outcome}${row.attempts > 1 ? `, ${row.attempts} tries` : ""}`));
  }

  async #open(name) {
    try {
      const found = await ask(`decisions/${encodeURIComponent(name)}`);
      const close = el("button", { class: "quiet", type: "submit", autofocus: "" }, "Close");
      fill(this.#dialog, el("form", { method: "dialog" },
        el("header", {}, el("h2", { id: "explained" }, "Decision ", el("code", {}, name)), close), ...explained(found)));
      this.#dialog.showModal();
      this.#dialog.scrollTop = 0;
    } catch (error) {
      this.#troubled(error);
    }
  }
}

/** The whole explanation. */
function explained({ decision, plan, attempts, reply, followed, feedback, words, sentences }) {
  const line = (signal) => plan.reasons.find((reason) => reason.signal === signal)?.threshold;
  return [
    el("p", { class: "chips" }, badge(plan.route), el("span", { class: "aside" }, `${when(decision.at, true)}, ${source(decision)}`)),
    decision.said ? el("blockquote", { class: "said" }, decision.said) : null,
    el("div", { class: "told" }, ...sentences.map((sentence) => el("p", {}, inShort(sentence)))),
    el("h3", {}, "Why this route"),
    el("ul", { class: "also" }, ...plan.reasons.map(({ text }) => el("li", {}, plan.scores?.length ? inShort(text) : text))),
    plan.rule ? el("p", { class: "aside" }, `Rule: ${plan.rule}`) : null,
    score("complexity", plan.complexity, line("complexity")),
    folded("what complexity is made of", terms(plan.complexity_terms)),
    known(plan.frustration) ? score("frustration", plan.frustration, line("frustration")) : null,
    folded("what frustration is made of", terms(plan.frustration_terms)),
    weighed(plan.scores),
    plan.skipped?.length ? el("ul", { class: "also" }, ...plan.skipped.map(({ rule, why }) => el("li", {}, `Rule ${rule} could not be asked: ${why}`))) : null,
    el("h3", {}, "What was tried"),
    attempts.length ? tried(decision, attempts, reply) : el("p", { class: "absent" }, "no attempt is known"),
    reply?.replied ? el("p", { class: "reply" }, reply.replied) : null,
    el("h3", {}, "What came of it"),
    aftermath(reply, followed, feedback),
    words?.length ? folded("as “tonewise explain” prints it", el("pre", { tabindex: "0" }, words.join("\n"))) : null,
  ].filter(Boolean);
}

/** Attempts on one axis of time, from the decision on. */
function tried({ at, first_token_ms: first, first_sound_ms: sound }, attempts, reply) {
  const spans = attempts.map(({ model, outcome, at: over, total_ms: took, first_token_ms: token, detail, cost_usd: cost, early }) => {
    const long = took ?? 0;
    const from = Math.max(0, (over - at) * 1000 - long);
    const facts = [early ? "asked early, thrown away" : outcome.replaceAll("_", " "), detail, known(token) ? `first token ${milliseconds(token)}` : null, known(cost) ? dollars(cost) : null];
    return { name: model, from, long, told: milliseconds(long), facts: facts.filter(Boolean).join(", "), good: outcome === "answered" };
  });
  for (const [name, ms] of [["to first token", first], ["to first sound", sound], ["whole reply", reply?.total_ms]]) {
    if (known(ms)) spans.push({ name, from: 0, long: ms, told: milliseconds(ms), facts: "", good: true, sum: true });
  }
  const whole = Math.max(1, ...spans.map(({ from, long }) => from + long));
  return el("ul", { class: "latency" }, ...spans.map(({ name, from, long, told, facts, good, sum }) => {
    const bar = el("span", { class: "span", "aria-hidden": "true" }, el("i"));
    bar.style.setProperty("--from", from / whole);
    bar.style.setProperty("--long", long / whole);
    return el("li", { class: sum ? "sum" : good ? "good" : "bad" }, el("span", {}, name), bar, el("span", { class: "n" }, told), facts ? el("small", {}, facts) : null);
  }));
}

function aftermath(reply, followed, feedback) {
  const facts = [];
  if (reply) facts.push(`The reply was ${OUTCOMES[reply.outcome] === "nobody answered" ? "not given: nobody answered" : (OUTCOMES[reply.outcome] ?? reply.outcome)}${reply.model ? `, by ${reply.model}` : ""}.`);
  if (followed) {
    const did = [followed.thanked && "thanked", followed.repeated && "said much the same again", followed.interrupted && "talked over the reply", followed.hung_up && "hung up"].filter(Boolean);
    if (did.length) facts.push(`${capital(`the caller ${did.join(", ")}`)}.`);
    if (known(followed.before) && known(followed.frustration)) facts.push(`Frustration went from ${number(followed.before, 2)} to ${number(followed.frustration, 2)}.`);
  }
  for (const { score: given, label, by, text } of feedback) {
    facts.push(`${capital(judged(given))}${label ? ` (${label})` : ""}${by ? ` by ${by}` : ""}${text ? `: “${text}”` : ""}.`);
  }
  return facts.length ? el("ul", { class: "also" }, ...facts.map((fact) => el("li", {}, fact))) : el("p", { class: "absent" }, "nothing is known yet");
}

function judged(score) {
  if (score === 1) return "judged good";
  return score === 0 ? "judged bad" : `judged ${percent(score)}`;
}

function source({ source: from, call, turn, client, router }) {
  const by = client ? ` of ${client}` : "";
  const told = from === "api" ? `a request${by}` : `turn ${turn} of call ${call}${from === "replay" ? ", replayed" : ""}`;
  return router && router !== "default" ? `${told}, by router ${router}` : told;
}

function known(value) {
  return value !== null && value !== undefined;
}

function when(at, whole = false) {
  const date = new Date(at * 1000);
  const today = date.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return today && !whole ? date.toLocaleTimeString([], time) : date.toLocaleString([], { day: "numeric", month: "short", ...time });
}

// The page: buttons, settings, the state of the call, and what goes wrong, told clearly.

import { Call, token } from "./call.js";
import { priced } from "./cost.js";
import { el } from "./dom.js";
import { hueOf } from "./hues.js";
import { canKeep } from "./keep.js";
import { offered } from "./peer.js";
import { UNREACHABLE } from "./problems.js";
import { set, settings } from "./settings.js";
import { microphone, sample } from "./sources.js";
import { Tuning } from "./tuning.js";
import { CallView } from "./turns.js";
import { Wave } from "./wave.js";

const SAMPLES = [
  ["Simple", "a short question", "samples/1-simple-synthetic.flac"],
  ["Hesitant", "um, I think, maybe …", "samples/2-hesitant-synthetic.flac"],
  ["Complex", "starts simply, grows long", "samples/3-complex-synthetic.flac"],
  ["Frustrated", "I already told you that", "samples/4-frustrated-synthetic.flac"],
];

const $ = (id) => document.getElementById(id);
const wave = new Wave($("wave"));
let current = null; // the call
let view = null; // its cards
let about = { engines: {}, webrtc: { enabled: false, reason: "" }, options: {} };
const tuning = new Tuning($("tuning"), (wishes) => {
  current?.tune(wishes);
  $("open-settings").textContent = wishes ? "Settings, changed" : "Settings";
});

// ---------------------------------------------------------------- a call

function begin(title, open) {
  if (current) return;
  problem(null);
  view = null;
  live(true);
  const mine = !title.startsWith("Sample");
  let cards = null; // its cards
  const call = (current = new Call({ ...settings, record: recordBy(), tuning: tuning.wishes }, about.webrtc, {
    onStatus: status,
    onHeard: (pcm, rate, reply) => wave.hear(pcm, rate, reply),
    onBegun(way, instead) {
      wave.begin();
      const again = view !== null;
      view = cards = new CallView($("calls"), again ? `${title}, called again` : title, announce, rate);
      $("way").textContent = `over ${way}${instead ? ": WebRTC did not get through" : ""}`;
      announce(again ? "Connected again. This is a new call; the server does not remember the last one." : "The call has begun.");
    },
    onEvent: (event, line) => told(event, line, mine),
    onBroken() {
      view?.broken();
      announce("The connection was lost. Calling again.");
    },
    onKept: (recording) => cards?.kept(recording),
    onOver: (trouble) => over(call, trouble),
  }));
  call.begin(open);
}

function told(event, line, mine) {
  view?.tell(event, line);
  wave.tell(event, event.event === "turn_routed" ? hueOf(event.plan.route) : null);
  if (event.event === "consent_changed") showEmotion(event.emotion);
  if (event.event === "request_refused" && event.request === "tune") tuning.refused(event.problem);
  const you = mine ? "you" : "the caller";
  const now = {
    call_started: "Listening.",
    speech_started: `Hearing ${you} …`,
    speech_paused: "A pause: to think, or done?",
    speech_resumed: `Hearing ${you} …`,
    turn_ended: "Understanding …",
    turn_routed: `Answering: ${event.plan?.route} …`,
    turn_ignored: "Listening.",
    reply_sounded: mine ? "Speaking. Interrupt it if you like." : "Speaking.",
    reply_held: view?.sounding ? "Was that meant for us?" : null,
    reply_resumed: "Speaking.",
    reply_interrupted: "Interrupted. Listening …",
    reply_ended: "Listening.",
  }[event.event];
  if (now) status(now);
}

function over(call, trouble) {
  if (current !== call) return;
  current = null;
  status(view && !trouble ? "The call has ended." : "Ready.");
  $("way").textContent = "";
  if (trouble) {
    view?.broken();
    problem(trouble);
  } else if (view) {
    view.broken("hung up"); // where nobody has told so in time
    announce("The call has ended.");
  }
  live(false);
  $("record").checked = false; // asked anew for each call
  showEmotion(settings.emotion);
}

/** Who records the next call: the server, this browser, or nobody. Asked anew for each call. */
function recordBy() {
  return $("record").checked ? (about.options.recording?.by ?? null) : null;
}

/** A verdict goes over the line while the call lasts, and to the API when it is over. */
async function rate(name, turn, score, card) {
  if (current?.name === name && current.rate(turn, score)) return true;
  try {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const body = JSON.stringify({ decision: `${name}.${turn}`, score });
    const response = await fetch("v1/feedback", { method: "POST", headers, body });
    if (response.ok) card.rated(score);
    return response.ok;
  } catch {
    return false;
  }
}

// ---------------------------------------------------------------- the page

function live(on) {
  const focused = document.activeElement;
  $("record").disabled = on;
  $("talk").hidden = on;
  $("stop").hidden = !on;
  document.body.classList.toggle("live", on);
  document.body.classList.toggle("called", on || view !== null);
  if (on && focused !== document.body) $("stop").focus();
  if (!on && [document.body, $("stop")].includes(focused)) $("talk").focus({ preventScroll: true });
}

function status(text) {
  $("status").textContent = text;
}

function announce(text) {
  $("announce").textContent = text;
}

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text ?? "";
}

/** What is analysed, who hears it and what is kept: told before the microphone opens. */
function tell({ engines, webrtc, options }) {
  const feelings = feelingsAreRead();
  const demo = (engines.llm ?? "").split(", ").every((name) => name.startsWith("demo"));
  $("notice-text").textContent = feelings
    ? "You will talk to a computer. It also listens to how you sound, for example whether you are upset, to help you better. You can switch that off, now or while you talk."
    : "You will talk to a computer. It measures pauses, pace, pitch and loudness. No emotion model is installed: feelings are neither measured nor guessed.";
  $("emotion-switch").hidden = !feelings;
  $("engines").textContent =
    `Heard by ${engines.vad}, ${engines.stt} and ${engines.acoustic}; routed by ${engines.routing}; ` +
    `answered by ${engines.llm}${engines.tts === "none" ? "" : `, spoken by ${engines.tts}`}.`;
  $("privacy").textContent =
    `Your voice goes to this server (${location.host}) and no further. ` +
    (demo
      ? "The built-in demo responder answers; it is no language model. "
      : `Your words go, as text, to the models that answer: ${engines.llm}. `) +
    `This page keeps nothing but your settings; the server notes what it decided${options.words_kept ? " and what was said" : ", without your words"}.`;
  $("way-about").textContent = webrtc.enabled ? "" : webrtc.reason;
  $("speech-about").textContent = engines.tts === "none" ? "no voice is installed here: replies are text" : "aloud, and as text";
  $("emotion-about").textContent = feelings ? "also in the middle of a call" : "no emotion model is installed here";
  form.elements.speech.disabled = engines.tts === "none";
  form.elements.emotion.disabled = !feelings;
  form.elements.way.disabled = !webrtc.enabled;
  showEmotion(settings.emotion);
  if (options.tuning) tuning.offer(options.tuning);
  const [can, what] = recording(options.recording);
  $("record-switch").hidden = !can;
  $("record-about").hidden = !what;
  $("record-about").textContent = what;
}

/** May a recording be asked for, and what becomes of it? */
function recording({ by, always, days, masked = [], encrypted, minutes } = {}) {
  if (by === "browser") {
    return canKeep() ? [true, "In this browser only: the server keeps nothing. You can save it when the call is over."] : [false, ""];
  }
  if (by !== "server") return [false, ""];
  const until = days ? `for ${days} ${days === 1 ? "day" : "days"}` : "until it is deleted by hand";
  const without = masked.length ? `, ${masked.join(" and ")} masked in the text` : "";
  const kept = `both voices and all events on the server${encrypted ? ", encrypted" : ""}, ${until}${without}`;
  return always
    ? [true, `This server records every call: ${kept}. Switch on to take the recording away afterwards.`]
    : [true, `Only if you switch it on: it keeps ${kept}. For ${minutes} minutes after the call you can take it away, or delete it.`];
}

function feelingsAreRead() {
  return !(about.engines.acoustic ?? "prosody").startsWith("prosody");
}

async function lookAround() {
  const webrtc = offered(token);
  try {
    const [{ engines, models }, options] = await Promise.all(["healthz", "call/options"].map(async (place) => (await fetch(place)).json()));
    priced(models);
    about = { engines, webrtc: await webrtc, options };
    tell(about);
    document.body.classList.add("ready");
  } catch {
    problem(UNREACHABLE);
  }
}

// ---------------------------------------------------------------- settings

const form = $("settings").querySelector("form");

function showEmotion(on) {
  $("emotion").checked = form.elements.emotion.checked = on && feelingsAreRead();
}

function change(name, value) {
  set(name, value);
  if (name !== "emotion") return;
  showEmotion(value);
  current?.emotion(value);
}

for (const field of [...form.elements].filter((each) => each.name)) {
  const isSwitch = field.type === "checkbox";
  if (isSwitch) field.checked = settings[field.name];
  else field.value = settings[field.name];
  field.addEventListener("change", () => change(field.name, isSwitch ? field.checked : field.value));
}
showEmotion(settings.emotion);
$("emotion").addEventListener("change", ({ target }) => change("emotion", target.checked));

/** The drawer lies beside the call, so that what it changes can be watched. */
function drawer(open) {
  if (open) {
    $("settings").show();
    $("settings-title").focus();
  } else {
    $("settings").close();
    $("open-settings").focus();
  }
  $("open-settings").setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("beside", open);
}

$("open-settings").addEventListener("click", () => drawer(!$("settings").open));
$("settings").addEventListener("close", () => {
  if (document.body.classList.contains("beside")) drawer(false); // by its own button
});
addEventListener("keydown", ({ key }) => key === "Escape" && $("settings").open && drawer(false));

$("talk").addEventListener("click", () => begin("Your call", microphone));
$("stop").addEventListener("click", () => current?.stop());
addEventListener("pagehide", () => current?.abandon());
for (const [name, what, url] of SAMPLES) {
  const button = el("button", { type: "button" }, el("b", {}, name), el("span", {}, what));
  button.addEventListener("click", () => begin(`Sample call: ${name.toLowerCase()}`, () => sample(url)));
  $("samples").append(el("li", {}, button));
}
lookAround();

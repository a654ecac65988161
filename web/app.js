// The page: buttons, settings, the state of the call, and what goes wrong, told clearly.

import { Call, token } from "./call.js";
import { priced } from "./cost.js";
import { el } from "./dom.js";
import { offered } from "./peer.js";
import { UNREACHABLE } from "./problems.js";
import { set, settings } from "./settings.js";
import { microphone, sample } from "./sources.js";
import { CallView, hueOf } from "./turns.js";
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
let about = { engines: {}, webrtc: { enabled: false, reason: "" } };

// ---------------------------------------------------------------- a call

function begin(title, open) {
  if (current) return;
  problem(null);
  view = null;
  live(true);
  const mine = !title.startsWith("Sample");
  const call = (current = new Call({ ...settings }, about.webrtc, {
    onStatus: status,
    onHeard: (pcm, rate, reply) => wave.hear(pcm, rate, reply),
    onBegun(way, instead) {
      wave.begin();
      const again = view !== null;
      view = new CallView($("calls"), again ? `${title}, called again` : title, announce);
      $("way").textContent = `over ${way}${instead ? ": WebRTC did not get through" : ""}`;
      announce(again ? "Connected again. This is a new call; the server does not remember the last one." : "The call has begun.");
    },
    onEvent: (event, line) => told(event, line, mine),
    onBroken() {
      view?.broken();
      announce("The connection was lost. Calling again.");
    },
    onOver: (trouble) => over(call, trouble),
  }));
  call.begin(open);
}

function told(event, line, mine) {
  view?.tell(event, line);
  wave.tell(event, event.event === "turn_routed" ? hueOf(event.plan.route) : null);
  if (event.event === "consent_changed") showEmotion(event.emotion);
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
    reply_held: "Was that meant for us?",
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
    announce("The call has ended.");
  }
  live(false);
  showEmotion(settings.emotion);
}

// ---------------------------------------------------------------- the page

function live(on) {
  const focused = document.activeElement;
  $("talk").hidden = on;
  $("stop").hidden = !on;
  document.body.classList.toggle("live", on);
  document.body.classList.toggle("called", on || view !== null);
  if (on && focused !== document.body) $("stop").focus();
  if (!on && document.activeElement === document.body) $("talk").focus();
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
function tell({ engines, webrtc }) {
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
    "This page keeps nothing but your settings.";
  $("way-about").textContent = webrtc.enabled ? "" : webrtc.reason;
  $("speech-about").textContent = engines.tts === "none" ? "no voice is installed here: replies are text" : "aloud, and as text";
  $("emotion-about").textContent = feelings ? "also in the middle of a call" : "no emotion model is installed here";
  form.elements.speech.disabled = engines.tts === "none";
  form.elements.emotion.disabled = !feelings;
  form.elements.way.disabled = !webrtc.enabled;
  showEmotion(settings.emotion);
}

function feelingsAreRead() {
  return !(about.engines.acoustic ?? "prosody").startsWith("prosody");
}

async function lookAround() {
  const webrtc = offered(token);
  try {
    const { engines, models } = await (await fetch("healthz")).json();
    priced(models);
    about = { engines, webrtc: await webrtc };
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
$("open-settings").addEventListener("click", () => $("settings").showModal());

$("talk").addEventListener("click", () => begin("Your call", microphone));
$("stop").addEventListener("click", () => current?.stop());
addEventListener("pagehide", () => current?.stop());
for (const [name, what, url] of SAMPLES) {
  const button = el("button", { type: "button" }, el("b", {}, name), el("span", {}, what));
  button.addEventListener("click", () => begin(`Sample call: ${name.toLowerCase()}`, () => sample(url)));
  $("samples").append(el("li", {}, button));
}
lookAround();

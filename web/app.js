// The page: buttons, the state of the line, and what goes wrong, told clearly.

import { el, fill } from "./dom.js";
import { Line } from "./line.js";
import { microphone, sample } from "./sources.js";
import { CallView } from "./turns.js";
import { Wave } from "./wave.js";

const SAMPLES = [
  ["Simple", "a short question", "samples/1-simple-synthetic.flac"],
  ["Hesitant", "um, I think, maybe …", "samples/2-hesitant-synthetic.flac"],
  ["Complex", "starts simply, grows long", "samples/3-complex-synthetic.flac"],
];
const SETTLE_MS = 1200; // silence after a sample, so that its last turn can end
const GIVE_UP_MS = 30000;

const $ = (id) => document.getElementById(id);
const wave = new Wave($("wave"));
let current = null; // { source, line, view }
let consented = false;
let engines = {};

// ---------------------------------------------------------------- a call

async function begin(title, open) {
  if (current) return;
  problem(null);
  const call = (current = { source: null, line: null, view: null });
  live(true);
  status("Opening …");
  try {
    call.source = await open((pcm) => {
      call.line?.send(pcm);
      wave.hear(pcm);
    });
  } catch (error) {
    return finish(call, error.message);
  }
  if (current !== call) return call.source.stop(); // Stop was pressed meanwhile
  status("Calling …");
  wave.begin(call.source.rate);
  call.line = new Line(
    (event) => told(call, event, title),
    (trouble) => finish(call, trouble),
  );
  await call.line.begin(Math.round(call.source.rate));
  if (current !== call) return undefined;
  call.source.start();
  call.source.over.then(() => hangUpWhenAnswered(call));
  return undefined;
}

function told(call, event, title) {
  if (event.event === "call_started") {
    $("empty").hidden = true;
    call.view = new CallView($("calls"), title);
    status("Listening.");
  }
  wave.tell(event);
  call.view?.tell(event);
  const now = {
    speech_started: "Hearing you …",
    speech_paused: "A pause: to think, or done?",
    speech_resumed: "Hearing you …",
    turn_ended: "Understanding …",
    turn_routed: `Answering: ${event.plan?.route} …`,
    turn_ignored: "Listening.",
    reply_ended: "Listening.",
  }[event.event];
  if (now) status(title.startsWith("Sample") ? now.replace("you", "the caller") : now);
}

async function hangUpWhenAnswered(call) {
  const began = performance.now();
  const waited = () => performance.now() - began;
  while (current === call && waited() < GIVE_UP_MS && (waited() < SETTLE_MS || call.view?.busy)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (current === call) call.line.stop();
}

function stop() {
  const call = current;
  if (!call?.line) return call && finish(call, null);
  call.source.stop();
  return call.line.stop();
}

function finish(call, trouble) {
  call.source?.stop();
  if (current !== call) return;
  current = null;
  const ended = call.view && !trouble;
  status(ended ? "The call has ended." : "Ready.");
  if (trouble) {
    call.view?.broken();
    problem(trouble);
  }
  live(false);
}

// ---------------------------------------------------------------- the page

function live(on) {
  const focused = document.activeElement;
  $("talk").hidden = on;
  $("stop").hidden = !on;
  for (const button of $("samples").querySelectorAll("button")) button.disabled = on;
  document.body.classList.toggle("live", on);
  if (on && focused !== document.body) $("stop").focus();
  if (!on && document.activeElement === document.body) $("talk").focus();
}

function status(text) {
  $("status").textContent = text;
}

function problem(text) {
  $("problem").hidden = !text;
  $("problem").textContent = text ?? "";
}

/** What is analysed and who hears it: told before the microphone opens, and in the footer. */
function facts() {
  const model = (engines.acoustic ?? "").startsWith("prosody");
  const demo = (engines.llm ?? "").split(", ").every((name) => name.startsWith("demo"));
  return {
    "What is analysed": `Your words, and how you say them: timing and pauses, pace, pitch, loudness. ${
      model ? "No emotion model is installed; emotion is neither measured nor guessed." : `Voice cues are read by ${engines.acoustic}.`
    }`,
    "Where it goes": `Your voice goes to this server (${location.host}) and no further. ${
      demo
        ? "The built-in demo responder answers; it is no language model."
        : `Your words go, as text, to the models that answer: ${engines.llm}.`
    }`,
    "What is kept": "Nothing is stored here: not the sound, not the words, not the scores.",
  };
}

function askBeforeTheMicrophone() {
  if (consented) return talk();
  fill($("notice-facts"), ...Object.entries(facts()).flatMap(([what, text]) => [el("dt", {}, what), el("dd", {}, text)]));
  return $("notice").showModal();
}

function talk() {
  return begin("Your call", microphone);
}

async function lookAround() {
  try {
    const response = await fetch("healthz");
    engines = (await response.json()).engines;
    $("engines").textContent =
      `Heard by ${engines.vad}, ${engines.stt} and ${engines.acoustic}; routed by ${engines.routing}; answered by ${engines.llm}.`;
    $("privacy").textContent = Object.values(facts()).slice(1).join(" ");
  } catch {
    problem("The server cannot be reached. Is tonewise still running?");
  }
}

$("talk").addEventListener("click", askBeforeTheMicrophone);
$("stop").addEventListener("click", stop);
$("notice").addEventListener("close", () => {
  if ($("notice").returnValue !== "yes") return;
  consented = true;
  talk();
});
addEventListener("pagehide", () => current?.line?.stop());
for (const [name, about, url] of SAMPLES) {
  const button = el("button", { type: "button" }, el("b", {}, name), el("span", {}, about));
  button.addEventListener("click", () => begin(`Sample call: ${name.toLowerCase()}`, (hear) => sample(url, hear)));
  $("samples").append(el("li", {}, button));
}
lookAround();

// One call of the page: a source, a line to the server, and what to do when the line breaks.

import { Loudness } from "./ears.js";
import { Keep } from "./keep.js";
import { SocketLine } from "./line.js";
import { Listening } from "./listening.js";
import { PeerLine } from "./peer.js";
import { LOST } from "./problems.js";

const SETTLE_MS = 1200; // silence after a sample, so that its last turn can end
const GIVE_UP_MS = 60000;
const AGAIN_MS = [500, 1000, 2000, 4000, 8000, 8000]; // between tries to get the line back

/** What a server that asks for one is brought. */
export const token = new URLSearchParams(location.hash.slice(1)).get("token");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * `settings` is { speech, emotion, language, way, record, tuning }, `webrtc` what the server offers;
 * `record` is "server", "browser" or null, `tuning` what is wished for the call or null. The hooks:
 * `onBegun(way, insteadOfWebRtc)`, `onEvent(event, text)`, `onHeard(pcm, rate, reply)`, `onStatus(text)`,
 * `onBroken()` before it calls again, `onKept(recording)`, and once `onOver(problem)`.
 */
export class Call {
  #settings;
  #webrtc;
  #hooks;
  #source = null;
  #line = null;
  #loudness = null;
  #listening;
  #again = null; // wakes whoever waits for the call to begin again
  #first = null; // the line that was tried first
  #calling = false; // between calling and the beginning of the call
  #keep = null; // this browser's own recording
  over = false;
  name = ""; // at the server

  constructor(settings, webrtc, hooks) {
    this.#settings = settings;
    this.#webrtc = webrtc;
    this.#hooks = hooks;
  }

  async begin(open) {
    this.#hooks.onStatus("Opening …");
    try {
      this.#source = await open();
    } catch (error) {
      return this.#finish(error.message);
    }
    if (this.over) return this.#source.stop(); // Stop was pressed meanwhile
    addEventListener("offline", this.#offline);
    this.#loudness = new Loudness(this.#source.context);
    this.#hooks.onStatus("Calling …");
    if (!(await this.#dial(false))) return undefined;
    if (this.#settings.record === "browser") {
      this.#keep = new Keep(this.#source.context, this.#source.stream, this.#loudness.input);
    }
    await this.#source.start();
    this.#source.over.then(() => this.#sourceOver());
    return undefined;
  }

  /** The caller hangs up. */
  stop() {
    if (this.#source && this.#line && !this.#calling) {
      this.#save();
      this.#line.stop();
    } else {
      this.#line?.drop();
      this.#finish(null);
    }
    this.#source?.stop();
  }

  /** The page is being closed: nobody is left to wait for a goodbye. */
  abandon() {
    this.#line?.drop();
    this.#finish(null);
  }

  /** What the caller wishes from now on; null: nothing. */
  tune(wishes) {
    this.#settings.tuning = wishes;
    this.#line?.send({ type: "tune", ...wishes });
  }

  /** What the caller thinks of a reply; false where nobody takes it any more. */
  rate(turn, score) {
    if (this.over || !this.#line) return false;
    this.#line.send({ type: "feedback", turn, score });
    return true;
  }

  /** Switches the reading of feelings, in the middle of the call. */
  emotion(on) {
    this.#settings.emotion = on;
    this.#line?.send({ type: "emotion", on });
  }

  // ------------------------------------------------------------ the line

  async #dial(again) {
    const { speech, emotion, language, record } = this.#settings;
    const agreed = record === "server" && { caller: { recording_consent: true } };
    const call = {
      start: { speech, notice_shown: true, ...agreed, ...(language && { language }) },
      emotion,
      token,
      iceServers: this.#webrtc.iceServers,
      loudness: this.#loudness,
      onHeard: (pcm) => this.#hooks.onHeard(pcm, this.#source.context.sampleRate, this.#loudness.now),
    };
    this.#calling = true;
    this.#first = null;
    this.#listening = new Listening(speech);
    for (const Line of this.#ways()) {
      const line = (this.#line = new Line({
        onEvent: (event, text) => this.#told(line, event, text),
        onOver: (problem) => this.#lineOver(line, problem, again),
      }));
      this.#first ??= line;
      const begun = await line.begin(this.#source, call);
      if (this.over || this.#line !== line) return false;
      if (begun === false) continue; // this way does not lead there
      this.#calling = false;
      return true;
    }
    return false;
  }

  /** The ways to the server, the best first. Who wants no voice wants no audio track either. */
  #ways() {
    const peer = this.#webrtc.enabled && this.#settings.speech && this.#settings.way !== "socket";
    return peer ? [PeerLine, SocketLine] : [SocketLine];
  }

  #told(line, event, text) {
    if (this.#line !== line) return;
    if (event.event === "call_started") {
      this.name = event.call;
      this.#hooks.onBegun(line.name, line !== this.#first);
      if (this.#settings.tuning) line.send({ type: "tune", ...this.#settings.tuning });
    }
    this.#listening.tell(event);
    this.#source.heed?.(this.#listening.mood);
    this.#hooks.onEvent(event, text);
  }

  #lineOver(line, problem, again) {
    if (this.#line !== line || this.over) return;
    this.#line = null;
    const began = !this.#calling;
    if (problem?.again && this.#source.lasting && (began || again)) {
      if (began) this.#reconnect(problem);
    } else {
      this.#finish(problem?.text ?? null);
    }
    this.#again?.(); // wakes the try that this was
  }

  async #reconnect(problem) {
    this.#hooks.onBroken();
    for (const [tried, ms] of AGAIN_MS.entries()) {
      this.#hooks.onStatus(`${LOST} Calling again (${tried + 1} of ${AGAIN_MS.length}) …`);
      await pause(ms);
      if (this.over) return;
      const failed = new Promise((resolve) => (this.#again = () => resolve(false)));
      const begun = await Promise.race([this.#dial(true), failed]);
      this.#again = null;
      if (begun || this.over) return;
    }
    this.#finish(`${problem.text} The server did not answer again. What was heard so far stays below.`);
  }

  /** A server on this very machine does not need the network. */
  #offline = () => {
    if (!/^(localhost|127\.|\[::1\])/.test(location.hostname)) this.#line?.lost();
  };

  // ------------------------------------------------------------ the end

  async #sourceOver() {
    if (this.#source.lasting) return this.stop(); // the microphone was unplugged
    const began = performance.now();
    const waited = () => performance.now() - began;
    while (!this.over && waited() < GIVE_UP_MS && (waited() < SETTLE_MS || this.#listening.busy)) await pause(100);
    return this.over ? undefined : this.#line?.stop();
  }

  #finish(trouble) {
    if (this.over) return;
    this.over = true;
    removeEventListener("offline", this.#offline);
    this.#save();
    this.#source?.stop();
    this.#hooks.onOver(trouble);
  }

  #save() {
    this.#keep?.stop().then((recording) => this.#hooks.onKept(recording));
    this.#keep = null;
  }
}

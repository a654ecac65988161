// A call over the plain WebSocket: PCM out, JSON events and PCM in. `peer.js` is its sister.

import { capture } from "./ears.js";
import { closed, LOST, UNREACHABLE } from "./problems.js";

/** One call. `onEvent` takes each event; `onOver` is told once: a problem, or null. */
export class SocketLine {
  name = "WebSocket";
  #socket;
  #player = null;
  #hooks;
  #open = false;
  #ended = false;
  #over = false;
  #deafen = () => {};
  #replyOver = 0; // the turn whose reply the server has sent to its end, not yet played
  #dry = true;

  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Resolves when the call has begun; never rejects, since `onOver` tells what went wrong. */
  async begin({ context, stream }, { start, emotion, token, loudness, onHeard }) {
    if (start.speech) await this.#speak(context, loudness);
    const url = new URL("call", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    const began = new Promise((resolve) => {
      this.#socket.onopen = () => {
        this.#open = true;
        this.send({ type: "start", rate: Math.round(context.sampleRate), ...start, ...(token && { token }) });
        if (!emotion) this.send({ type: "emotion", on: false });
      };
      this.#socket.onmessage = ({ data }) => {
        if (typeof data !== "string") return this.#sound(data);
        const event = JSON.parse(data);
        if (event.event === "call_started") resolve();
        this.#told(event);
        return this.#hooks.onEvent(event, data);
      };
    });
    await began;
    this.#deafen = await capture(context, stream, (pcm) => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(pcm);
      onHeard(pcm);
    });
  }

  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Hangs up; the server answers with the last event. */
  stop() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.send({ type: "stop" });
    else this.#socket?.close();
  }

  /** Lets go at once: the call was given up, or the page is being closed. */
  drop() {
    this.#over = true;
    this.#deafen();
    this.#socket?.close();
  }

  /** The browser says that it is offline: nobody will tell the socket for a long time. */
  lost() {
    this.#socket?.close();
    this.#end({ text: LOST, again: true });
  }

  // ------------------------------------------------------------ what is spoken

  async #speak(context, loudness) {
    await context.audioWorklet.addModule("player-worklet.js");
    this.#player = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#player.port.onmessage = () => {
      this.#dry = true;
      this.#reportPlayed();
    };
    this.#player.connect(context.destination);
    this.#player.connect(loudness.input);
  }

  #sound(data) {
    this.#dry = false;
    this.#player?.port.postMessage(new Int16Array(data));
  }

  #told({ event, turn, outcome }) {
    if (event === "call_ended") this.#ended = true;
    if (event === "reply_held" || event === "reply_interrupted") {
      this.#player?.port.postMessage("flush");
      this.#dry = true;
    }
    if (event === "reply_ended" && outcome !== "interrupted" && this.#player) {
      this.#replyOver = turn;
      if (this.#dry) this.#reportPlayed();
    }
  }

  #reportPlayed() {
    if (this.#replyOver) this.send({ type: "played", turn: this.#replyOver });
    this.#replyOver = 0;
  }

  // ------------------------------------------------------------ its end

  #closed(code, reason) {
    if (!this.#open) return this.#end({ text: UNREACHABLE, again: true });
    return this.#end(code === 1000 && this.#ended ? null : closed(code, reason));
  }

  #end(problem) {
    if (this.#over) return;
    this.#over = true;
    this.#deafen();
    this.#player?.port.postMessage("flush");
    this.#player?.disconnect();
    this.#hooks.onOver(problem);
  }
}

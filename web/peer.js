// A call over WebRTC: Opus both ways, JSON events on a data channel. `line.js` is its sister.

import { capture } from "./ears.js";
import { declined, LOST, stopped, UNREACHABLE } from "./problems.js";

const GATHER_MS = 1000;
const CONNECT_MS = 6000;
const SHAKY_MS = 3000; // a connection often comes back by itself
const ELSEWHERE = [404, 405, 406, 501, 503]; // the WebSocket may still work, or says why not

/** What the server offers; asked when the page loads, which also wakes its WebRTC. */
export async function offered(token) {
  if (!globalThis.RTCPeerConnection) return { enabled: false, reason: "This browser has no WebRTC." };
  try {
    const response = await fetch("webrtc/config", { headers: authorized(token) });
    return response.ok ? await response.json() : { enabled: false, reason: "This server has no WebRTC." };
  } catch {
    return { enabled: false, reason: UNREACHABLE };
  }
}

function authorized(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** One call. `onEvent` takes each event; `onOver` is told once: a problem, or null. */
export class PeerLine {
  name = "WebRTC";
  #hooks;
  #peer = null;
  #channel = null;
  #audio = new Audio();
  #location = null;
  #token = null;
  #begun = false;
  #over = false;
  #deafen = () => {};
  #reason = null; // of call_ended

  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** True when the call has begun; false where WebRTC does not lead there. Never rejects. */
  async begin({ context, stream }, { start, emotion, token, iceServers, loudness, onHeard }) {
    this.#token = token;
    const peer = (this.#peer = new RTCPeerConnection({ iceServers }));
    peer.onconnectionstatechange = () => this.#watch();
    peer.ontrack = ({ track }) => this.#listen(new MediaStream([track]), context, loudness);
    this.#channel = peer.createDataChannel("events");
    const began = this.#hear(this.#channel);
    peer.addTrack(stream.getAudioTracks()[0], stream);
    const { language, caller } = start;
    const known = { ...(language && { language }), ...(caller && { caller }), ...(token && { token }) };
    const answer = await this.#offer({ emotion, notice_shown: true, ...known });
    if (!answer) return false;
    if (this.#over) return this.#letGo(); // given up meanwhile: the server need not wait for us
    await peer.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.#begun = await Promise.race([began, after(CONNECT_MS, false)]);
    if (!this.#begun) return this.#giveUp();
    this.#deafen = await capture(context, stream, onHeard);
    return true;
  }

  send(message) {
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify(message));
  }

  /** Hangs up; the server answers with the last event. */
  stop() {
    this.send({ type: "stop" });
    setTimeout(() => this.#end(null), 1500);
  }

  /** Lets go at once: the call was given up, or the page is being closed. */
  drop() {
    this.#over = true;
    this.#letGo();
  }

  /** The browser says that it is offline. */
  lost() {
    this.#end({ text: LOST, again: true });
  }

  // ------------------------------------------------------------ signalling

  async #offer(asked) {
    const peer = this.#peer;
    await peer.setLocalDescription();
    const gathered = new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
    });
    if (peer.iceGatheringState !== "complete") await Promise.race([gathered, after(GATHER_MS)]);
    let response;
    try {
      const { type, sdp } = peer.localDescription;
      response = await fetch("webrtc", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ type, sdp, ...asked }),
      });
    } catch {
      return this.#end({ text: UNREACHABLE, again: true });
    }
    if (response.ok) {
      const answer = await response.json();
      this.#location = answer.location;
      return answer;
    }
    if (ELSEWHERE.includes(response.status)) return this.#giveUp();
    const told = await response.text();
    return this.#end(declined(response.status, reasonIn(told)));
  }

  /** This way does not lead there: let go, and say nothing of it. */
  #giveUp() {
    this.#over = true;
    this.#letGo();
    return false;
  }

  // ------------------------------------------------------------ what comes

  #hear(channel) {
    return new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        if (event.event === "call_started") resolve(true);
        if (event.event === "call_ended") this.#reason = event.reason;
        this.#hooks.onEvent(event, data);
        if (event.event === "call_ended") this.#end(stopped(event.reason));
      };
      channel.onclose = () => this.#end(this.#reason === null ? { text: LOST, again: true } : null);
    });
  }

  #listen(stream, context, loudness) {
    this.#audio.srcObject = stream;
    this.#audio.play().catch(() => {}); // the click that began the call allows it
    try {
      context.createMediaStreamSource(stream).connect(loudness.input);
    } catch {
      // a browser that does not convert rates (Firefox): the wave shows the caller alone
    }
  }

  #watch() {
    const state = this.#peer.connectionState;
    if (state === "failed") this.lost();
    if (state !== "disconnected" || !this.#begun) return;
    fetch("healthz").catch(() => this.lost()); // nobody is there: no need to wait
    after(SHAKY_MS).then(() => this.#peer.connectionState === "disconnected" && this.lost());
  }

  // ------------------------------------------------------------ its end

  #end(problem) {
    if (this.#over) return undefined;
    this.#over = true;
    this.#letGo();
    this.#hooks.onOver(problem);
    return undefined;
  }

  #letGo() {
    this.#deafen();
    this.#peer.close();
    this.#audio.srcObject = null;
    if (!this.#location || this.#reason !== null) return;
    const init = { method: "DELETE", headers: authorized(this.#token), keepalive: true };
    fetch(this.#location.replace(/^\//, ""), init).catch(() => {});
    this.#location = null;
  }
}

function after(ms, value) {
  return new Promise((resolve) => setTimeout(() => resolve(value), ms));
}

function reasonIn(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text;
  }
}

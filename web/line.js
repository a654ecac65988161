// The plain WebSocket of tonewise, from the browser's side: PCM out, JSON events in.

const token = new URLSearchParams(location.hash.slice(1)).get("token");

/** One call. `onEvent` takes each event; `onEnd` is told once, with a problem or with null. */
export class Line {
  #socket;
  #onEvent;
  #onEnd;
  #open = false;
  #ended = false;

  constructor(onEvent, onEnd) {
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
  }

  /** Resolves when the call has begun; never rejects, since `onEnd` tells what went wrong. */
  begin(rate) {
    const url = new URL("call", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    this.#socket = new WebSocket(url);
    this.#socket.onclose = (close) => this.#closed(close);
    return new Promise((resolve) => {
      this.#socket.onopen = () => {
        this.#open = true;
        this.#socket.send(JSON.stringify({ type: "start", rate, ...(token && { token }) }));
      };
      this.#socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        this.#ended ||= event.event === "call_ended";
        if (event.event === "call_started") resolve();
        this.#onEvent(event);
      };
    });
  }

  /** Sends 16-bit PCM. */
  send(pcm) {
    if (this.#socket?.readyState === WebSocket.OPEN && pcm.length) this.#socket.send(pcm);
  }

  /** Hangs up; the server answers with the last event. */
  stop() {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(JSON.stringify({ type: "stop" }));
    } else {
      this.#socket?.close();
    }
  }

  #closed({ code, reason }) {
    this.#onEnd(code === 1000 && this.#ended ? null : this.#problem(code, reason));
  }

  #problem(code, reason) {
    const said = reason ? ` It says: ${reason}.` : "";
    if (!this.#open) {
      return "The server cannot be reached. Is tonewise still running? Try again when it is.";
    }
    switch (code) {
      case 1001:
      case 1012:
        return "The server has stopped. Start it again, then reload this page.";
      case 1008:
        return reason.includes("token") && !token
          ? "This server asks for a token: open this page with #token=… at the end of its address."
          : `The server ended the call.${said}`;
      case 1011:
        return `Something broke in the server.${said}`;
      case 1013:
        return `The server is full: ${reason || "try again in a minute"}.`;
      case 1005:
      case 1006:
        return "The connection was lost. What was heard so far stays below; begin again when you are back.";
      default:
        return `The call ended unexpectedly (${code}).${said}`;
    }
  }
}

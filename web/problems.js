// What went wrong, in words. `again` tells whether calling again by ourselves may help.

export const UNREACHABLE = "The server cannot be reached. Is tonewise still running? Try again when it is.";
export const LOST = "The connection was lost.";

const STOPPED = "The server has stopped. Start it again, then press Talk.";

/** The close of a WebSocket; `wire/plain.py` lists the codes. */
export function closed(code, reason) {
  const said = reason ? ` It says: ${reason}.` : "";
  switch (code) {
    case 1001:
    case 1012:
      return { text: STOPPED };
    case 1008:
      return { text: refused(reason) };
    case 1011:
      return { text: `Something broke in the server.${said}` };
    case 1013:
      return { text: full(reason) };
    case 1005:
    case 1006:
      return { text: LOST, again: true };
    default:
      return { text: `The call ended unexpectedly (${code}).${said}` };
  }
}

/** The end of a call, as its last event tells it. */
export function stopped(reason) {
  return reason === "the server stops" ? { text: STOPPED } : null;
}

/** The answer to a WebRTC offer that is no answer. */
export function declined(status, reason) {
  if (status === 401 || status === 403) return { text: refused(reason) };
  return { text: `The server did not take the call (${status}).${reason ? ` It says: ${reason}.` : ""}` };
}

function refused(reason) {
  return reason.includes("token") && !location.hash.includes("token=")
    ? "This server asks for a token: open this page with #token=… at the end of its address."
    : `The server ended the call. It says: ${reason}.`;
}

function full(reason) {
  return `The server is full: ${reason || "try again in a minute"}.`;
}

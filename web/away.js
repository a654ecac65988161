// What can be taken away from a call: its events, and its recording where the caller asked for one.

import { el } from "./dom.js";

const AGAIN_MS = 400; // the server may still be writing when the call is over
const TRIES = 15;

/** A button that saves these lines as a file. */
export function saveEvents(name, lines) {
  const save = el("button", { type: "button", class: "quiet" }, "Download events");
  save.addEventListener("click", () => give(new Blob([lines.join("\n"), "\n"], { type: "application/x-ndjson" }), `${name}.jsonl`));
  return save;
}

/** A recording that this browser made. */
export function keptHere(name, recording) {
  const ending = recording.type.includes("mp4") ? "m4a" : recording.type.includes("ogg") ? "ogg" : "webm";
  const save = el("button", { type: "button", class: "quiet" }, "Save the recording");
  save.addEventListener("click", () => give(recording, `${name}.${ending}`));
  return el("p", { class: "away" },
    `Recorded in this browser (${megabytes(recording.size)}; you on the left, the reply on the right). It is gone when you close the page.`, save);
}

/** A recording that the server made, once the call is over. */
export function keptThere(link, minutes) {
  const about = el("span", {}, `Recorded on the server. The link works for ${minutes} minutes.`);
  const save = el("button", { type: "button", class: "quiet" }, "Download the recording");
  const remove = el("button", { type: "button", class: "quiet" }, "Delete it from the server");
  const all = el("p", { class: "away", role: "status" }, about, save, remove);
  const act = async (method, then) => {
    save.disabled = remove.disabled = true;
    about.textContent = await asked(link, method, then);
    save.disabled = remove.disabled = false;
  };
  save.addEventListener("click", () => act("GET", async (response) => {
    const [, name = "recording.zip"] = /filename="([^"]+)"/.exec(response.headers.get("content-disposition")) ?? [];
    give(await response.blob(), name);
    return "Here it is: sound, events and what was recorded with, as ZIP.";
  }));
  remove.addEventListener("click", () => act("DELETE", () => {
    save.remove();
    remove.remove();
    return "The recording is deleted from the server.";
  }));
  return all;
}

/** What came of it, in words. */
async function asked(link, method, then) {
  try {
    for (let tries = 0; ; tries++) {
      const response = await fetch(link, { method });
      if (response.ok) return await then(response);
      if (response.status !== 409 || tries === TRIES) return `Not done: ${(await response.json()).error}.`;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  } catch {
    return "Not done: the server cannot be reached.";
  }
}

function give(blob, name) {
  const url = URL.createObjectURL(blob);
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function megabytes(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

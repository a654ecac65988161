// Runs in the audio thread: collects the caller's samples into 40 ms of 16-bit PCM.

class Capture extends AudioWorkletProcessor {
  #pcm = new Int16Array(Math.round(sampleRate * 0.04));
  #filled = 0;

  process([input]) {
    for (const sample of input[0] ?? []) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.#pcm[this.#filled++] = Math.round(clipped * 32767);
      if (this.#filled === this.#pcm.length) {
        this.port.postMessage(this.#pcm);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);

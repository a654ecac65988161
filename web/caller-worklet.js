// Runs in the audio thread: plays a recorded caller who listens as a real one does. What was said
// is played whole, once and in order; only its silences grow, by their own faint noise.
//
// in   "go"       nothing is waited for; the first of these begins it
//      "expect"   a reply is owed: what comes after a long silence waits for it
//      "listen"   the reply is heard: the next word waits for its end
// out  "over"     all has been played

const LOOP = Math.round(0.2 * sampleRate); // of a silence that is drawn out
const BREATH = Math.round(0.3 * sampleRate); // before the next word, where the silence has as much

class Caller extends AudioWorkletProcessor {
  #sound;
  #silences; // { from, to, long }, in samples
  #at = 0;
  #mood = null; // not begun
  #stayAt = null; // in this silence, since the reply is heard
  #over = false;

  constructor({ processorOptions: { sound, silences } }) {
    super();
    this.#sound = sound;
    this.#silences = silences;
    this.port.onmessage = ({ data }) => {
      if (data === this.#mood) return;
      this.#mood = data;
      this.#stayAt = null;
    };
  }

  process(_, [[out]]) {
    for (let i = 0; this.#mood && i < out.length; i++) {
      out[i] = this.#sound[this.#at] ?? 0;
      this.#at = this.#next(this.#at + 1);
    }
    if (this.#over || this.#at < this.#sound.length) return true;
    this.#over = true;
    this.port.postMessage("over");
    return true;
  }

  #next(at) {
    while (this.#silences.length && at >= this.#silences[0].to) {
      this.#silences.shift();
      this.#stayAt = null;
    }
    const silence = this.#silences[0];
    if (this.#mood === "go" || !silence || at <= silence.from) return at;
    const last = Math.max((silence.from + silence.to) / 2, silence.to - BREATH);
    if (this.#mood === "listen") this.#stayAt ??= Math.min(Math.max(at, silence.from + LOOP), last);
    const end = this.#mood === "listen" ? this.#stayAt : silence.long ? last : Infinity;
    return at > end ? Math.max(silence.from, at - LOOP) : at;
  }
}

registerProcessor("caller", Caller);

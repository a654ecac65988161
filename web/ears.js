// The page's own ears on both voices: what the wave draws, and what the WebSocket sends.

/** Hears a MediaStream in 40 ms pieces of 16-bit PCM; `onSound` takes each. Gives the way to end it. */
export async function capture(context, stream, onSound) {
  await context.audioWorklet.addModule("capture-worklet.js");
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  node.port.onmessage = ({ data }) => onSound(data);
  const source = context.createMediaStreamSource(stream);
  source.connect(node);
  return () => source.disconnect();
}

/** How loud the reply is that is just being played. */
export class Loudness {
  #analyser;
  #window;

  constructor(context) {
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#window = new Float32Array(this.#analyser.fftSize);
  }

  /** The node to connect a voice to. */
  get input() {
    return this.#analyser;
  }

  /** The mean square of the last moment, 1 at full scale. */
  get now() {
    this.#analyser.getFloatTimeDomainData(this.#window);
    return this.#window.reduce((sum, value) => sum + value * value, 0) / this.#window.length;
  }
}

/** Mean square of 16-bit PCM, 1 at full scale. */
export function power(pcm) {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  return pcm.length ? sum / pcm.length / 32768 ** 2 : 0;
}

// A recording made by this browser alone, for servers that keep none: the caller on the left, the
// reply on the right.

const KINDS = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];

/** Can this browser record? */
export function canKeep() {
  return Boolean(globalThis.MediaRecorder);
}

/** Records from now on. `reply` is a node that carries our voice. */
export class Keep {
  #recorder;
  #pieces = [];
  #done;

  constructor(context, stream, reply) {
    const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
    const line = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
    context.createMediaStreamSource(stream).connect(both, 0, 0);
    reply.connect(both, 0, 1);
    both.connect(line);
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    this.#recorder = new MediaRecorder(line.stream, { ...(mimeType && { mimeType }), audioBitsPerSecond: 64_000 });
    this.#recorder.ondataavailable = ({ data }) => data.size && this.#pieces.push(data);
    this.#done = new Promise((resolve) => (this.#recorder.onstop = resolve));
    this.#recorder.start(1000);
  }

  /** Ends it; the recording. */
  async stop() {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    await this.#done;
    return new Blob(this.#pieces, { type: this.#recorder.mimeType });
  }
}

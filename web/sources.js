// Where a call's sound comes from: the microphone, or a sample that is played aloud.
// Both give Int16Array chunks of mono PCM, as the sound happens, to `onSound`.

const RATE = 16000;
const TICK_MS = 40;
const NO_SERVER = "The server cannot be reached. Is tonewise still running? Try again when it is.";

/** Opens the microphone. Throws an Error whose message is for people. */
export async function microphone(onSound) {
  if (!navigator.mediaDevices) {
    throw new Error(
      "The browser gives the microphone only to https pages and to localhost. " +
        "Open this page as http://localhost, or play a sample call.",
    );
  }
  let stream;
  try {
    // Noise is measured, not removed; what the speakers play should not come back as the caller.
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw new Error(whyNoMicrophone(error));
  }
  const context = await contextFor(stream);
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
    close(context);
  };
  try {
    await context.audioWorklet.addModule("capture-worklet.js");
  } catch {
    stop();
    throw new Error(NO_SERVER);
  }
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => onSound(data);
  const unplugged = new Promise((resolve) => {
    stream.getAudioTracks()[0].addEventListener("ended", resolve, { once: true });
  });
  return {
    rate: context.sampleRate,
    over: unplugged,
    start: () => context.createMediaStreamSource(stream).connect(node),
    stop,
  };
}

/** A recording, decoded in the browser. Playing it takes as long as it lasts. */
export async function sample(url, onSound) {
  const context = new AudioContext({ sampleRate: RATE }); // here, while the click still counts
  const response = await fetch(url).catch(() => {
    throw new Error(NO_SERVER);
  });
  if (!response.ok) throw new Error(`The sample ${url} is not on this server.`);
  let buffer;
  try {
    buffer = await context.decodeAudioData(await response.arrayBuffer());
  } catch {
    throw new Error("This browser cannot decode the sample (FLAC).");
  }
  const pcm = toInt16(buffer.getChannelData(0));
  let timer;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  return {
    rate: RATE,
    over,
    start() {
      const player = new AudioBufferSourceNode(context, { buffer });
      player.connect(context.destination);
      player.start();
      context.resume();
      const began = performance.now();
      let sent = 0;
      timer = setInterval(() => {
        const due = Math.floor(((performance.now() - began) / 1000) * RATE);
        onSound(upTo(pcm, sent, due));
        sent = due;
        if (sent >= pcm.length) finish(); // then silence goes on, as on a telephone
      }, TICK_MS);
    },
    stop() {
      clearInterval(timer);
      close(context);
    },
  };
}

function close(context) {
  if (context.state !== "closed") context.close();
}

/** Samples `from` to `to`; beyond the end there is silence. */
function upTo(pcm, from, to) {
  const chunk = new Int16Array(Math.max(0, to - from));
  chunk.set(pcm.subarray(from, to));
  return chunk;
}

/** A context at 16 kHz; at the device's own rate where the browser cannot convert. */
async function contextFor(stream) {
  const context = new AudioContext({ sampleRate: RATE });
  try {
    context.createMediaStreamSource(stream);
    return context;
  } catch {
    await context.close();
    return new AudioContext();
  }
}

function toInt16(samples) {
  return Int16Array.from(samples, (s) => Math.round(Math.max(-1, Math.min(1, s)) * 32767));
}

function whyNoMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The microphone was refused. Allow it beside the address bar and press Talk again, or play a sample call.";
    case "NotFoundError":
      return "There is no microphone here. Plug one in and press Talk again, or play a sample call.";
    case "NotReadableError":
      return "The microphone is there but silent; another program may be using it.";
    default:
      return `The microphone could not be opened (${error.name}).`;
  }
}

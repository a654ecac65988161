// Where a call's sound comes from: the microphone, or a sample that is played aloud. Both are the
// same thing, a MediaStream in an AudioContext, and take the same way to the server.

const RATE = 16000;
const FRAME = RATE / 100;
const QUIET = 10 ** (-45 / 20); // a caller's line is fainter, the end of a word louder
const PAUSE_S = 0.2; // a shorter silence is part of a word
const LONG_S = 1; // in a longer one the caller has left the word to us
const NO_SERVER = "The server cannot be reached. Is tonewise still running? Try again when it is.";

/** Opens the microphone. Throws an Error whose message is for people. */
export async function microphone() {
  if (!navigator.mediaDevices) {
    throw new Error(
      "The browser gives the microphone only to https pages and to localhost. " +
        "Open this page as http://localhost, or play a sample call.",
    );
  }
  let context = awake(new AudioContext({ sampleRate: RATE }));
  let stream;
  try {
    // Noise is measured, not removed, and a loud voice stays loud; but what the speakers play
    // should not come back as the caller.
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };
    stream = await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    context.close();
    throw new Error(whyNoMicrophone(error));
  }
  try {
    context.createMediaStreamSource(stream);
  } catch {
    context.close(); // this browser does not convert the rate: take the device's own
    context = awake(new AudioContext());
  }
  const [track] = stream.getAudioTracks();
  return {
    context,
    stream,
    lasting: true,
    over: new Promise((resolve) => track.addEventListener("ended", resolve, { once: true })),
    start: () => context.resume(),
    stop() {
      track.stop();
      close(context);
    },
  };
}

/** A recording, decoded in the browser. Playing it takes as long as it lasts. */
export async function sample(url) {
  const context = awake(new AudioContext({ sampleRate: RATE }));
  try {
    const [buffer] = await Promise.all([decoded(url, context), context.audioWorklet.addModule("caller-worklet.js")]);
    const sound = buffer.getChannelData(0);
    const processorOptions = { sound, silences: silencesOf(sound) };
    const player = new AudioWorkletNode(context, "caller", { numberOfInputs: 0, outputChannelCount: [1], processorOptions });
    const line = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    let begun = false;
    player.connect(line);
    player.connect(context.destination);
    return {
      context,
      stream: line.stream,
      lasting: false,
      over: new Promise((resolve) => (player.port.onmessage = resolve)), // then silence, as on a telephone
      async start() {
        await context.resume();
        begun = true;
        player.port.postMessage("go");
      },
      /** `mood` is "go", "expect" or "listen": a caller thinks aloud over a pause, and falls silent for a reply. */
      heed: (mood) => begun && player.port.postMessage(mood),
      stop: () => close(context),
    };
  } catch (error) {
    close(context);
    throw error;
  }
}

/** Where a caller is silent: { from, to, long }, in samples. */
function silencesOf(sound) {
  const silences = [];
  let from = 0;
  for (let at = 0; at <= sound.length; at += FRAME) {
    if (at < sound.length && sound.subarray(at, at + FRAME).every((value) => Math.abs(value) < QUIET)) continue;
    if (at - from >= PAUSE_S * RATE) silences.push({ from, to: at, long: at - from >= LONG_S * RATE });
    from = at + FRAME;
  }
  return silences;
}

async function decoded(url, context) {
  const response = await fetch(url).catch(() => {
    throw new Error(NO_SERVER);
  });
  if (!response.ok) throw new Error(`The sample ${url} is not on this server.`);
  const file = await response.arrayBuffer();
  return context.decodeAudioData(file).catch(() => {
    throw new Error("This browser cannot decode the sample (FLAC).");
  });
}

/** Some browsers let sound begin only while the click still counts. */
function awake(context) {
  context.resume();
  return context;
}

function close(context) {
  if (context.state !== "closed") context.close();
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

// Where a call's sound comes from: the microphone, or a sample that is played aloud. Both are the
// same thing, a MediaStream in an AudioContext, and take the same way to the server.

const RATE = 16000;
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
    const buffer = await decoded(url, context);
    const player = new AudioBufferSourceNode(context, { buffer });
    const line = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    player.connect(line);
    player.connect(context.destination);
    return {
      context,
      stream: line.stream,
      lasting: false,
      over: new Promise((resolve) => (player.onended = resolve)), // then silence, as on a telephone
      async start() {
        await context.resume();
        player.start();
      },
      /** Wait, or go on: the caller listens while the reply is spoken. */
      hold(on) {
        player.playbackRate.value = on ? 0 : 1;
      },
      stop: () => close(context),
    };
  } catch (error) {
    close(context);
    throw error;
  }
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

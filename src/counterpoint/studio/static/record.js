// Records the microphone as a wav, which every decoder can read.
const LONGEST_S = 60;

// Starts recording at once; `stop()` returns a File. `onTime(seconds)` is called during the recording.
export async function record(onTime) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser does not allow this page to use a microphone; open it under localhost or https.");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    throw new Error(error.name === "NotFoundError" ? "No microphone was found; connect one." : "The microphone is not allowed; allow it in the browser's settings for this page.");
  }
  const recorder = new MediaRecorder(stream);
  const pieces = [];
  const began = performance.now();
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.start();
  const clock = setInterval(() => {
    const at = (performance.now() - began) / 1000;
    onTime(at);
    if (at > LONGEST_S && recorder.state === "recording") recorder.stop();
  }, 200);
  const ended = new Promise((resolve) => recorder.addEventListener("stop", resolve));
  return {
    async stop() {
      clearInterval(clock);
      if (recorder.state === "recording") recorder.stop();
      await ended;
      stream.getTracks().forEach((track) => track.stop());
      const context = new AudioContext();
      const sound = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
      await context.close();
      return new File([wav(sound)], "singing.wav", { type: "audio/wav" });
    },
  };
}

// 16-bit mono PCM of the first channel.
function wav(sound) {
  const samples = sound.getChannelData(0);
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sound.sampleRate, true);
  view.setUint32(28, 2 * sound.sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, place) => view.setInt16(44 + 2 * place, Math.max(-1, Math.min(1, sample)) * 32767, true));
  return view.buffer;
}

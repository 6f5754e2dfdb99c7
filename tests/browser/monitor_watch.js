// Watches the monitor's page for some seconds: what is on the screen, and what the page says of it.
//
// For each picture that is shown: the number of its barcode, when it was first there (a time of
// performance.now()), and the frame that the overlay has drawn over it by then, as read_frame.js
// has it. For each latency that the page tells: when, and how much.

async (seconds) => {
  const video = document.getElementById("video");
  const overlay = document.getElementById("overlay");
  const latency = document.getElementById("latency");
  const strip = new OffscreenCanvas(256, 8).getContext("2d", { willReadFrequently: true });

  // The geometry is that of simulator/barcode.py.
  function readNumber() {
    const rows = Math.floor(video.videoHeight / 12);
    strip.drawImage(video, 0, 0, video.videoWidth, rows, 0, 0, 256, 8);
    const { data } = strip.getImageData(0, 4, 256, 1);
    const bits = Array.from({ length: 16 }, (_, cell) => (data[4 * (16 * cell + 8)] > 128 ? 1 : 0));
    return bits.slice(4, 14).reduce((value, bit) => 2 * value + bit, 0);
  }

  const readings = [];
  const reader = new MutationObserver(() => {
    readings.push([performance.now(), Number.parseFloat(latency.textContent)]);
  });
  reader.observe(latency, { childList: true });

  const pictures = [];
  const end = performance.now() + 1000 * seconds;
  let last = readNumber();
  while (performance.now() < end) {
    const at = await new Promise(requestAnimationFrame);
    const number = readNumber();
    if (number !== last) pictures.push([number, at, readFrame(overlay)]);
    last = number;
  }
  reader.disconnect();
  return { pictures, readings, width: overlay.width };
}

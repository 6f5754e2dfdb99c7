// Watches a petstream server: connects, reads the barcode of every decoded picture, and keeps count.
//
// The pictures are taken from the track, not from the screen: a compositor that is short of time
// shows every other one, and requestVideoFrameCallback tells of those alone.

const CELLS = 16;
const EIGHTHS = [3, 4, 5]; // of a cell and of the strip: where the samples are
const video = document.querySelector("video");
const numbers = [];
let connection;

async function connect(server) {
  connection = new RTCPeerConnection();
  connection.addTransceiver("video", { direction: "recvonly" });
  connection.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
    readPictures(track);
  };
  await connection.setLocalDescription(await connection.createOffer());
  const posted = performance.now();
  const response = await fetch(`${server}/offer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(connection.localDescription),
  });
  if (!response.ok) throw new Error(await response.text());
  await connection.setRemoteDescription(await response.json());
  await new Promise((shown) => video.requestVideoFrameCallback(shown));
  return performance.now() - posted;
}

async function readPictures(track) {
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 60 });
  for await (const picture of readable) {
    numbers.push(await readBarcode(picture));
    picture.close();
  }
}

// The geometry is that of simulator/barcode.py. The samples are taken from the luma plane of the
// decoded picture, of which only the rows that hold them are copied.
async function readBarcode(picture) {
  const { visibleRect, codedWidth } = picture;
  const strip = Math.floor(visibleRect.height / 12);
  const top = Math.floor((strip * 3) / 8) & ~1;
  const rect = { x: 0, y: top, width: codedWidth, height: strip - 2 * top };
  rect.height += rect.height % 2;
  const luma = new Uint8Array(picture.allocationSize({ rect }));
  const [{ offset, stride }] = await picture.copyTo(luma, { rect });
  const row = (eighths) => offset + (Math.floor((strip * eighths) / 8) - top) * stride;
  const level = (cell) => {
    let sum = 0;
    for (const x of EIGHTHS) {
      for (const y of EIGHTHS) sum += luma[row(y) + Math.floor(((cell + x / 8) * visibleRect.width) / CELLS)];
    }
    return sum / EIGHTHS.length ** 2;
  };
  return decode(Array.from({ length: CELLS }, (_, cell) => level(cell)));
}

function decode(levels) {
  const white = (levels[0] + levels[2]) / 2;
  const black = (levels[1] + levels[3]) / 2;
  if (white - black < 64) return null;
  const bits = levels.map((value) => (value - black) / (white - black));
  if (bits.some((bit) => bit > 1 / 3 && bit < 2 / 3)) return null;
  const code = bits.map((bit) => (bit > 0.5 ? 1 : 0));
  const number = code.slice(4, 14);
  const parity = (first) => number.filter((bit, i) => i % 2 === first && bit).length % 2;
  if (code[14] !== parity(0) || code[15] !== parity(1)) return null;
  return number.reduce((value, bit) => value * 2 + bit, 0);
}

async function figures() {
  const found = {};
  for (const report of (await connection.getStats()).values()) {
    if (report.type === "inbound-rtp") Object.assign(found, report);
  }
  return found;
}

// Forget what was read so far, and say how the counters stand.
async function begin() {
  numbers.length = 0;
  return figures();
}

// The boxes over the picture: those of the picture that is on the screen, not those that came last.
//
// Detections wait here by their capture time. A picture gets the newest that are not younger than
// itself; when its own come after it, as from a detector that takes its time, they are drawn then.
// In a browser that does not tell which picture it shows, the newest are better than none.

const KEPT = 300; // ten seconds of a detector that looks at every picture
const AGE_MAX_MS = 500; // older boxes are those of something that has moved on
const SAME_MS = 2; // RTP time is capture time but for rounding
const COLOUR = "#4fe0b0";
const SHADE = "rgb(0 0 0 / 55%)";

export class Overlay {
  enabled = true;
  #canvas;
  #context;
  #waiting = []; // of the camera's present size, in order of capture
  #size = { width: 0, height: 0 }; // of the picture, in its own pixels
  #sizeSince = -Infinity; // capture time of the first picture of that size
  #shown = null; // capture time of the picture on the screen

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    new ResizeObserver(([entry]) => this.#resize(entry)).observe(canvas);
  }

  // Detections as /api/detections/stream has them.
  add(event) {
    const capturedMs = event.capture_ns / 1e6;
    const last = this.#waiting.at(-1);
    if (last && capturedMs < last.capturedMs) {
      this.#waiting = []; // the camera's clock began anew
      this.#sizeSince = -Infinity;
    }
    this.#waiting.push({ capturedMs, boxes: event.detections, cameAt: performance.now() });
    if (this.#waiting.length > KEPT) this.#waiting.shift();
    if (this.#shown === null || capturedMs <= this.#shown + SAME_MS) this.draw();
  }

  // A picture is on its way to the screen; capturedMs is null when nobody knows.
  show(capturedMs, { width, height }) {
    if (width !== this.#size.width || height !== this.#size.height) {
      this.#sizeSince = (this.#size.width && capturedMs) || -Infinity;
      this.#size = { width, height };
    }
    this.#shown = capturedMs;
    this.draw();
  }

  draw() {
    const { width, height } = this.#canvas;
    this.#context.clearRect(0, 0, width, height);
    if (!this.enabled || !this.#size.width) return;
    for (const box of this.#boxes()) this.#drawBox(box, this.#placement());
  }

  #boxes() {
    const shown = this.#shown;
    if (shown === null) {
      const newest = this.#waiting.at(-1);
      return newest && performance.now() - newest.cameAt < AGE_MAX_MS ? newest.boxes : [];
    }
    const due = this.#waiting.findLast(({ capturedMs }) => capturedMs <= shown + SAME_MS);
    if (!due || shown - due.capturedMs > AGE_MAX_MS) return [];
    return due.capturedMs < this.#sizeSince - SAME_MS ? [] : due.boxes;
  }

  // Where the picture lies in the canvas: as large as it fits, in the middle (object-fit: contain).
  #placement() {
    const { width, height } = this.#canvas;
    const scale = Math.min(width / this.#size.width, height / this.#size.height);
    const left = (width - this.#size.width * scale) / 2;
    const top = (height - this.#size.height * scale) / 2;
    return { scale, left, top };
  }

  #drawBox(box, { scale, left, top }) {
    const context = this.#context;
    const unit = devicePixelRatio;
    const frame = [left + box.x * scale, top + box.y * scale, box.w * scale, box.h * scale];
    for (const [colour, lineWidth] of [[SHADE, 4], [COLOUR, 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = lineWidth * unit;
      context.beginPath();
      context.roundRect(...frame, 3 * unit);
      context.stroke();
    }
    this.#drawLabel(`${box.class_name} ${Math.round(100 * box.confidence)} %`, frame, unit);
  }

  // Above the box, or inside it where there is no room above.
  #drawLabel(text, [x, y], unit) {
    const context = this.#context;
    context.font = `600 ${12.5 * unit}px system-ui, sans-serif`;
    const width = context.measureText(text).width + 12 * unit;
    const height = 20 * unit;
    const top = y >= height + 3 * unit ? y - height - 2 * unit : y + 3 * unit;
    const left = Math.min(Math.max(x, 0), this.#canvas.width - width);
    context.fillStyle = COLOUR;
    context.beginPath();
    context.roundRect(left - unit, top, width, height, 4 * unit);
    context.fill();
    context.fillStyle = "#06231a";
    context.textBaseline = "middle";
    context.fillText(text, left + 5 * unit, top + height / 2 + unit / 2);
  }

  #resize(entry) {
    const { width, height } = entry.contentRect;
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    this.draw();
  }
}

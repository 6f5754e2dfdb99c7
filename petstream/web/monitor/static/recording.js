// The record button, and what is said of the recording that runs.

import { call } from "./api.js";
import { bytes, duration } from "./format.js";

const SLOW_MS = 12_000;
const TICK_MS = 250;

export class RecordingControl {
  #button = document.getElementById("record");
  #label = document.getElementById("record-label");
  #preRoll = document.getElementById("pre-roll");
  #preRollLabel = document.getElementById("pre-roll-label");
  #told = document.getElementById("recording");
  #message = document.getElementById("message");
  #chip = document.getElementById("on-air");
  #chipTime = document.getElementById("on-air-time");
  #onFinished;
  #status = null;
  #toldAt = 0;
  #busy = false;

  // onFinished() is called when a recording has begun or ended.
  constructor(onFinished) {
    this.#onFinished = onFinished;
    this.#button.addEventListener("click", () => this.toggle());
    setInterval(() => this.#tick(), TICK_MS);
  }

  // Shows a recorder's status; null when it is not known.
  show(status) {
    const before = this.#status;
    this.#status = status;
    this.#toldAt = performance.now();
    const running = status?.recording ?? false;
    this.#button.disabled = this.#busy || status === null;
    this.#button.dataset.recording = running;
    this.#label.textContent = running ? "Stop" : "Record";
    this.#preRoll.disabled = status === null;
    this.#preRollLabel.hidden = running;
    this.#chip.hidden = !running;
    this.#tick();
    if (before && status && before.filename + before.recording !== status.filename + running) {
      this.#onFinished();
    }
  }

  async toggle() {
    if (this.#button.disabled) return;
    const starts = !this.#status.recording;
    const body = starts ? { format: "mp4", pre_roll_s: Number(this.#preRoll.value) } : undefined;
    this.#busy = this.#button.disabled = true;
    this.#message.textContent = "";
    try {
      const path = `/api/recording/${starts ? "start" : "stop"}`;
      const { status } = await call(path, { method: "POST", body, timeoutMs: SLOW_MS });
      this.#busy = false;
      this.show(status);
    } catch (error) {
      const what = starts ? "start" : "stop";
      this.#message.textContent = `The recording did not ${what}: ${error.message || "no answer"}`;
    }
    this.#busy = this.#button.disabled = false;
    this.#button.focus();
  }

  // Time goes on between two statuses.
  #tick() {
    const status = this.#status;
    const running = status?.recording ?? false;
    const passed = running ? performance.now() - this.#toldAt : 0;
    const time = duration((status?.duration_ms ?? 0) + passed);
    this.#chipTime.textContent = time;
    this.#told.textContent = describe(status, running, time);
  }
}

function describe(status, running, time) {
  if (status?.error) return `The recording stopped: ${status.error}`;
  return running ? `${time} · ${bytes(status.bytes_written)}` : "";
}

// When a displayed picture was captured.
//
// A browser tells of a displayed picture its RTP timestamp. The answer to our offer named the
// offset of our RTP timestamps; /api/clock gives one pair of RTP time and capture time, and the
// camera's clock as it is now, of which the shortest round trip has the best reading.

import { call } from "./api.js";

const TICKS_PER_MS = 90;
const FIRST_READINGS = 6;
const EVERY_MS = 3000;
const KEEP_MS = 60_000;

export class CaptureClock {
  #rtpOffset = null;
  #pair = null; // RTP ticks and the capture time that they stand for, ms of the camera's clock
  #readings = []; // { trip, ahead, at }: camera's clock minus ours, ms
  #ahead = null;

  constructor() {
    setInterval(() => document.hidden || this.#read().catch(() => {}), EVERY_MS);
  }

  // A new connection, perhaps to another server.
  async begin(rtpOffset) {
    this.#rtpOffset = rtpOffset ?? null;
    this.#pair = this.#ahead = null;
    this.#readings = [];
    for (let i = 0; i < FIRST_READINGS; i++) await this.#read().catch(() => {});
  }

  // Capture time of a picture in ms of the camera's clock; null while it is not known.
  captured(rtpTimestamp) {
    if (rtpTimestamp === undefined || this.#rtpOffset === null || this.#pair === null) return null;
    // RTP timestamps have 32 bits, and so has |.
    const ticks = (rtpTimestamp - this.#rtpOffset - this.#pair.ticks) | 0;
    return this.#pair.capturedMs + ticks / TICKS_PER_MS;
  }

  // A time of the camera's clock as a time of performance.now(); null while it is not known.
  here(cameraMs) {
    return cameraMs === null || this.#ahead === null ? null : cameraMs - this.#ahead;
  }

  async #read() {
    const sent = performance.now();
    const clock = await call("/api/clock");
    const back = performance.now();
    if (clock.rtp_ticks !== null) {
      this.#pair = { ticks: clock.rtp_ticks, capturedMs: clock.capture_ns / 1e6 };
    }
    const ahead = clock.now_ns / 1e6 - (sent + back) / 2;
    this.#readings = this.#readings.filter(({ at }) => back - at < KEEP_MS);
    this.#readings.push({ trip: back - sent, ahead, at: back });
    this.#ahead = this.#readings.reduce((a, b) => (b.trip < a.trip ? b : a)).ahead;
  }
}

// What the browser measures of the live picture, once a second.

import { Sparkline } from "./sparkline.js";

const EVERY_MS = 1000;
const LIVE_MS = 2500; // an older picture was sent again because there is no newer one

export class Figures {
  #report;
  #latencies = []; // of the pictures since the last second, ms
  #before = null;
  #lines = {};

  // report() resolves to the statistics of the inbound RTP stream, or null without connection.
  constructor(report) {
    this.#report = report;
    for (const name of ["latency", "fps", "bit-rate"]) {
      this.#lines[name] = new Sparkline(document.getElementById(`${name}-line`));
    }
    setInterval(() => document.hidden || this.#update(), EVERY_MS);
  }

  // A picture was displayed so long after its capture; null when nobody knows.
  add(latencyMs) {
    if (latencyMs !== null && latencyMs < LIVE_MS) this.#latencies.push(latencyMs);
  }

  async #update() {
    const latencies = this.#latencies.sort((a, b) => a - b);
    this.#latencies = [];
    this.#show("latency", latencies[latencies.length >> 1] ?? null, 0, "ms");
    const now = await this.#report().catch(() => null);
    const rates = now && this.#before ? since(this.#before, now) : {};
    this.#before = now;
    this.#show("fps", rates.fps ?? null, 0, "fps");
    this.#show("bit-rate", rates.bitRate ?? null, 1, "Mbit/s");
    this.#show("jitter", rates.jitterMs ?? null, 0, "ms");
    this.#show("lost", now?.packetsLost ?? null, 0, "");
    this.#show("freezes", now?.freezeCount ?? null, 0, "");
    const size = now?.frameWidth ? `${now.frameWidth} × ${now.frameHeight}` : "–";
    write("size", size, "");
  }

  #show(name, value, digits, unit) {
    this.#lines[name]?.add(value);
    write(name, value === null ? "–" : value.toFixed(digits), value === null ? "" : unit);
  }
}

// What has happened between two reports (W3C WebRTC Statistics, RTCInboundRtpStreamStats).
function since(before, now) {
  const seconds = (now.timestamp - before.timestamp) / 1000;
  const passed = (name) => (now[name] ?? 0) - (before[name] ?? 0);
  if (seconds <= 0 || passed("bytesReceived") < 0 || now.ssrc !== before.ssrc) return {};
  const emitted = passed("jitterBufferEmittedCount");
  return {
    fps: passed("framesDecoded") / seconds,
    bitRate: (passed("bytesReceived") * 8) / seconds / 1e6,
    jitterMs: emitted > 0 ? (passed("jitterBufferDelay") / emitted) * 1000 : null,
  };
}

function write(name, text, unit) {
  const place = document.getElementById(name);
  const small = document.createElement("small");
  small.textContent = unit;
  place.replaceChildren(text, ...(unit ? [" ", small] : []));
}

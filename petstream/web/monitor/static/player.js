// The live picture by WebRTC. It connects, and connects again with growing pauses, until stopped;
// onState(name, text) is told what it is doing. One RTCPeerConnection at a time: whatever belongs
// to an earlier attempt finds that it is not the current one, and does nothing.

import { call } from "./api.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;
const GATHERING_MS = 1000;
const CONNECTING_MS = 10000;
const DISCONNECTED_MS = 3000;
const STALL_MS = 2500;

export class Player {
  serverIsAway = false; // what the page knows of it, for a better word than "stalled"
  #video;
  #events;
  #connection = null;
  #receiver = null;
  #pauseMs = FIRST_PAUSE_MS;
  #timer = null;
  #attempt = 0;
  #lastPictureAt = 0;

  // events: onState(name, text), onAnswer(answer), and onPicture(metadata), which gives the time
  // since its capture in ms, or null.
  constructor(video, events) {
    this.#video = video;
    this.#events = events;
    this.#watchPictures();
    setInterval(() => this.#tellIfStalled(), 500);
  }

  // Connects now, whatever the state: the server has come back, or the network has.
  restart() {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#connect();
  }

  stop() {
    this.#attempt++; // whatever is still under way is of no interest any more
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = this.#receiver = null;
  }

  get isLive() {
    return this.#connection?.connectionState === "connected";
  }

  // Statistics of the inbound RTP stream, or null without one.
  async report() {
    const reports = await this.#receiver?.getStats();
    return [...(reports?.values() ?? [])].find(({ type }) => type === "inbound-rtp") ?? null;
  }

  async #connect() {
    this.stop();
    const attempt = ++this.#attempt;
    this.#events.onState("connecting", "Connecting");
    try {
      const config = await call("/api/webrtc/config");
      if (attempt !== this.#attempt) return;
      const connection = new RTCPeerConnection(config);
      this.#connection = connection;
      this.#later(CONNECTING_MS, connection, "There is no way through the network");
      await this.#negotiate(connection);
    } catch (error) {
      if (attempt === this.#attempt) this.#retry(error);
    }
  }

  async #negotiate(connection) {
    connection.addEventListener("track", (event) => this.#show(connection, event));
    connection.addEventListener("connectionstatechange", () => this.#follow(connection));
    connection.addTransceiver("video", { direction: "recvonly" });
    await connection.setLocalDescription();
    await gathered(connection);
    const { type, sdp } = connection.localDescription;
    const body = { type, sdp };
    const answer = await call("/api/webrtc/offer", { method: "POST", body, timeoutMs: 12000 });
    if (connection === this.#connection) {
      this.#events.onAnswer(answer);
      await connection.setRemoteDescription(answer);
    }
  }

  #show(connection, { receiver, track }) {
    if (connection !== this.#connection) return;
    this.#receiver = receiver;
    // Not in every browser; it asks for no more delay than the network needs.
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    this.#video.srcObject = new MediaStream([track]);
    this.#video.play().catch((error) => {
      if (error.name === "NotAllowedError") {
        this.#events.onState("blocked", "Tap the picture to play");
      }
    });
  }

  #follow(connection) {
    if (connection !== this.#connection) return;
    const state = connection.connectionState;
    if (state === "connected") {
      clearTimeout(this.#timer);
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#lastPictureAt = performance.now();
    } else if (state === "disconnected") {
      this.#events.onState("connecting", "The connection is lost; waiting for it");
      this.#later(DISCONNECTED_MS, connection, "The connection is lost");
    } else if (state === "failed" || state === "closed") {
      this.#retry(new Error("The connection is lost"));
    }
  }

  #later(ms, connection, reason) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (connection === this.#connection) this.#retry(new Error(reason));
    }, ms);
  }

  #retry(error) {
    this.stop();
    // Random, so that all pages do not come back in the same instant.
    const pauseMs = (error.retryAfterMs ?? this.#pauseMs) * (0.75 + 0.5 * Math.random());
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#events.onState("waiting", `${describe(error)}; trying again`);
    this.#timer = setTimeout(() => this.#connect(), pauseMs);
  }

  #watchPictures() {
    const seen = (_, metadata) => {
      // While the camera stands still, the server may send its last pictures again.
      const age = this.#events.onPicture(metadata) ?? 0;
      if (this.isLive && age < STALL_MS) {
        this.#lastPictureAt = performance.now();
        this.#events.onState("live", "Live");
      }
      this.#video.requestVideoFrameCallback(seen);
    };
    if ("requestVideoFrameCallback" in this.#video) this.#video.requestVideoFrameCallback(seen);
    else this.#video.addEventListener("playing", () => this.#events.onState("live", "Live"));
  }

  #tellIfStalled() {
    if (!this.isLive || document.hidden || !("requestVideoFrameCallback" in this.#video)) return;
    if (this.#video.paused || performance.now() - this.#lastPictureAt < STALL_MS) return;
    const text = this.serverIsAway ? "The server is away" : "Waiting for the camera";
    this.#events.onState("stalled", text);
  }
}

// Resolves when all candidates are known, or after a second: the server offers its own anyway.
function gathered(connection) {
  return new Promise((resolve) => {
    const done = () => connection.iceGatheringState === "complete" && resolve();
    connection.addEventListener("icegatheringstatechange", done);
    setTimeout(resolve, GATHERING_MS);
    done();
  });
}

function describe(error) {
  if (error.code === "too_many_clients") return "All places are taken";
  if (error.code === "not_acceptable") return "This browser has no H.264 for the stream";
  if (error.code === "unavailable") return "The server is away";
  if (error.status === 0) return "The monitor is away";
  return error.message || "No connection";
}

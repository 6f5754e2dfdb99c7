// The page: where the parts meet. Statuses and detections come as events, pictures by WebRTC.

import { CaptureClock } from "./clock.js";
import { listen } from "./events.js";
import { Figures } from "./figures.js";
import { showHealth } from "./health.js";
import { Overlay } from "./overlay.js";
import { Player } from "./player.js";
import { RecordingControl } from "./recording.js";
import { Recordings } from "./recordings.js";
import { Stage } from "./stage.js";

const stage = document.getElementById("stage");
const video = document.getElementById("video");
const stateText = document.getElementById("state");
const retry = document.getElementById("retry");

const clock = new CaptureClock();
const overlay = new Overlay(document.getElementById("overlay"));
const recordings = new Recordings();
const recording = new RecordingControl(() => recordings.refresh());
const player = new Player(video, {
  onState: showState,
  onAnswer: (answer) => clock.begin(answer.rtp_offset),
  onPicture: showPicture,
});
const figures = new Figures(() => player.report());
new Stage(overlay, { r: () => recording.toggle() });

let last = null; // status

function showState(name, text) {
  if (stage.dataset.state !== name) stage.dataset.state = name;
  if (stateText.textContent !== text) stateText.textContent = text;
  retry.hidden = name !== "waiting";
}

// The time from capture to display in ms; null while it is not known.
function showPicture(metadata) {
  const captured = clock.captured(metadata.rtpTimestamp);
  const capturedHere = clock.here(captured);
  const shown = Math.max(metadata.expectedDisplayTime, metadata.presentationTime);
  const latency = capturedHere === null ? null : shown - capturedHere;
  overlay.show(captured, metadata);
  figures.add(latency);
  return latency;
}

// A status as /api/status has it; null when the monitor itself is away.
function showStatus(status) {
  const isAway = !status || status.status === "away";
  showHealth(status);
  recording.show(isAway ? null : status.recorder);
  player.serverIsAway = isAway;
  const wasAway = last?.isAway ?? false;
  // A server that is back, or is another than a second ago, has forgotten this page.
  const restarted = status?.uptime_s < last?.uptime;
  if (!isAway && (wasAway || restarted)) {
    player.restart();
    recordings.refresh();
  }
  last = { isAway, uptime: status?.uptime_s ?? last?.uptime };
}

listen("/api/status/stream", showStatus, () => showStatus(null));
listen("/api/detections/stream", (event) => overlay.add(event));

stage.addEventListener("click", () => video.play().catch(() => {}));
retry.addEventListener("click", () => player.restart());
window.addEventListener("online", () => player.restart());
window.addEventListener("pagehide", () => player.stop());
window.addEventListener("pageshow", (event) => event.persisted && player.restart());
document.addEventListener("visibilitychange", () => {
  // A phone that slept has lost its connection without having been told.
  if (!document.hidden && !player.isLive) player.restart();
});

player.restart();

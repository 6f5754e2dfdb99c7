// The server's health in words: in short at the top of the page, in full beside the picture.

import { plural, span } from "./format.js";

const pill = document.getElementById("health");
const list = document.getElementById("reasons");
let told = "";

// Shows a status as /api/status has it; null when the monitor itself is away.
export function showHealth(status) {
  const state = status?.status ?? "away";
  const reasons = (status?.reasons ?? []).map((reason) => reason.message ?? reason);
  pill.dataset.state = state;
  const text = short(status, reasons);
  if (pill.textContent !== text) pill.textContent = text;
  const lines = state === "ok" ? described(status) : reasons;
  if (!status) lines.push("The monitor does not answer. This page goes on trying.");
  const said = lines.map(sentence);
  if (said.join() === told) return; // so that screen readers do not say it again
  told = said.join();
  list.replaceChildren(...said.map(item));
}

function short(status, reasons) {
  if (!status) return "The monitor is away";
  if (status.status === "away") return "The server is away";
  if (status.status === "ok") return `All well · ${plural(status.webrtc_clients ?? 0, "viewer")}`;
  if (reasons.length > 1) return `${reasons.length} things are wrong`;
  // What is wrong; why, is said beside the picture.
  return sentence(reasons[0]?.split(":")[0] ?? "Degraded");
}

function described({ camera = {}, uptime_s: uptime, recording }) {
  const lines = ["Everything works."];
  if (camera.width) {
    lines.push(`Camera: ${camera.width} × ${camera.height}, ${Math.round(camera.fps)} fps`);
  }
  if (recording) lines.push("A recording is running");
  if (uptime !== undefined) lines.push(`Up for ${span(uptime)}`);
  return lines;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

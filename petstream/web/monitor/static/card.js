// One recording: its picture, which becomes a player, and what can be done with it.

import { call } from "./api.js";
import { bytes, duration, moment } from "./format.js";

const STATES = {
  empty: "empty; it ended before a key frame came",
  recording: "recording now",
  recovered: "recovered after a crash",
  damaged: "damaged; what is left of it may play",
};

export class Card {
  element = document.getElementById("card").content.firstElementChild.cloneNode(true);
  #name;
  #events;
  #recording = null;

  // events: onOpen(card), onChange(), onDeleted().
  constructor(name, events) {
    this.#name = name;
    this.#events = events;
    this.#find(".play").addEventListener("click", () => this.open());
    this.#find(".protect").addEventListener("click", () => this.#protect());
    this.#find(".delete").addEventListener("click", () => this.#delete());
    this.#find("img").addEventListener("error", (event) => event.target.classList.add("missing"));
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#video) this.close(true);
    });
  }

  show(recording) {
    const before = this.#recording;
    this.#recording = recording;
    const { state, protected: kept } = recording;
    const title = moment(recording.start_time) || this.#name;
    this.element.dataset.state = state;
    this.#find("h3").textContent = title;
    this.#find("h3").title = this.#name;
    this.#find(".facts").textContent = facts(recording);
    const running = state === "recording";
    const empty = isEmpty(recording);
    this.#find(".duration").textContent = running ? "" : duration(recording.duration_ms);
    this.#label(".play", `Play the recording of ${title}`, running || empty);
    this.#label(".protect", `Protect the recording of ${title}`, running);
    this.#label(".delete", `Delete the recording of ${title}`, running || kept);
    this.#label(".download", `Download the recording of ${title}`);
    this.#find(".protect").setAttribute("aria-pressed", kept);
    this.#find(".protect use").setAttribute("href", kept ? "#icon-lock" : "#icon-unlock");
    this.#find(".download").href = this.#path({ ...this.#playable, download: "1" });
    this.#find(".download").hidden = running || empty;
    if (before?.state !== state && !running && !empty) this.#find("img").src = this.#thumbnail;
  }

  // Plays in place of the picture.
  open() {
    this.#events.onOpen(this);
    const video = document.createElement("video");
    Object.assign(video, { controls: true, autoplay: true, playsInline: true, preload: "auto" });
    video.setAttribute("aria-label", `Recording of ${this.#find("h3").textContent}`);
    video.poster = this.#thumbnail;
    video.src = this.#path(this.#playable);
    video.addEventListener("error", () => this.#fail(video));
    this.element.classList.add("open");
    this.#find(".play").hidden = true;
    this.#find(".picture").prepend(video);
    this.#find(".tools").prepend(this.#closeButton());
    video.focus();
    this.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  close(focus = false) {
    const video = this.#video;
    if (!video) return;
    video.removeAttribute("src");
    video.load(); // lets go of the connection
    video.remove();
    this.#find(".close").remove();
    this.element.classList.remove("open");
    this.#find(".play").hidden = false;
    if (focus) this.#find(".play").focus();
  }

  get #video() {
    return this.element.querySelector("video");
  }

  // Raw H.264 has no container that a browser knows; the server puts it into one on the way.
  get #playable() {
    return this.#recording.format === "h264" ? { format: "mp4" } : {};
  }

  get #thumbnail() {
    return `${this.#path()}/thumbnail.jpg`;
  }

  #find(selector) {
    return this.element.querySelector(selector);
  }

  #path(query = {}) {
    const search = new URLSearchParams(query).toString();
    return `/api/recordings/${encodeURIComponent(this.#name)}${search ? `?${search}` : ""}`;
  }

  #label(selector, text, disabled = false) {
    const element = this.#find(selector);
    element.setAttribute("aria-label", text);
    element.title = text.replace(/ the recording of .*/, "");
    if (element instanceof HTMLButtonElement) element.disabled = disabled;
  }

  #closeButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon close";
    button.setAttribute("aria-label", "Close the player");
    button.title = "Close";
    button.append(icon("close"));
    button.addEventListener("click", () => this.close(true));
    return button;
  }

  #fail(video) {
    if (!video.hasAttribute("src")) return; // it was closed
    this.close();
    this.#find(".facts").textContent = "This browser could not play it; try to download it";
  }

  async #protect() {
    const body = { protected: !this.#recording.protected };
    try {
      await call(`${this.#path()}/protect`, { method: "POST", body });
      this.show({ ...this.#recording, ...body });
    } catch (error) {
      this.#find(".facts").textContent = `Not changed: ${error.message}`;
    }
    this.#events.onChange();
  }

  async #delete() {
    const dialog = document.getElementById("confirm");
    document.getElementById("confirm-text").textContent =
      `${this.#find("h3").textContent}: ${facts(this.#recording)}. It cannot be brought back.`;
    dialog.returnValue = "keep";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue !== "delete") return;
    try {
      await call(this.#path(), { method: "DELETE", timeoutMs: 12_000 });
      this.#events.onDeleted();
    } catch (error) {
      this.#find(".facts").textContent = `Not deleted: ${error.message}`;
    }
  }
}

function facts(recording) {
  const kind = recording.format === "mp4" ? "MP4" : "H.264";
  const state = isEmpty(recording) ? "empty" : recording.state;
  return [bytes(recording.size_bytes), kind, STATES[state]].filter(Boolean).join(" · ");
}

// It has a file, but no picture: of a damaged one that is not known.
function isEmpty({ state, frame_count: frames }) {
  return state === "finished" && frames === 0;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

// The list of recordings: what is there, and which one is open.

import { call } from "./api.js";
import { Card } from "./card.js";
import { bytes, plural } from "./format.js";

const EVERY_MS = 30_000;

export class Recordings {
  #list = document.getElementById("recordings");
  #empty = document.getElementById("recordings-empty");
  #sum = document.getElementById("recordings-sum");
  #cards = new Map(); // by name
  #asking = false;
  #again = false; // something has changed since the question was asked

  constructor() {
    setInterval(() => document.hidden || this.refresh(), EVERY_MS);
    this.refresh();
  }

  // Asks what there is, and shows it; cards that stay keep their state.
  async refresh() {
    this.#again = this.#asking;
    if (this.#asking) return;
    this.#asking = true;
    try {
      const { recordings } = await call("/api/recordings", { timeoutMs: 12_000 });
      this.#show(recordings);
    } catch (error) {
      this.#say(error.status === 404 ? "This server has no list of them" : "The server is away");
    } finally {
      this.#asking = false;
      if (this.#again) this.refresh();
    }
  }

  #show(recordings) {
    const names = new Set(recordings.map(({ name }) => name));
    for (const [name, card] of this.#cards) if (!names.has(name)) this.#remove(name, card);
    const elements = recordings.map((recording) => this.#card(recording).element);
    // Moving an element would stop the video in it.
    if (elements.some((element, i) => element !== this.#list.children[i])) {
      elements.forEach((element, i) => {
        if (this.#list.children[i] !== element) {
          this.#list.insertBefore(element, this.#list.children[i] ?? null);
        }
      });
    }
    const size = recordings.reduce((sum, { size_bytes: each }) => sum + (each ?? 0), 0);
    this.#sum.textContent = recordings.length
      ? `${plural(recordings.length, "recording")}, ${bytes(size)}`
      : "";
    this.#say(recordings.length ? "" : "None yet. Press Record, and it will be here.");
  }

  #card(recording) {
    let card = this.#cards.get(recording.name);
    if (!card) {
      card = new Card(recording.name, {
        onOpen: (opened) => this.#closeOthers(opened),
        onChange: () => this.refresh(),
        onDeleted: () => this.#deleted(recording.name),
      });
      this.#cards.set(recording.name, card);
    }
    card.show(recording);
    return card;
  }

  #closeOthers(opened) {
    for (const card of this.#cards.values()) if (card !== opened) card.close();
  }

  // The keyboard goes on from the next card, or the one before.
  #deleted(name) {
    const { element } = this.#cards.get(name);
    const next = element.nextElementSibling ?? element.previousElementSibling;
    this.#remove(name, this.#cards.get(name));
    (next?.querySelector(".play:enabled") ?? document.getElementById("record")).focus();
    this.refresh();
  }

  #remove(name, card) {
    card.close();
    card.element.remove();
    this.#cards.delete(name);
  }

  #say(text) {
    this.#empty.textContent = text;
    this.#empty.hidden = !text;
  }
}

// What can be done with the live picture: full screen, snapshot, boxes; by button and by key.

export class Stage {
  #stage = document.getElementById("stage");
  #video = document.getElementById("video");

  // keys: what a letter does, besides those of the stage.
  constructor(overlay, keys) {
    const boxes = document.getElementById("boxes");
    const actions = {
      ...keys,
      b: () => {
        overlay.enabled = !overlay.enabled;
        boxes.setAttribute("aria-pressed", overlay.enabled);
        overlay.draw();
      },
      f: () => this.#expand(),
      s: () => this.#save(),
    };
    boxes.addEventListener("click", actions.b);
    document.getElementById("expand").addEventListener("click", actions.f);
    document.getElementById("snapshot").addEventListener("click", actions.s);
    this.#stage.addEventListener("dblclick", actions.f);
    document.addEventListener("keydown", (event) => onKey(event, actions));
    this.#video.addEventListener("resize", () => this.#fit());
  }

  // The stage takes the picture's shape, so that there are bars in full screen only.
  #fit() {
    const { videoWidth, videoHeight } = this.#video;
    if (videoWidth) this.#stage.style.aspectRatio = `${videoWidth} / ${videoHeight}`;
    document.getElementById("snapshot").disabled = !videoWidth;
  }

  #expand() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.#stage.requestFullscreen) this.#stage.requestFullscreen().catch(() => {});
    else this.#video.webkitEnterFullscreen?.(); // an iPhone knows it for videos alone
  }

  // The picture that is on the screen, in its own size.
  #save() {
    const canvas = document.createElement("canvas");
    canvas.width = this.#video.videoWidth;
    canvas.height = this.#video.videoHeight;
    if (!canvas.width) return;
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    const name = `snapshot_${stamp(new Date())}.jpg`;
    canvas.toBlob((blob) => download(blob, name), "image/jpeg", 0.92);
  }
}

function onKey(event, actions) {
  const taken = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
  const busy = event.target.closest?.("select, input, textarea, dialog, .card video");
  const action = actions[event.key.toLowerCase()];
  if (taken || busy || !action) return;
  event.preventDefault();
  action();
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// As recordings are named, but in local time: 20261224_180000
function stamp(date) {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "_");
}

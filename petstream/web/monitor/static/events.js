// A stream of events that does not end: the browser reconnects by itself after a lost connection,
// and here it is made anew where the browser gives up (an answer that is no stream).

const AGAIN_MS = 2000;

// Calls onEvent with the JSON of each event, and onLost whenever the stream breaks off.
export function listen(path, onEvent, onLost = () => {}) {
  const source = new EventSource(path);
  source.addEventListener("message", (event) => onEvent(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    onLost();
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => listen(path, onEvent, onLost), AGAIN_MS);
    }
  });
}

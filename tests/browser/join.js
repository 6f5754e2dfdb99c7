// Joins a petstream server as a new viewer, and keeps when each picture left the decoder.

// How far the server's clock is ahead of this page's, in ms: by the shortest round trip.
async function clockAhead(server) {
  let shortest = Infinity;
  let ahead = 0;
  for (let i = 0; i < 8; i += 1) {
    const sent = performance.now();
    const clock = await (await fetch(`${server}/clock`)).json();
    const took = performance.now() - sent;
    if (took < shortest) {
      shortest = took;
      ahead = clock.now_ns / 1e6 - (sent + took / 2);
    }
  }
  return ahead;
}

// Watch for a while. Gives the pictures as [ms after the offer was posted, number], the time of
// that on the server's clock in ms, and the counters at the end.
async function join(server, watchMs) {
  const ahead = await clockAhead(server);
  const pictures = [];
  connection = new RTCPeerConnection();
  connection.addTransceiver("video", { direction: "recvonly" });
  let posted;
  connection.ontrack = async ({ track }) => {
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 240 });
    for await (const picture of readable) {
      const at = performance.now() - posted;
      pictures.push([at, await readBarcode(picture)]);
      picture.close();
    }
  };
  await connection.setLocalDescription();
  posted = performance.now();
  const response = await fetch(`${server}/offer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(connection.localDescription),
  });
  if (!response.ok) throw new Error(await response.text());
  await connection.setRemoteDescription(await response.json());
  await new Promise((done) => setTimeout(done, watchMs));
  const counters = await figures();
  connection.close();
  return { pictures, counters, postedAt: posted + ahead };
}

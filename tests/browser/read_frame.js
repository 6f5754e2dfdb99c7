// Left, right and lower side of what has the colour of a frame, in pixels of a canvas; null if
// nothing has. The label stands on the upper side, and has that colour too.

(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Uint32Array(data.buffer); // red is the lowest byte, alpha the highest
  const found = { left: Infinity, right: -1, lower: -1 };
  pixels.forEach((pixel, i) => {
    if (pixel >>> 24 < 200 || ((pixel >>> 8) & 255) < 200) return;
    const x = i % width;
    found.left = Math.min(found.left, x);
    found.right = Math.max(found.right, x);
    found.lower = Math.floor(i / width);
  });
  return found.right < 0 ? null : found;
}

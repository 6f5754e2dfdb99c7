// The last minute of a figure as a line.

const POINTS = 60;
const NAMESPACE = "http://www.w3.org/2000/svg";

export class Sparkline {
  #values = [];
  #line = document.createElementNS(NAMESPACE, "path");
  #area = document.createElementNS(NAMESPACE, "path");

  constructor(svg) {
    this.#area.classList.add("area");
    svg.setAttribute("viewBox", `0 0 ${POINTS - 1} 1`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.append(this.#area, this.#line);
  }

  // One value a second; null where there is none.
  add(value) {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
    this.#draw();
  }

  // From zero, so that a calm figure looks calm.
  #draw() {
    const highest = Math.max(...this.#values.map((value) => value ?? 0)) * 1.15 || 1;
    const first = POINTS - this.#values.length;
    const runs = [[]];
    this.#values.forEach((value, i) => {
      if (value === null) runs.push([]);
      else runs.at(-1).push([first + i, 1 - value / highest]);
    });
    const drawn = runs.filter((run) => run.length > 1);
    const path = (run) => `M${run.map((point) => point.join(",")).join("L")}`;
    const closed = (run) => `${path(run)}L${run.at(-1)[0]},1L${run[0][0]},1Z`;
    this.#line.setAttribute("d", drawn.map(path).join(""));
    this.#area.setAttribute("d", drawn.map(closed).join(""));
  }
}

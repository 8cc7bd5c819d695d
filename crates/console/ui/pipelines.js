// The script of the page of pipelines: follows /events, replaces texts by their keys, draws arrows and charts.
//
// It formats no number of the page's own (the server sends texts) and loads nothing from elsewhere.
// @ts-check

/** @typedef {{shape: string, pointsMax: number, edges: [string, string, string][],
 *   series: Record<string, number[]>, flow: Record<string, number>,
 *   texts: Record<string, string>}} Seed */

const SVG = "http://www.w3.org/2000/svg";
const narrow = matchMedia("(width < 720px)");
/** @type {Seed} */
let seed = readSeed();
let refreshing = false;
/** The latest text of each key: arrows are drawn after it arrived. @type {Record<string, string>} */
let lastTexts = seed.texts ?? {};

/** @returns {Seed} */
function readSeed() {
  return JSON.parse(document.getElementById("seed")?.dataset.seed ?? "{}");
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes = {}) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** @param {string} selector @param {ParentNode} within @returns {HTMLElement[]} */
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- Arrows ----

/** Draws the arrows of every picture, from the boxes' present places. */
function drawWires() {
  for (const boxes of all(".boxes")) {
    boxes.querySelector(".wires")?.remove();
    const wires = svg("svg", { class: "wires", "aria-hidden": "true" });
    const frame = boxes.getBoundingClientRect();
    for (const [from, to, stream] of seed.edges) {
      const a = document.getElementById(from)?.getBoundingClientRect();
      const b = document.getElementById(to)?.getBoundingClientRect();
      if (a && b && boxes.contains(document.getElementById(from))) {
        wires.append(...wire(frame, a, b, stream));
      }
    }
    boxes.append(wires);
  }
  paintFlow();
}

/**
 * One arrow: the line, the moving dots on it, its tip and its rate.
 * @param {DOMRect} frame @param {DOMRect} a @param {DOMRect} b @param {string} stream
 */
function wire(frame, a, b, stream) {
  const down = narrow.matches;
  const start = down
    ? [a.left + a.width / 2 - frame.left, a.bottom - frame.top]
    : [a.right - frame.left, a.top + a.height / 2 - frame.top];
  const end = down
    ? [b.left + b.width / 2 - frame.left, b.top - frame.top - 6]
    : [b.left - frame.left - 6, b.top + b.height / 2 - frame.top];
  const [x1, y1, x2, y2] = [...start, ...end].map((n) => Math.round(n * 2) / 2);
  const bend = down ? (y2 - y1) / 2 : (x2 - x1) / 2;
  const path = down
    ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const tip = down
    ? `M${x2 - 4.5} ${y2 - 1}h9l-4.5 6.5z`
    : `M${x2 - 1} ${y2 - 4.5}v9l6.5-4.5z`;
  const label = svg("text", {
    class: down ? "wire-label beside" : "wire-label",
    x: (x1 + x2) / 2 + (down ? 10 : -2),
    y: down ? (y1 + y2) / 2 + 2 : y2 - 10,
    "data-t": `${stream}.edge`,
  });
  label.textContent = lastTexts[`${stream}.edge`] ?? "";
  return [
    svg("path", { class: "wire", d: path }),
    svg("path", { class: "wire-flow", d: path, "data-flow": stream }),
    svg("path", { class: "wire-tip", d: tip }),
    label,
  ];
}

/** Moves the dots as fast as the records: ten times the rate doubles the speed. */
function paintFlow() {
  for (const path of all(".wire-flow")) {
    const rate = seed.flow[path.dataset.flow ?? ""] ?? 0;
    path.classList.toggle("on", rate >= 0.05);
    const seconds = Math.max(0.3, 1.5 / (1 + Math.log10(1 + rate) * 0.8)).toFixed(1);
    if (path.dataset.speed !== seconds) {
      path.dataset.speed = seconds;
      path.style.animationDuration = `${seconds}s`;
    }
  }
}

// ---- Charts ----

/** @param {number} value */
function short(value) {
  for (const [step, letter] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e4, "k"]])) {
    if (value >= step) {
      const unit = letter === "k" ? 1e3 : step;
      return `${(value / unit).toFixed(value / unit < 10 ? 1 : 0)}${letter}`;
    }
  }
  return value >= 10 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

/** The next round number above: 1, 2, 2.5 or 5 times a power of ten. @param {number} value */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value * 1.02) ?? 10) * power;
}

/** Seconds a chart shows: one minute, then as much as there is. @param {string[]} keys */
function spanOf(keys) {
  const longest = Math.max(...keys.map((key) => seed.series[key]?.length ?? 0));
  return Math.min(seed.pointsMax, Math.max(60, longest));
}

/** @param {HTMLElement} plot */
function drawChart(plot) {
  const width = plot.clientWidth;
  const height = plot.clientHeight;
  if (width === 0) return;
  const spark = plot.classList.contains("spark");
  const keys = (plot.dataset.chart ?? "").split(" ");
  const top = ceiling(Math.max(...keys.flatMap((key) => seed.series[key] ?? [])));
  const inset = spark ? { left: 0, right: 0, top: 3, bottom: 0 } : { left: 14, right: 44, top: 10, bottom: 12 };
  const span = spanOf(keys);
  const x = (/** @type {number} */ age) => width - inset.right - (age / (span - 1)) * (width - inset.left - inset.right);
  const y = (/** @type {number} */ value) => height - inset.bottom - (value / top) * (height - inset.top - inset.bottom);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (!spark) picture.append(...gridLines(width, inset, y, top));
  keys.forEach((key, line) => {
    const points = seed.series[key] ?? [];
    if (points.length === 0) return;
    const path = points.map((value, at) => `${x(points.length - 1 - at).toFixed(1)} ${y(value).toFixed(1)}`).join("L");
    if (line === 0) {
      const floor = y(0).toFixed(1);
      picture.append(svg("path", { class: `area line-${line}`, d: `M${x(points.length - 1).toFixed(1)} ${floor}L${path}L${x(0).toFixed(1)} ${floor}z` }));
    }
    picture.append(svg("path", { class: `series line-${line}`, d: `M${path}` }));
  });
  plot.querySelector("svg")?.remove();
  plot.prepend(picture);
}

/**
 * @param {number} width @param {{left: number, right: number}} inset
 * @param {(value: number) => number} y @param {number} top
 */
function gridLines(width, inset, y, top) {
  return [0, top / 2, top].flatMap((value) => {
    const at = Math.round(y(value)) + 0.5;
    const text = svg("text", { x: width - inset.right + 8, y: at + 3.5 });
    text.textContent = short(value);
    return [svg("line", { class: "grid-line", x1: inset.left, x2: width - inset.right, y1: at, y2: at }), text];
  });
}

const drawCharts = () => all("[data-chart]").forEach(drawChart);

/** Shows the values under the pointer. @param {PointerEvent} event */
function inspect(event) {
  const plot = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.(".plot"));
  for (const tip of all(".tip")) if (tip.parentElement !== plot) tip.remove();
  if (!plot) return;
  const width = plot.clientWidth - 14 - 44;
  const offset = event.clientX - plot.getBoundingClientRect().left - 14;
  const keys = (plot.dataset.chart ?? "").split(" ").filter(Boolean);
  if (keys.length === 0) return;
  const age = Math.round((1 - Math.min(1, Math.max(0, offset / width))) * (spanOf(keys) - 1));
  const texts = keys.map((key) => {
    const value = seed.series[key]?.at(-1 - age);
    const name = key.split(".")[1];
    return value === undefined ? "" : `${name} ${short(value)}${/^p\d/.test(name) ? " ms" : ""}`;
  });
  const text = texts.filter(Boolean).join(" \u00b7 ");
  const tip = plot.querySelector(".tip") ?? plot.appendChild(document.createElement("div"));
  tip.className = "tip";
  tip.textContent = text === "" ? "no value yet" : `${text} \u00b7 ${age === 0 ? "now" : `${age} s ago`}`;
  const left = Math.min(Math.max(4, offset - 40), plot.clientWidth - tip.clientWidth - 4);
  /** @type {HTMLElement} */ (tip).style.left = `${left}px`;
}

// ---- Changes ----

/** @param {any} event */
function apply(event) {
  lastTexts = event.text;
  seed.flow = event.flow;
  for (const [key, value] of Object.entries(/** @type {Record<string, number>} */ (event.points))) {
    const points = (seed.series[key] ??= []);
    points.push(value);
    if (points.length > seed.pointsMax) points.shift();
  }
  if (event.shape !== seed.shape) return refresh();
  for (const element of all("[data-t]")) {
    const text = event.text[element.dataset.t ?? ""];
    if (text !== undefined && element.textContent !== text) element.textContent = text;
  }
  for (const element of all("[data-s]")) {
    const state = event.state[element.dataset.s ?? ""];
    if (state !== undefined && element.dataset.state !== state) element.dataset.state = state;
  }
  for (const [key, shares] of Object.entries(/** @type {Record<string, number[]>} */ (event.bar))) paintBar(key, shares);
  paintFlow();
  drawCharts();
}

/** @param {string} key @param {number[]} shares */
function paintBar(key, shares) {
  let left = 0;
  shares.forEach((share, number) => {
    const part = document.querySelector(`[data-b="${key}.${number}"]`);
    part?.setAttribute("x", `${(left * 100).toFixed(2)}%`);
    part?.setAttribute("width", `${(share * 100).toFixed(2)}%`);
    left += share;
  });
}

/** Fetches the main part anew; open details, focus and scroll stay. */
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    const answer = await fetch("/fragment");
    if (!answer.ok) return;
    const main = /** @type {HTMLElement} */ (document.getElementById("main"));
    const open = all("details[open]").map((details) => details.id);
    const focused = document.activeElement?.closest("[id]")?.id;
    main.innerHTML = await answer.text();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    seed = readSeed();
    if (source?.readyState === EventSource.OPEN) show("live", "Live");
    draw();
  } finally {
    refreshing = false;
  }
}

function draw() {
  drawWires();
  drawCharts();
}

// ---- The connection ----

/** @type {EventSource | undefined} */
let source;

/** @param {"connecting" | "live" | "lost"} state @param {string} word */
function show(state, word) {
  const live = document.getElementById("live");
  const text = document.getElementById("live-word");
  if (!live || !text || live.dataset.state === state) return;
  live.dataset.state = state;
  text.textContent = word;
  document.body.classList.toggle("stale", state === "lost");
}

/** A hidden tab holds no connection: a browser has six for one server. */
function follow() {
  if (document.hidden) {
    source?.close();
    source = undefined;
    return;
  }
  if (source) return;
  source = new EventSource("/events");
  source.addEventListener("message", (event) => {
    show("live", "Live");
    apply(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    // The server ends a stream each minute; only a longer silence is worth a word.
    setTimeout(() => {
      if (!document.hidden && source?.readyState !== EventSource.OPEN) show("lost", "Reconnecting");
    }, 6000);
    // The browser tries again by itself, unless the server refused.
    if (source?.readyState === EventSource.CLOSED) {
      source = undefined;
      setTimeout(follow, 2000);
    }
  });
}

// ---- Start ----

document.addEventListener("visibilitychange", follow);
document.addEventListener("pointermove", inspect);
document.addEventListener("pointerleave", () => all(".tip").forEach((tip) => tip.remove()));
new ResizeObserver(draw).observe(/** @type {HTMLElement} */ (document.getElementById("main")));
draw();
follow();

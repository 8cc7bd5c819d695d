// <x-chart series="a b" unit="records/s" range="3600">: the last hours of some numbers, from /api/series.
//
// Draws on a canvas in the page's colours, shows the values under the pointer, asks again every few
// seconds while it is seen.
// @ts-check

const COLOURS = ["--water", "--fate-duplicate", "--fate-late", "--good"];
const sheet = new CSSStyleSheet();
sheet.replaceSync(`:host { display: block; position: relative; height: 132px; }
canvas { display: block; width: 100%; height: 100%; }
p { position: absolute; top: 2px; margin: 0; padding: 3px 8px; border-radius: 7px; background: var(--ink); color: var(--card); font: 12px var(--sans); font-variant-numeric: tabular-nums; white-space: nowrap; pointer-events: none; }
p:empty { display: none; }`);

/** @param {number} value @param {string} unit */
function words(value, unit) {
  if (unit === "bytes") {
    for (const [step, name] of /** @type {[number, string][]} */ ([[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [1024, "KiB"]])) {
      if (value >= step) return `${(value / step).toFixed(value / step < 10 ? 1 : 0)} ${name}`;
    }
    return `${Math.round(value)} B`;
  }
  for (const [step, name] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e4, "k"]])) {
    if (value >= step) {
      const size = value / (name === "k" ? 1e3 : step);
      return `${size.toFixed(size < 10 ? 1 : 0)}${name}`;
    }
  }
  return value >= 10 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

/** The next round number above. @param {number} value @param {string} unit */
function ceiling(value, unit) {
  if (!(value > 0)) return 1;
  const base = unit === "bytes" ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
  const power = base * 10 ** Math.floor(Math.log10(value / base));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value * 1.02) ?? 10) * power;
}

class Chart extends HTMLElement {
  static observedAttributes = ["series", "range"];
  /** @type {{name: string, step: number, end: number, points: (number | null)[]}[]} */
  windows = [];
  /** @type {number | undefined} */
  timer = undefined;
  canvas = document.createElement("canvas");
  tip = document.createElement("p");

  connectedCallback() {
    if (!this.shadowRoot) {
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      root.append(this.canvas, this.tip);
      this.addEventListener("pointermove", (event) => this.inspect(event.offsetX));
      this.addEventListener("pointerleave", () => (this.tip.textContent = ""));
    }
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this);
    this.theme = new MutationObserver(() => this.draw());
    this.theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    this.ask();
    this.timer = setInterval(() => document.hidden || this.ask(), this.seconds > 3600 ? 10000 : 3000);
  }

  disconnectedCallback() {
    this.sizes?.disconnect();
    this.theme?.disconnect();
    clearInterval(this.timer);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.shadowRoot) this.ask();
  }

  get unit() { return this.getAttribute("unit") ?? ""; }
  get seconds() { return Number(this.getAttribute("range") ?? 3600); }

  async ask() {
    const query = new URLSearchParams({ range: String(this.seconds) });
    for (const name of (this.getAttribute("series") ?? "").split(" ")) query.append("name", decodeURIComponent(name));
    try {
      const answer = await fetch(`/api/series?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      this.windows = await answer.json();
      this.draw();
    } catch {
      // The server is away: what was drawn stays.
    }
  }

  /** Where points and values lie. */
  plan() {
    const [width, height] = [this.clientWidth, this.clientHeight];
    const seen = this.windows.flatMap((window) => window.points).filter((point) => point !== null);
    const top = ceiling(Math.max(0, .../** @type {number[]} */ (seen)), this.unit);
    const [left, right, above, below] = [4, 52, 10, 20];
    const x = (/** @type {number} */ at, /** @type {number} */ count) => left + (at / Math.max(1, count - 1)) * (width - left - right);
    const y = (/** @type {number} */ value) => height - below - (value / top) * (height - above - below);
    return { width, height, top, left, right, x, y, empty: seen.length === 0 };
  }

  draw() {
    const { width, height, top, left, right, x, y, empty } = this.plan();
    if (width === 0) return;
    const ratio = devicePixelRatio || 1;
    Object.assign(this.canvas, { width: width * ratio, height: height * ratio });
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const style = getComputedStyle(this);
    const probe = (/** @type {string} */ name) => {
      this.canvas.style.color = `var(${name})`;
      return getComputedStyle(this.canvas).color;
    };
    context.scale(ratio, ratio);
    context.font = `11px ${style.fontFamily}`;
    context.textBaseline = "middle";
    for (const value of [0, top / 2, top]) {
      context.strokeStyle = probe("--line");
      context.beginPath();
      context.moveTo(left, Math.round(y(value)) + 0.5);
      context.lineTo(width - right, Math.round(y(value)) + 0.5);
      context.stroke();
      context.fillStyle = probe("--ink-3");
      context.fillText(words(value, this.unit), width - right + 6, y(value));
    }
    context.textBaseline = "alphabetic";
    const seconds = (this.windows[0]?.points.length ?? 0) * (this.windows[0]?.step ?? 1);
    const begin = seconds >= 7200 ? `${Math.round(seconds / 3600)} h ago` : `${Math.round(seconds / 60)} min ago`;
    context.fillText(begin, left, height - 4);
    context.textAlign = "right";
    context.fillText("now", width - right, height - 4);
    if (empty) {
      context.textAlign = "center";
      context.fillText("no value yet", (width - right) / 2, height / 2);
    }
    this.windows.forEach((window, line) => this.line(context, window.points, probe(COLOURS[line] ?? "--ink"), line, x, y));
  }

  /**
   * @param {CanvasRenderingContext2D} context @param {(number | null)[]} points @param {string} colour
   * @param {number} line @param {(at: number, count: number) => number} x @param {(value: number) => number} y
   */
  line(context, points, colour, line, x, y) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    for (let at = 0; at < points.length; at += 1) {
      if (points[at] === null) continue;
      const from = at;
      const path = new Path2D();
      while (at < points.length && points[at] !== null) {
        path.lineTo(x(at, points.length), y(points[at] ?? 0));
        at += 1;
      }
      context.stroke(path);
      if (line > 0) continue;
      path.lineTo(x(at - 1, points.length), y(0));
      path.lineTo(x(from, points.length), y(0));
      context.globalAlpha = 0.12;
      context.fill(path);
      context.globalAlpha = 1;
    }
  }

  /** @param {number} place */
  inspect(place) {
    const { width, left, right, empty } = this.plan();
    const first = this.windows[0];
    if (empty || !first) return;
    const share = Math.min(1, Math.max(0, (place - left) / (width - left - right)));
    const labels = (this.getAttribute("labels") ?? "").split(" ");
    const texts = this.windows.map((window, line) => {
      const value = window.points[Math.round(share * (window.points.length - 1))];
      return value === null ? "" : `${labels[line] ?? ""} ${words(value, this.unit)} ${this.unit === "bytes" ? "" : this.unit}`.trim();
    });
    const at = new Date(first.end - (1 - share) * first.step * (first.points.length - 1) * 1000);
    this.tip.textContent = `${texts.filter(Boolean).join(" \u00b7 ") || "no value"} \u00b7 ${at.toISOString().slice(11, 19)} UTC`;
    this.tip.style.left = `${Math.min(Math.max(0, place - 40), width - this.tip.clientWidth - 4)}px`;
  }
}
customElements.define("x-chart", Chart);

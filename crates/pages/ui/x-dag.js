// A picture that can be moved and enlarged: drag, pinch or Ctrl and wheel, or the buttons.
//
// The server draws the picture and its buttons; without a script the picture is shown whole.
// @ts-check

/** A box is not shown smaller than this at first; the rest of a large picture is dragged into view. */
const leastAtFirst = () => (innerWidth < 640 ? 0.85 : 0.62);

class XDag extends HTMLElement {
  /** @type {{x: number, y: number, scale: number}} */
  view = { x: 0, y: 0, scale: 1 };
  moved = false;
  /** @type {ResizeObserver | undefined} */
  sizes;

  connectedCallback() {
    const picture = this.querySelector("svg");
    if (!picture) return;
    this.picture = picture;
    // Where the reader is in the picture stays when the server draws it anew.
    picture.setAttribute("data-keep", "viewBox");
    this.classList.add("ready");
    for (const zoom of this.querySelectorAll(".zoom")) zoom.removeAttribute("hidden");
    this.addEventListener("pointerdown", this);
    this.addEventListener("wheel", this, { passive: false });
    this.addEventListener("click", this, true);
    this.sizes = new ResizeObserver(() => (this.moved ? this.draw() : this.fit(leastAtFirst())));
    this.sizes.observe(this);
  }

  disconnectedCallback() {
    this.sizes?.disconnect();
  }

  /** @param {Event} event */
  handleEvent(event) {
    if (event instanceof WheelEvent) this.wheel(event);
    else if (event.type === "pointerdown") this.hold(/** @type {PointerEvent} */ (event));
    else this.press(event);
  }

  get size() {
    const [width, height] = (this.getAttribute("size") ?? "1 1").split(" ").map(Number);
    return { width, height };
  }

  /** Shows all of it, but not smaller than `least`. @param {number} least */
  fit(least) {
    const { width, height } = this.size;
    const [w, h] = [this.clientWidth, this.clientHeight];
    if (!w || !h) return;
    const scale = Math.min(1, Math.max(least, Math.min(w / width, h / height)));
    const x = width * scale > w ? 0 : (width - w / scale) / 2;
    const y = height * scale > h ? 0 : (height - h / scale) / 2;
    this.view = { x, y, scale };
    this.draw();
  }

  draw() {
    const { x, y, scale } = this.view;
    this.picture?.setAttribute("viewBox", `${x} ${y} ${this.clientWidth / scale} ${this.clientHeight / scale}`);
  }

  /** @param {number} factor @param {number} [atX] @param {number} [atY] */
  zoom(factor, atX = this.clientWidth / 2, atY = this.clientHeight / 2) {
    const old = this.view.scale;
    const scale = Math.min(2.5, Math.max(0.12, old * factor));
    this.view.x += atX / old - atX / scale;
    this.view.y += atY / old - atY / scale;
    this.view.scale = scale;
    this.moved = true;
    this.draw();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = this.getBoundingClientRect();
    this.zoom(Math.exp(-event.deltaY * 0.004), event.clientX - frame.left, event.clientY - frame.top);
  }

  /** @param {PointerEvent} event */
  hold(event) {
    if (event.button !== 0 || /** @type {Element} */ (event.target).closest(".zoom")) return;
    const start = { x: event.clientX, y: event.clientY, view: { ...this.view } };
    this.dragged = false;
    const move = (/** @type {PointerEvent} */ now) => {
      const [dx, dy] = [now.clientX - start.x, now.clientY - start.y];
      if (!this.dragged && Math.hypot(dx, dy) < 4) return;
      this.dragged = true;
      this.moved = true;
      this.classList.add("held");
      this.view.x = start.view.x - dx / this.view.scale;
      this.view.y = start.view.y - dy / this.view.scale;
      this.draw();
    };
    const end = () => {
      this.classList.remove("held");
      removeEventListener("pointermove", move);
    };
    addEventListener("pointermove", move);
    for (const type of ["pointerup", "pointercancel"]) addEventListener(type, end, { once: true });
  }

  /** A drag is no click on the box below it. @param {Event} event */
  press(event) {
    if (this.dragged) {
      event.preventDefault();
      event.stopPropagation();
      this.dragged = false;
      return;
    }
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-zoom]"));
    if (button?.dataset.zoom === "in") this.zoom(1.3);
    else if (button?.dataset.zoom === "out") this.zoom(1 / 1.3);
    else if (button) {
      this.moved = false;
      this.fit(0);
    }
  }
}

customElements.define("x-dag", XDag);

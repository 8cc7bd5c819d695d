// A grid of runs and tasks: arrow keys go from cell to cell, the newest run is in view, the column
// under the pointer is marked.
// @ts-check

class XGrid extends HTMLElement {
  connectedCallback() {
    const frame = this.querySelector(".grid-frame");
    if (frame) {
      // The newest run is at the right. Before the first layout there is nothing to scroll.
      const sizes = new ResizeObserver(() => {
        frame.scrollLeft = frame.scrollWidth;
        sizes.disconnect();
      });
      sizes.observe(frame);
    }
    this.addEventListener("keydown", (event) => this.step(event));
    this.addEventListener("pointerover", (event) => this.mark(event.target));
    this.addEventListener("pointerleave", () => this.mark(null));
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const way = ways[/** @type {keyof typeof ways} */ (event.key)];
    const cell = /** @type {Element} */ (event.target).closest("td, th");
    const row = cell?.closest("tr");
    if (!way || !cell || !row) return;
    event.preventDefault();
    const rows = [...this.querySelectorAll("tr")];
    let [down, right] = [rows.indexOf(row), [...row.children].indexOf(cell)];
    for (;;) {
      down += way[0];
      right += way[1];
      const next = rows[down]?.children[right];
      if (!next) return;
      const link = next.querySelector("a");
      if (link) {
        link.focus();
        return;
      }
    }
  }

  /** @param {EventTarget | null} target */
  mark(target) {
    const cell = target instanceof Element ? target.closest("td") : null;
    const column = cell?.parentElement ? [...cell.parentElement.children].indexOf(cell) : -1;
    if (column === this.column) return;
    this.column = column;
    for (const row of this.querySelectorAll("tr")) {
      [...row.children].forEach((child, at) => child.classList.toggle("over", at === column && at > 0));
    }
  }
}

customElements.define("x-grid", XGrid);

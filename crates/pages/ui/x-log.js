// A log that is followed: as long as its end is in view, it stays in view.
// @ts-check

/** Lines a page holds; the server has all. */
const LINES_MAX = 20000;

class XLog extends HTMLElement {
  connectedCallback() {
    const log = this.querySelector(".log");
    if (!(log instanceof HTMLElement)) return;
    let atEnd = true;
    const toEnd = () => {
      log.scrollTop = log.scrollHeight;
    };
    log.addEventListener("scroll", () => {
      atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    });
    this.changes = new MutationObserver(() => {
      for (let more = log.childElementCount - LINES_MAX; more > 0; more -= 1) log.firstElementChild?.remove();
      if (atEnd) toEnd();
    });
    this.changes.observe(log, { childList: true });
    toEnd();
  }

  disconnectedCallback() {
    this.changes?.disconnect();
  }
}

customElements.define("x-log", XLog);

// What every page's script does: follows the page's event stream, sends forms without a new page, asks
// before what cannot be undone, keeps times up to date, answers keys, switches the theme.
//
// The server renders everything; this file formats nothing but times and loads nothing from elsewhere.
// @ts-check

/** @param {string} id */
const byId = (id) => document.getElementById(id);
/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement[]} */
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// ---- From one content to the next ----

/**
 * Makes `from` like `to` and keeps what is the same: focus, what was typed, what is open or scrolled.
 * @param {Element} from @param {Element} to
 */
function morph(from, to) {
  const kept = (from.getAttribute("data-keep") ?? "").split(" ");
  if (from.localName === "details" || from.localName === "dialog") kept.push("open");
  if (from.localName.includes("-")) kept.push("class");
  for (const { name, value } of [...to.attributes]) {
    if (!kept.includes(name) && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    if (!kept.includes(name) && name !== "data-keep" && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  const named = new Map([...from.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const id = next instanceof Element ? next.id : "";
    const same = id ? named.get(id) : undefined;
    if (same && same.nodeName === next.nodeName) {
      if (same === at) at = at.nextSibling;
      else from.insertBefore(same, at);
      morph(same, /** @type {Element} */ (next));
    } else if (at && at.nodeName === next.nodeName && !(at instanceof Element && at.id)) {
      if (at instanceof Element) morph(at, /** @type {Element} */ (next));
      else if (at.nodeValue !== next.nodeValue) at.nodeValue = next.nodeValue;
      at = at.nextSibling;
    } else {
      from.insertBefore(next, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** @param {{id: string, html?: string, append?: string}} change */
function apply(change) {
  const element = byId(change.id);
  if (!element) return;
  const next = /** @type {Element} */ (element.cloneNode(false));
  next.innerHTML = change.html ?? change.append ?? "";
  if (change.append !== undefined) element.append(...next.childNodes);
  else morph(element, next);
}

/** Shows a page that came by fetch. @param {string} text @param {string} address */
function show(text, address) {
  const next = new DOMParser().parseFromString(text, "text/html");
  const [main, nextMain] = [byId("main"), next.getElementById("main")];
  if (!main || !nextMain || next.body.className !== document.body.className) {
    location.assign(address);
    return;
  }
  morph(main, nextMain);
  for (const part of [".crumbs", ".links"]) {
    const [old, fresh] = [document.querySelector(part), next.querySelector(part)];
    if (old && fresh) morph(old, fresh);
  }
  document.title = next.title;
  if (address !== location.href) {
    history.pushState(null, "", address);
    scrollTo(0, 0);
  }
  if (next.body.dataset.live === undefined) delete document.body.dataset.live;
  else document.body.dataset.live = next.body.dataset.live;
  for (const toast of all("#toasts > *", next)) announce(toast);
  follow(true);
}

// ---- Live ----

/** @type {EventSource | undefined} */
let source;

/** @param {"live" | "lost" | "still"} state @param {string} word */
function tell(state, word) {
  const live = byId("live");
  if (!live || live.dataset.state === state) return;
  live.dataset.state = state;
  const text = live.querySelector("span");
  if (text) text.textContent = word;
}

/** A hidden page holds no connection: a browser has six for one server. @param {boolean} [anew] */
function follow(anew = false) {
  const address = document.body.dataset.live;
  if (document.hidden || anew || address === undefined) {
    source?.close();
    source = undefined;
  }
  if (document.hidden || address === undefined || source) return;
  source = new EventSource(address || location.href);
  source.addEventListener("message", (event) => {
    tell("live", "Live");
    JSON.parse(event.data).forEach(apply);
  });
  source.addEventListener("error", () => {
    // The browser asks again by itself, unless the server refused.
    if (source?.readyState !== EventSource.CLOSED) return;
    tell("lost", "Not live");
    source = undefined;
    setTimeout(follow, 4000);
  });
  source.addEventListener("open", () => tell("live", "Live"));
}

// ---- Forms ----

/** Asks the form's question. @param {HTMLFormElement} form @returns {Promise<boolean>} */
function confirmed(form) {
  const question = form.dataset.confirm;
  const dialog = /** @type {HTMLDialogElement | null} */ (byId("ask"));
  if (!question || !dialog) return Promise.resolve(true);
  const [text, yes] = [byId("ask-text"), byId("ask-yes")];
  if (text) text.textContent = question;
  if (yes) {
    yes.textContent = form.dataset.confirmYes ?? "OK";
    yes.className = `button ${"danger" in form.dataset ? "danger" : "primary"}`;
  }
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function send(form, button) {
  if (form.ariaBusy === "true" || !(await confirmed(form))) return;
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, button)) body.append(name, String(value));
  form.ariaBusy = "true";
  try {
    const action = form.getAttribute("action") ?? location.href;
    const answer = await fetch(action, { method: "POST", body, headers: { Accept: "text/html" } });
    const kind = answer.headers.get("content-type") ?? "";
    if (kind.startsWith("text/html")) {
      const open = form.closest("dialog");
      show(await answer.text(), answer.redirected ? answer.url : location.href);
      if (answer.ok && form.isConnected) form.reset();
      if (answer.ok) open?.close();
    } else if (!answer.ok) {
      say("bad", (await answer.text()).slice(0, 300));
    }
  } catch {
    say("bad", "The server does not answer.");
  } finally {
    form.ariaBusy = null;
  }
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!("fetch" in form.dataset)) return;
  event.preventDefault();
  void send(form, event.submitter);
});
document.addEventListener("change", (event) => {
  const form = /** @type {HTMLElement} */ (event.target).closest("form[data-auto]");
  if (form instanceof HTMLFormElement) form.requestSubmit();
});

// ---- Toasts, dialogs ----

/** @param {HTMLElement} toast */
function announce(toast) {
  byId("toasts")?.append(toast);
  setTimeout(() => toast.classList.add("gone"), 6000);
  setTimeout(() => toast.remove(), 6400);
}

/** @param {string} tone @param {string} text */
function say(tone, text) {
  const toast = document.createElement("div");
  toast.className = `toast ${tone}`;
  toast.textContent = text;
  announce(toast);
}

/** @param {string | undefined} id */
function open(id) {
  const dialog = byId(id ?? "");
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

/** @param {HTMLElement} button */
async function copy(button) {
  const text = byId(button.dataset.copy ?? "")?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    say("good", "Copied.");
  } catch {
    say("bad", "The browser does not let a page copy: select the text instead.");
  }
}

document.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target);
  const opener = /** @type {HTMLElement | null} */ (target.closest("[data-open]"));
  if (opener && byId(opener.dataset.open ?? "")) {
    event.preventDefault();
    open(opener.dataset.open);
  }
  if (target.closest("[data-theme-switch]")) switchTheme();
  const copier = /** @type {HTMLElement | null} */ (target.closest("[data-copy]"));
  if (copier) void copy(copier);
  if (target.closest("[data-close]")) target.closest("dialog")?.close();
  // A click beside a dialog closes it.
  if (target instanceof HTMLDialogElement) target.close();
});

// ---- Times ----

/** @param {number} seconds */
function coarse(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** @param {number} seconds */
function length(seconds) {
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

function tick() {
  for (const time of all("time[data-ago], time[data-since]")) {
    const apart = Math.trunc((Date.now() - Date.parse(time.getAttribute("datetime") ?? "")) / 1000);
    let text = length(Math.max(0, apart));
    if ("ago" in time.dataset) {
      text = Math.abs(apart) <= 1 ? "now" : apart > 0 ? `${coarse(apart)} ago` : `in ${coarse(-apart)}`;
    }
    if (time.textContent !== text) time.textContent = text;
  }
}

// ---- Theme ----

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("millstream-theme", root.dataset.theme);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
}

// ---- Keys ----

let going = 0;

document.addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (Date.now() - going < 1500) {
    going = 0;
    const link = all(".links a[data-key]").find((link) => link.dataset.key === event.key);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "/") {
    const search = all("[data-search]").find((input) => input.offsetParent !== null);
    if (search) {
      event.preventDefault();
      search.focus();
    }
  } else if (event.key === "?") open("keys");
  else if (event.key === "t") switchTheme();
  else if (event.key === "g") going = Date.now();
});

// ---- Start ----

document.addEventListener("visibilitychange", () => follow());
addEventListener("popstate", () => location.reload());
all("#toasts > *").forEach(announce);
follow();
tick();
setInterval(tick, 1000);

// What is measured inside a page. Each function is sent to the browser as it is: it may use nothing from here.

/** Adds up how far parts of the page move by themselves, and which. */
export function shifts() {
  globalThis.shift = 0;
  globalThis.moved = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      globalThis.shift += entry.value;
      for (const source of entry.sources) {
        const { node } = source;
        const element = node?.nodeType === 1 ? node : node?.parentElement;
        globalThis.moved.push(`${element?.tagName}.${element?.className} ${element?.textContent.trim().slice(0, 30)}`);
      }
    }
  }).observe({ type: "layout-shift", buffered: true });
}

/** What reaches past the right edge and has no scroll of its own around it. */
export function wide() {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const scrolls = (element) => {
    for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowX !== "visible") return true;
    }
    return false;
  };
  const past = [...document.querySelectorAll("body *")].filter(
    (element) => element.getBoundingClientRect().right > innerWidth && !scrolls(element));
  const names = past.map((element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 30)}`);
  return [`the page is ${document.documentElement.scrollWidth - innerWidth} px too wide`, ...names];
}

/** Text whose contrast with what lies behind it is below WCAG AA. */
export function faint() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  // Any notation of a color becomes four numbers.
  const known = new Map();
  const parse = (text) => {
    if (!known.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = ([r, g, b, a], under) => [r * a + under[0] * (1 - a), g * a + under[1] * (1 - a), b * a + under[2] * (1 - a), 1];
  const light = ([r, g, b]) => {
    const part = (value) => ((value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      // Of a gradient the first color counts.
      const gradient = style.backgroundImage.match(/gradient\(.*?((?:rgba?|color|oklch|oklab)\([^)]*\))/);
      const color = parse(gradient ? gradient[1] : style.backgroundColor);
      if (color[3] > 0) layers.push(color);
      if (color[3] === 1) break;
    }
    return layers.reverse().reduce((under, color) => over(color, under), dark ? [0, 0, 0, 1] : [255, 255, 255, 1]);
  };
  const opacity = (element) => {
    let all = 1;
    for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  };
  const bad = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest(".sr, .skip, script, noscript, :disabled, option") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    // Behind the text of a picture lies its card; what a box is filled with stands before it.
    const box = drawn && element.parentElement.querySelector("rect.box, rect");
    let under = behind(drawn ? element.closest("svg").parentElement : element);
    if (box) under = over(parse(getComputedStyle(box).fill), under);
    const ink = parse(drawn ? style.fill : style.color);
    const shown = over([...ink.slice(0, 3), ink[3] * opacity(element)], under);
    const [a, b] = [light(shown), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const large = Number.parseFloat(style.fontSize) >= 24 || (Number.parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push(`${element.tagName}.${element.getAttribute("class")} ${element.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...new Set(bad)];
}

/** Controls without a name that a screen reader could say. */
export function misnamed() {
  const text = (element) => {
    if (!element) return "";
    const label = element.getAttribute("aria-label");
    if (label) return label;
    if (element.localName === "title") return element.textContent;
    const inner = [...element.childNodes].map((node) => {
      if (node.nodeType === 3) return node.textContent;
      if (node.nodeType !== 1 || node.getAttribute("aria-hidden") === "true") return "";
      return node.localName === "img" ? node.alt : text(node);
    });
    return inner.join("").trim();
  };
  const name = (element) => {
    const by = element.getAttribute("aria-labelledby");
    if (by) return by.split(" ").map((id) => text(document.getElementById(id))).join(" ").trim();
    if (element.getAttribute("aria-label")) return element.getAttribute("aria-label").trim();
    if (element.labels?.length) return [...element.labels].map(text).join(" ").trim();
    if (["INPUT", "SELECT", "TEXTAREA"].includes(element.tagName)) return element.title;
    return text(element) || element.getAttribute("title") || "";
  };
  const controls = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=switch], "
    + "[role=region], dialog[open], img:not([alt=\"\"]), svg[role=img], svg[role=group], [tabindex=\"0\"]:not([role=log])");
  return [...controls].filter((element) => !name(element)).map((element) => element.outerHTML.slice(0, 110));
}

/** What must be there once: a heading of the first level, the landmarks, each id, each label. */
export function repeated() {
  const wrong = [];
  const once = (selector) => {
    const count = [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility()).length;
    if (count !== 1) wrong.push(`${count} of ${selector}`);
  };
  once("h1");
  once("main");
  if (document.body.className === "app") {
    if (!document.querySelector("nav[aria-label=Pages], nav.links")) wrong.push("no navigation");
    if (!document.querySelector("header.top")) wrong.push("no header");
  }
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title.trim()) wrong.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))];
  if (twice.length > 0) wrong.push(`twice: #${twice.join(" #")}`);
  for (const label of document.querySelectorAll("label[for]")) {
    if (!document.getElementById(label.htmlFor)) wrong.push(`a label for nothing: ${label.htmlFor}`);
  }
  return wrong;
}

/**
 * Keeps count of what the Tab key came to. `begin` answers how many controls there are, `step` whether the walk is
 * round, `end` what is wrong, `seen` only where the focus was not seen.
 */
export function unreached(what) {
  const controls = () => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled && element.tabIndex >= 0
      && !element.closest("dialog:not([open]), [inert]") && element.getClientRects().length > 0);
  if (what === "begin") {
    globalThis.come = new Set();
    globalThis.unseen = [];
    return controls().length;
  }
  const label = (element) => `${element.localName} ${(element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 30)}`;
  if (what === "step") {
    const element = document.activeElement;
    if (!element || element === document.body) return globalThis.come.size > 0;
    const [first] = globalThis.come;
    if (element === first && globalThis.come.size > 1) return true;
    // A field for a date has several stops.
    if (globalThis.come.has(element)) return false;
    globalThis.come.add(element);
    const style = getComputedStyle(element);
    const drawn = element.querySelector(":scope rect, :scope path");
    const seen = (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none" || drawn
      || element.matches(".skip") || [...element.children].some((child) => getComputedStyle(child).outlineStyle !== "none");
    const around = element.parentElement && getComputedStyle(element.parentElement);
    const framed = around && (around.boxShadow !== "none" || around.outlineStyle !== "none");
    if (!seen && !framed) globalThis.unseen.push(`no focus is seen on ${label(element)}`);
    return false;
  }
  const missed = what === "seen" ? [] : controls().filter((element) => !globalThis.come.has(element)
    // Of a group of radio buttons one is in the order.
    && !(element.type === "radio")).map((element) => `not reached: ${label(element)}`);
  return [...globalThis.unseen, ...missed];
}

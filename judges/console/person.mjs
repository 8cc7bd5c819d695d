// A person in headless Chromium: pages that remember what went wrong in them, and checks that print a line each.
import fs from "node:fs";
import { chromium } from "playwright-core";

/** How long a person waits for something to appear. */
const PATIENCE = 20_000;

export class Person {
  failed = 0;
  /** The cookies of who signed in by the link. */
  cookies = undefined;

  /** @param {{link: string, console: string, project: string}} given */
  constructor(given) {
    this.link = given.link;
    this.orchestrator = new URL(given.link).origin;
    this.center = given.console.replace(/\/$/, "");
    this.project = given.project;
  }

  async start() {
    this.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  }

  /** Uses the link, or goes on as who signed in before: STATE names a file with their cookies. */
  async signIn() {
    const state = process.env.STATE;
    if (state && fs.existsSync(state)) {
      this.cookies = JSON.parse(fs.readFileSync(state, "utf8"));
      return;
    }
    const page = await this.page({ stranger: true });
    await page.goto(this.link);
    this.cookies = await page.context().storageState();
    if (state) fs.writeFileSync(state, JSON.stringify(this.cookies));
    await page.context().close();
  }

  /** One sentence that holds or does not; the rest goes on. */
  async check(sentence, act) {
    try {
      await act();
      console.log(`ok   ${sentence}`);
    } catch (error) {
      this.failed += 1;
      const why = String(error.message).split("\n").filter((line) => line.trim()).slice(0, 6).join(" | ");
      console.log(`FAIL ${sentence}: ${why}`);
    }
  }

  /** A page of whoever signed in; `stranger` is nobody. */
  async page({ width = 1440, height = 900, scheme = "light", scripts = true, stranger = false } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: scripts,
      storageState: stranger ? undefined : this.cookies, reducedMotion: "reduce",
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.wrong = [];
    page.on("console", (message) => message.type() === "error" && page.wrong.push(`console: ${message.text()}`));
    page.on("pageerror", (error) => page.wrong.push(`script: ${error.message}`));
    page.on("response", (answer) => answer.status() >= 400 && page.wrong.push(`${answer.status()} ${answer.url()}`));
    page.on("requestfailed", (asked) => {
      // A stream of events ends with its page, and a page that is left asks no further.
      if (asked.failure()?.errorText !== "net::ERR_ABORTED") page.wrong.push(`${asked.failure()?.errorText} ${asked.url()}`);
    });
    page.on("request", (asked) => {
      const known = [this.orchestrator, this.center].some((origin) => asked.url().startsWith(origin));
      if (!known && !asked.url().startsWith("data:")) page.wrong.push(`asks elsewhere: ${asked.url()}`);
    });
    return page;
  }
}

export function must(right, why) {
  if (!right) throw new Error(why);
}

export function same(found, wanted, what) {
  must(found === wanted, `${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

/** What `read` gives must become right; asks again until then. */
export async function becomes(read, right, what, patience = PATIENCE) {
  const end = performance.now() + patience;
  let last;
  do {
    try {
      last = await read();
      if (right(last)) return last;
    } catch (error) {
      last = String(error.message).split("\n")[0];
    }
    await new Promise((done) => setTimeout(done, 150));
  } while (performance.now() < end);
  throw new Error(`${what}: after ${patience / 1000} s it is still ${JSON.stringify(last)?.slice(0, 300)}`);
}

/** The page is asked again until a text is (or no longer is) in its main part. */
export async function reloadsUntil(page, address, pattern, there = true, patience = PATIENCE) {
  const read = async () => {
    await page.goto(address);
    return page.locator("main").innerText();
  };
  return becomes(read, (text) => pattern.test(text) === there, `${address} ${there ? "does not say" : "still says"} ${pattern}`, patience);
}

/** Clicks a button and answers its question with yes, if there is one. */
export async function press(page, button, { asks = false } = {}) {
  await button.click();
  if (asks) await page.locator("#ask-yes").click();
}

/** A toast says what was done. */
export async function told(page, pattern) {
  await page.locator("#toasts").getByText(pattern).first().waitFor();
}

/** Marks the page, so that a reload would be noticed. */
export const mark = (page) => page.evaluate(() => { globalThis.marked = true; });
export const marked = async (page) => must(await page.evaluate(() => globalThis.marked === true), "the page was loaded anew");

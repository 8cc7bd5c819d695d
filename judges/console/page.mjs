// Uses the console as a person would, in headless Chromium, against a running `millstream up`.
//
//   npm install && node page.mjs [http://127.0.0.1:9021]
//
// CHROMIUM names the browser (default /usr/bin/chromium). Ends with 0 if every check holds; prints one
// line per check. Bounded: at most five minutes, most of which only a busy machine needs.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { faint, wide } from "./measure.mjs";

const url = process.argv[2] ?? "http://127.0.0.1:9021";
setTimeout(() => { console.error("timed out"); process.exit(1); }, 300_000).unref();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

let failed = 0;
async function check(sentence, body) {
  try {
    await body();
    console.log(`ok   ${sentence}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${sentence}\n     ${String(error.message).split("\n").join("\n     ")}`);
  }
}

/** A page that remembers what went wrong in it and how far its parts moved. */
async function open(width, scheme) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) problems.push(`asks elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return { page, problems };
}

const { page, problems } = await open(1440, "light");

await check("a first visit shows a pipeline from source to sink", async () => {
  await page.waitForSelector(".pipeline .box", { timeout: 20_000 });
  const kinds = await page.locator(".box-kind").allInnerTexts();
  assert(kinds.includes("Stream"), kinds.join());
  assert(await page.locator(".wire").count() >= 2, "no arrows are drawn");
});
await check("the page goes live and numbers move", async () => {
  await page.waitForSelector("#live[data-state=live]", { timeout: 10_000 });
  const read = '.ledger [data-t$=".read"]';
  const before = await page.locator(read).first().innerText();
  await page.waitForFunction(
    ([selector, text]) => document.querySelector(selector).textContent !== text,
    [read, before], { timeout: 15_000 });
});
await check("every part is reachable", async () => {
  const states = await page.locator(".part").evaluateAll((parts) => parts.map((part) => part.dataset.state));
  assert.deepEqual(states, ["running", "running", "running"]);
});
await check("the ledger of each stream adds up or says what is in flight", async () => {
  const words = await page.locator(".balance").allInnerTexts();
  assert(words.length > 0);
  for (const word of words) assert.match(word, /accounted for|in flight/);
});
await check("a stream's box leads to its panel by keyboard", async () => {
  await page.locator(".stream-box a").first().focus();
  await page.keyboard.press("Enter");
  assert.match(page.url(), /#stream-\d+$/);
});
await check("partitions open by keyboard and stay open while numbers move", async () => {
  const summary = page.locator(".partitions summary").first();
  await summary.focus();
  await page.keyboard.press("Enter");
  await page.waitForTimeout(2_500);
  assert(await page.locator(".partitions[open] table").first().isVisible());
});
await check("a chart tells the values under the pointer", async () => {
  await page.locator(".plot[data-chart]").first().hover();
  assert.match(await page.locator(".tip").first().innerText(), /now|s ago|no value/);
});
await check("the theme switches, and a reload keeps it", async () => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await page.locator("#theme").click();
  assert.equal(await theme(), "dark");
  await page.reload();
  assert.equal(await theme(), "dark");
});
await check("nothing is loaded from elsewhere and nothing fails", async () => {
  assert.deepEqual(problems, []);
});

for (const [width, scheme] of [[1440, "light"], [1440, "dark"], [390, "light"], [390, "dark"]]) {
  const view = await open(width, scheme);
  await view.page.waitForSelector(".pipeline .box", { timeout: 20_000 });
  await view.page.waitForTimeout(2_500);
  await check(`${width} px, ${scheme}: no sideways scroll, no shift, readable text`, async () => {
    assert.deepEqual(await view.page.evaluate(wide), []);
    const shift = await view.page.evaluate(() => globalThis.shift);
    assert(shift < 0.01, `layout shift ${shift}`);
    assert.deepEqual(await view.page.evaluate(faint), []);
    assert.deepEqual(view.problems, []);
  });
  await view.page.context().close();
}

await check("another site's page gets no answer", async () => {
  const { request } = await import("node:http");
  const status = await new Promise((resolve, reject) => {
    const asked = request(`${url}/api/pipelines`, { headers: { host: "evil.example" } }, (answer) => resolve(answer.statusCode));
    asked.on("error", reject).end();
  });
  assert.equal(status, 421);
});

await browser.close();
process.exit(failed === 0 ? 0 : 1);

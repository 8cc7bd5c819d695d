// Uses DAGs, topics, tables and the doctor as a person would, in headless Chromium.
//
//   node people.mjs LINK CONSOLE      LINK: what `millstream up` printed; CONSOLE: http://localhost:9021
//
// The project needs a DAG `hello` whose task `greet` prints "hello from a task". Prints `ok SENTENCE` or
// `FAIL SENTENCE: why` and ends with the number of failures.
import { chromium } from "playwright-core";

const [link, center] = process.argv.slice(2);
const orchestrator = new URL(link).origin;
setTimeout(() => { console.error("timed out"); process.exit(1); }, 240_000).unref();
let failed = 0;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(15_000);
const page = await context.newPage();

async function check(sentence, act) {
  try {
    await act();
    console.log(`ok   ${sentence}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${sentence}: ${String(error.message).split("\n")[0]}`);
  }
}

await check("the link that was printed logs in", async () => {
  await page.goto(link);
  await page.goto(`${orchestrator}/dags`);
  await page.getByRole("heading", { name: "DAGs" }).waitFor();
});
await check("a DAG is found by its name", async () => {
  await page.goto(`${orchestrator}/dags?search=hello`);
  await page.getByRole("link", { name: "hello", exact: true }).click();
  await page.getByRole("heading", { name: "hello" }).waitFor();
});
await check("a run that is triggered turns green in the graph", async () => {
  await page.goto(`${orchestrator}/dags/hello/trigger`);
  await page.getByRole("button", { name: /trigger/i }).last().click();
  await page.waitForURL(/\/runs\//);
  await page.getByText("success").first().waitFor();
});
await check("the log of its task says what the task printed", async () => {
  await page.goto(`${page.url().split("?")[0].replace(/\/$/, "")}/tasks/greet`);
  await page.getByText("hello from a task").first().waitFor();
});
await check("a topic shows its messages", async () => {
  await page.goto(`${center}/topics/users_created`);
  await page.getByText('"gender"').first().waitFor();
});
await check("a table shows its rows", async () => {
  await page.goto(`${center}/tables/spark_streams/created_users`);
  await page.getByText("first_name").first().waitFor();
});
await check("the doctor answers within two seconds", async () => {
  const began = performance.now();
  await page.goto(`${center}/doctor`);
  await page.getByRole("heading", { name: "Doctor" }).waitFor();
  if (performance.now() - began > 2_500) throw new Error(`took ${performance.now() - began} ms`);
});
for (const width of [390, 1440]) {
  await check(`no page is wider than ${width} px`, async () => {
    await page.setViewportSize({ width, height: 900 });
    for (const place of [`${orchestrator}/dags`, `${orchestrator}/dags/hello`, `${orchestrator}/dags/hello/graph`,
      `${orchestrator}/audit`, `${center}/topics`, `${center}/groups`, `${center}/doctor`]) {
      await page.goto(place);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (over > 0) throw new Error(`${place} is ${over} px too wide`);
    }
  });
}
await browser.close();
process.exit(failed);

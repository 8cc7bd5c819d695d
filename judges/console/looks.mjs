// How every page looks and behaves, in both themes and at both widths: it fits, stays still, can be read and
// reached, and fails nowhere.
import fs from "node:fs";
import path from "node:path";
import { faint, misnamed, repeated, shifts, unreached, wide } from "./measure.mjs";
import { becomes, must, same } from "./person.mjs";

const WIDTHS = [390, 1440];
const SCHEMES = ["light", "dark"];
/** Script and style of one port, as they are. */
const BYTES_MAX = 100_000;
/** How far the parts of a page may move in all. */
const SHIFT_MAX = 0.02;
/** How long a list may take to be answered. */
const ANSWER_MS = 200;

/** Every page: its name in sentences and pictures, and its address. Those of a run are found first. */
async function places(person) {
  const { orchestrator: at, center } = person;
  const page = await person.page();
  await page.goto(`${at}/dags/hello/trigger`);
  await page.getByRole("button", { name: "Trigger" }).click();
  await page.waitForURL(/\/runs\//);
  const run = page.url().split("?")[0];
  await becomes(() => page.locator("#run-tasks [data-state]").evaluateAll((all) => all.map((one) => one.dataset.state).join()),
    (states) => states === "success,success", "the run that is looked at");
  await page.goto(`${center}/topics/users_created/messages`);
  const message = await page.locator("details.message a[href*='/messages/']").first().getAttribute("href");
  await page.context().close();
  const group = "millstream.created_users";
  const list = [
    ["dags", "/dags"], ["grid", "/dags/user_automation"], ["graph", "/dags/counting/graph"], ["dag-runs", "/dags/user_automation/runs"],
    ["dag-tasks", "/dags/hello/tasks"], ["code", "/dags/hello/code"], ["dag-details", "/dags/hello/details"],
    ["dag-audit", "/dags/hello/audit"], ["trigger", "/dags/hello/trigger"], ["run", ""], ["run-graph", "/graph"],
    ["run-gantt", "/gantt"], ["run-details", "/details"], ["log", "/tasks/greet"], ["rendered", "/tasks/greet/rendered"],
    ["xcom", "/tasks/greet/xcom"], ["task-details", "/tasks/greet/details"], ["runs", "/runs"], ["tasks", "/tasks"],
    ["xcoms", "/xcoms"], ["import-errors", "/import-errors"], ["audit", "/audit"], ["variables", "/variables"],
    ["connections", "/connections"], ["pools", "/pools"], ["configuration", "/configuration"], ["users", "/users"],
    ["account", "/account"], ["about", "/about"],
  ].map(([name, place]) => [name, /^(run$|run-|log|rendered|xcom$|task-)/.test(name) ? run + place : at + place]);
  return [...list, ...[
    ["pipelines", "/"], ["pipeline", "/pipelines/created_users"], ["streams", "/streams"], ["stream", "/streams/created_users"],
    ["dead-letters", "/dead-letters"], ["letters", "/dead-letters/created_users.dead-letters"],
    ["redrive", "/dead-letters/created_users.dead-letters?redrive=preview"], ["topics", "/topics"], ["new-topic", "/topics/new"],
    ["topic", "/topics/users_created"], ["tail", "/topics/users_created/messages?tail=true"], ["message", message],
    ["partitions", "/topics/users_created/partitions"], ["consumers", "/topics/users_created/consumers"],
    ["producers", "/topics/users_created/producers"], ["configs", "/topics/users_created/configs"],
    ["charts", "/topics/users_created/charts"], ["produce", "/topics/users_created/produce"], ["change", "/topics/users_created/change"],
    ["groups", "/groups"], ["group", `/groups/${group}`], ["reset", `/groups/${group}/reset?to=earliest`], ["brokers", "/brokers"],
    ["broker", "/brokers/1"], ["transactions", "/transactions"], ["transaction", `/transactions/${group}`], ["tables", "/tables"],
    ["rows", "/tables/spark_streams/created_users"], ["cql", "/cql"], ["sql", "/sql"], ["doctor", "/doctor"],
  ].map(([name, place]) => [name, center + place])];
}

export async function looks(person, { shots }) {
  const all = await places(person);
  if (shots) fs.mkdirSync(shots, { recursive: true });
  for (const width of WIDTHS) {
    for (const scheme of SCHEMES) {
      const page = await person.page({ width, scheme });
      await page.addInitScript(shifts);
      for (const [name, address] of all) {
        await person.check(`${name}, ${width} px, ${scheme}: fits, stays still, can be read and reached, fails nowhere`,
          () => sound(page, address, { keys: scheme === "light", shot: shots && path.join(shots, `${name}-${width}-${scheme}.png`) }));
      }
      await page.context().close();
    }
  }
  await signedOut(person, shots);
  await weight(person, all);
  await withoutScripts(person, all);
  await quick(person);
  await still(person);
}

/** Everything that must be so on any page. */
async function sound(page, address, { keys, shot }) {
  page.wrong.length = 0;
  await page.goto(address);
  // A live page says so; its first news must have come, since they may move things.
  const live = page.locator("#live[data-state=still]");
  if (await page.locator("body[data-live]").count() > 0) await becomes(() => live.count(), (count) => count === 0, "the live mark");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  if (shot) await page.screenshot({ path: shot });
  const found = [];
  const note = (what, said) => said.length > 0 && found.push(`${what}: ${said.slice(0, 4).join("; ")}`);
  note("too wide", await page.evaluate(wide));
  note("text too faint", await page.evaluate(faint));
  note("without a name", await page.evaluate(misnamed));
  note("wrong structure", await page.evaluate(repeated));
  if (keys) note("not reached or not seen by keyboard", await reached(page));
  const shift = await page.evaluate(() => globalThis.shift);
  if (shift >= SHIFT_MAX) found.push(`layout shift ${shift.toFixed(3)}: ${await page.evaluate(() => globalThis.moved.slice(0, 3).join("; "))}`);
  note("failed", page.wrong);
  must(found.length === 0, found.join(" | "));
}

/** Walks with the Tab key and says which controls were not come to, or do not show that they have the focus. */
async function reached(page) {
  await page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
  const count = await page.evaluate(unreached, "begin");
  for (let step = 0; step < Math.min(count + 24, 180); step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(unreached, "step")) break;
  }
  return page.evaluate(unreached, count > 160 ? "seen" : "end");
}

async function signedOut(person, shots) {
  for (const width of WIDTHS) {
    for (const scheme of SCHEMES) {
      const page = await person.page({ width, scheme, stranger: true });
      await page.addInitScript(shifts);
      for (const [name, at] of [["login", person.orchestrator], ["console-login", person.center]]) {
        await person.check(`${name}, ${width} px, ${scheme}: fits, can be read and reached, fails nowhere`,
          () => sound(page, `${at}/login`, { keys: true, shot: shots && path.join(shots, `${name}-${width}-${scheme}.png`) }));
      }
      await page.context().close();
    }
  }
}

async function weight(person, all) {
  for (const [name, at] of [["orchestrator", person.orchestrator], ["console", person.center]]) {
    await person.check(`script and style of the ${name} are below ${BYTES_MAX / 1000} KB in all`, async () => {
      const page = await person.page();
      const sizes = new Map();
      page.on("response", async (answer) => {
        if (!["script", "stylesheet"].includes(answer.request().resourceType())) return;
        const body = await answer.body().catch(() => Buffer.alloc(0));
        sizes.set(answer.url(), Math.max(body.length, sizes.get(answer.url()) ?? 0));
      });
      for (const [, address] of all.filter(([, address]) => address.startsWith(at))) await page.goto(address);
      await page.context().close();
      const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      must(bytes > 10_000 && bytes < BYTES_MAX, `they are ${bytes} bytes in ${sizes.size} files`);
    });
  }
}

async function withoutScripts(person, all) {
  await person.check("every page has its content without JavaScript", async () => {
    const page = await person.page({ scripts: false });
    const empty = [];
    for (const [name, address] of all) {
      await page.goto(address);
      const heading = await page.getByRole("heading", { level: 1 }).count();
      const text = await page.locator("main").innerText();
      if (heading !== 1 || text.trim().length < 40) empty.push(`${name}: ${text.trim().slice(0, 60)}`);
    }
    await page.context().close();
    same(empty.join("; "), "", "what lacks");
  });
  await person.check("a run is triggered and a message found without JavaScript", async () => {
    const page = await person.page({ scripts: false });
    await page.goto(`${person.orchestrator}/dags/hello/trigger`);
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    await page.goto(`${person.center}/topics/users_created`);
    await page.getByRole("button", { name: "Look" }).click();
    await page.locator("details.message").first().waitFor();
    await page.context().close();
  });
}

async function quick(person) {
  const { orchestrator: at, center } = person;
  await person.check(`lists are answered within ${ANSWER_MS} ms`, async () => {
    const page = await person.page();
    const slow = [];
    for (const place of [`${at}/dags`, `${at}/runs`, `${at}/tasks`, `${at}/audit`, `${center}/`, `${center}/topics`,
      `${center}/groups`, `${center}/streams`, `${center}/dead-letters`, `${center}/brokers`, `${center}/tables`]) {
      const times = [];
      for (let turn = 0; turn < 5; turn += 1) {
        const began = performance.now();
        await (await page.request.get(place)).body();
        times.push(performance.now() - began);
      }
      // The middle of five: other programs run on this machine too.
      const middle = times.sort((a, b) => a - b)[2];
      if (middle >= ANSWER_MS) slow.push(`${place} ${middle.toFixed()} ms`);
    }
    await page.context().close();
    same(slow.join("; "), "", "what is slow");
  });
}

/** Pages whose numbers move must not move themselves. */
async function still(person) {
  const { orchestrator: at, center } = person;
  for (const [name, address] of [["pipelines", `${center}/`], ["streams", `${center}/streams`], ["topics", `${center}/topics`],
    ["the grid", `${at}/dags/hello`], ["the list of DAGs", `${at}/dags`], ["the runs", `${at}/runs`]]) {
    await person.check(`${name} stays still while a run goes by and numbers move`, async () => {
      const page = await person.page();
      await page.addInitScript(shifts);
      await page.goto(address);
      await page.locator("#live[data-state=live]").waitFor();
      const begun = await page.evaluate(() => {
        globalThis.changes = 0;
        const all = { subtree: true, childList: true, characterData: true, attributes: true };
        new MutationObserver(() => { globalThis.changes += 1; }).observe(document.querySelector("main"), all);
        return globalThis.shift;
      });
      const started = await page.request.post(`${at}/dags/hello/trigger`, { form: {}, maxRedirects: 0, headers: { origin: at } });
      must(started.status() < 400, `the run was answered with ${started.status()}`);
      const run = new URL(started.headers().location, at).href;
      await becomes(async () => (await page.request.get(run)).text(), (text) => (text.match(/data-state="success"/g) ?? []).length >= 3, "the run");
      await becomes(() => page.evaluate(() => globalThis.changes), (changes) => changes >= 3, "the number of times the page changed");
      const shift = await page.evaluate(() => globalThis.shift) - begun;
      must(shift < SHIFT_MAX, `layout shift ${shift.toFixed(3)}: ${await page.evaluate(() => globalThis.moved.slice(0, 3).join("; "))}`);
      await page.context().close();
    });
  }
}

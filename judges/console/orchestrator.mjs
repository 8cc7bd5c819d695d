// The DAGs as a person uses them: find, trigger, watch, read, clear, mark.
import fs from "node:fs";
import path from "node:path";
import { becomes, mark, marked, must, press, reloadsUntil, same, told } from "./person.mjs";

export async function dags(person) {
  const { orchestrator: at } = person;
  const first = await person.page({ stranger: true });

  await person.check("without signing in no DAG is shown", async () => {
    await first.goto(`${at}/dags`);
    await first.waitForURL(/\/login/);
  });
  await person.check("the link that was printed logs in, once", async () => {
    await first.goto(person.link);
    await first.goto(`${at}/dags`);
    await first.getByRole("heading", { name: "DAGs", level: 1 }).waitFor();
    person.cookies = await first.context().storageState();
    const again = await person.page({ stranger: true });
    await again.goto(person.link);
    await again.goto(`${at}/dags`);
    await again.waitForURL(/\/login/);
    await again.context().close();
  });
  await first.context().close();
  const page = await person.page();

  await list(person, page);
  await watch(person, page);
  await run(person, page);
  await versions(person, page);
  await person.check("nothing failed and nothing was loaded from elsewhere while DAGs were used", async () => {
    same(page.wrong.join("; "), "", "what went wrong");
  });
  await page.context().close();
}

/** The names in the list of DAGs. */
const names = (page) => page.locator(".dag-table tbody .name-line > a:first-child").allInnerTexts();

async function list(person, page) {
  const { orchestrator: at } = person;
  await person.check("a DAG is found by a part of its name", async () => {
    await page.goto(`${at}/dags`);
    await page.getByRole("searchbox", { name: "Part of the name" }).fill("ello");
    await page.keyboard.press("Enter");
    await becomes(() => names(page), (found) => found.join() === "hello", "the DAGs");
  });
  await person.check("DAGs are filtered by tag", async () => {
    await page.goto(`${at}/dags`);
    await page.getByRole("combobox", { name: "Tag" }).selectOption("judged");
    await becomes(() => names(page), (found) => [...found].sort().join() === "counting,gated,hello,whisper", "the DAGs");
  });
  await person.check("DAGs are filtered by state", async () => {
    await page.goto(`${at}/dags`);
    await page.getByRole("navigation", { name: "DAGs shown" }).getByRole("link", { name: /Paused/ }).click();
    await becomes(() => names(page), (found) => found.length > 0 && !found.includes("hello"), "the DAGs");
  });
  await person.check("a switch pauses a DAG and lets it go on", async () => {
    const toggle = page.getByRole("switch", { name: /hello/ });
    for (const on of [false, true]) {
      await page.goto(`${at}/dags?search=hello`);
      await toggle.click();
      await becomes(() => toggle.getAttribute("aria-checked"), (said) => said === String(on), "the switch");
      await page.goto(`${at}/dags?search=hello&show=${on ? "active" : "paused"}`);
      await becomes(() => names(page), (found) => found.includes("hello"), `the ${on ? "active" : "paused"} DAGs`);
    }
  });
  await person.check("the search at the top goes to the DAG by keyboard alone", async () => {
    await page.goto(`${at}/runs`);
    await page.keyboard.press("/");
    await page.keyboard.type("hello");
    await page.keyboard.press("Enter");
    await page.waitForURL(/search=hello/);
    await page.getByRole("link", { name: "hello", exact: true }).press("Enter");
    await page.getByRole("heading", { name: "hello", level: 1 }).waitFor();
  });
}

/** The states of the boxes of the graph that is shown. */
const boxes = (page) => page.locator("x-dag .node").evaluateAll((nodes) => nodes.map((node) => node.dataset.state));

async function watch(person, page) {
  const { orchestrator: at } = person;
  let here;
  await person.check("the graph of a run that was triggered turns green box by box, without a reload", async () => {
    await page.goto(`${at}/dags/counting`);
    await page.getByRole("link", { name: "Trigger" }).first().click();
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    here = page.url().split("?")[0];
    await page.getByRole("navigation", { name: "Views of the run" }).getByRole("link", { name: "Graph" }).click();
    await page.waitForURL(/\/graph/);
    await mark(page);
    await becomes(() => boxes(page), (states) => states.includes("running"), "the boxes");
    await becomes(() => boxes(page), (states) => states.length === 3 && states.every((state) => state === "success"), "the boxes");
    await marked(page);
  });
  await person.check("lines of a log appear while its page is open", async () => {
    await page.goto(`${at}/dags/counting/trigger`);
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    here = page.url().split("?")[0];
    await page.getByRole("link", { name: "count", exact: true }).click();
    await page.waitForURL(/\/tasks\/count/);
    await mark(page);
    const log = page.getByRole("log");
    await log.getByText(/step \d+ of 24/).first().waitFor();
    must(!(await log.innerText()).includes("step 24 of 24"), "the task had ended before its log was looked at");
    await log.getByText("step 24 of 24", { exact: true }).waitFor();
    await page.getByText("success").first().waitFor();
    await marked(page);
    const lines = (await log.innerText()).match(/step \d+ of 24/g);
    same(lines.length, 24, "the number of lines");
  });
  await person.check("the log is downloaded as text", async () => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
    must(fs.readFileSync(await file.path(), "utf8").includes("step 7 of 24"), "the text lacks a line");
  });
  await person.check("the bars of the tasks of a run show what took long", async () => {
    await page.goto(`${here}/gantt`);
    const wide = await page.locator(".gantt a").evaluateAll((rows) => rows.map((row) => [row.querySelector("span").textContent,
      Math.max(...[...row.querySelectorAll("rect:not(.wait)")].map((bar) => bar.getBoundingClientRect().width))]));
    same(wide.length, 3, "the number of rows");
    const longest = wide.sort((a, b) => b[1] - a[1])[0][0];
    must(longest.includes("count"), `the longest is ${longest}`);
  });
  await person.check("the grid has a square for each task of each run, which leads to it", async () => {
    await page.goto(`${at}/dags/counting`);
    const cells = page.locator(".grid tbody a.cell");
    await becomes(() => cells.evaluateAll((all) => all.map((cell) => cell.dataset.state)),
      (states) => states.length === 6 && states.every((state) => state === "success"), "the squares");
    await cells.first().click();
    await page.waitForURL(/\/tasks\//);
  });
}

async function run(person, page) {
  const { orchestrator: at } = person;
  let here;
  await person.check("a run is triggered with params, which its task sees", async () => {
    await page.goto(`${at}/dags/hello/trigger`);
    await page.getByRole("textbox", { name: /^name/ }).fill("Ada");
    await page.getByRole("checkbox", { name: "loudly" }).check();
    await page.getByText("More", { exact: true }).click();
    await page.getByRole("textbox", { name: /Note/ }).fill("for the judge");
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    here = page.url().split("?")[0];
    await page.getByRole("link", { name: "greet", exact: true }).click();
    await page.getByRole("log").getByText("hello from a task to Ada", { exact: true }).waitFor();
  });
  await person.check("a configuration that is no JSON is refused where it was written", async () => {
    await page.goto(`${at}/dags/hello/trigger`);
    await page.getByText("More", { exact: true }).click();
    await page.getByRole("textbox", { name: /Configuration/ }).fill("{no");
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.getByText(/not JSON/).waitFor();
    same(await page.getByRole("textbox", { name: /Configuration/ }).inputValue(), "{no", "the field");
    page.wrong = page.wrong.filter((line) => !/422|status of 4/.test(line));
  });
  await person.check("the rendered template, the XCom and the details of a task are there", async () => {
    await page.goto(`${here}/tasks/greet/rendered`);
    await page.getByText("echo hello from a task to Ada").waitFor();
    await page.goto(`${here}/tasks/greet/xcom`);
    await page.getByText("return_value").waitFor();
    await page.getByText("hello from a task to Ada").waitFor();
    await page.goto(`${here}/tasks/greet/details`);
    await page.getByText("1 of 1").first().waitFor();
    await page.goto(`${here}/details`);
    await page.getByText("\"Ada\"").waitFor();
    await page.getByText("for the judge").first().waitFor();
  });
  await person.check("a note is kept", async () => {
    await page.getByRole("textbox", { name: "What others should know" }).fill("seen by the judge");
    await page.getByRole("button", { name: "Keep the note" }).click();
    await told(page, /note is kept/);
    await page.goto(here);
    await page.getByText("seen by the judge").first().waitFor();
  });
  await person.check("a run that is cleared runs again, and both tries stay readable", async () => {
    await press(page, page.getByRole("button", { name: "Clear all" }), { asks: true });
    await told(page, /2 tasks are cleared/);
    await becomes(() => page.locator("#run-tasks").innerText(), (text) => text.includes("2 of 2") && !/running|queued/.test(text), "the tasks");
    await page.goto(`${here}/tasks/greet`);
    await page.getByRole("link", { name: "Try 1" }).click();
    await page.getByRole("log").getByText("hello from a task to Ada", { exact: true }).waitFor();
  });
  await person.check("a run is marked failed and success", async () => {
    for (const word of ["failed", "success"]) {
      await page.goto(here);
      await press(page, page.getByRole("button", { name: `Mark ${word}` }), { asks: true });
      await told(page, `marked ${word}`);
      await page.locator("#run-head .state, #run-head [data-state]").getByText(word).first().waitFor();
    }
  });
  await person.check("runs and task instances are listed and filtered by state", async () => {
    for (const [place, name] of [["runs", "Runs"], ["tasks", "Task instances"]]) {
      await page.goto(`${at}/${place}`);
      await page.getByRole("heading", { name, level: 1 }).waitFor();
      if (place === "runs") await page.getByRole("link", { name: "success", exact: true }).first().click();
      else await page.locator("select[name=state]").selectOption("success");
      await page.waitForURL(/state=success/);
      const states = await page.locator("table tbody [data-state]").evaluateAll((all) => [...new Set(all.map((one) => one.dataset.state))]);
      same(states.join(), "success", "the states");
    }
    await page.goto(`${at}/xcoms`);
    await page.getByText("return_value").first().waitFor();
  });
  await person.check("a run is deleted after a question", async () => {
    await page.goto(here);
    await press(page, page.getByRole("button", { name: "Delete" }), { asks: true });
    await told(page, /run is deleted/);
    const answer = await page.request.get(here);
    same(answer.status(), 404, "the deleted run's page");
  });
}

async function versions(person, page) {
  const { orchestrator: at } = person;
  const file = path.join(person.project, "dags/judged.yml");
  await person.check("a changed file is a new version, and the old code stays readable", async () => {
    await page.goto(`${at}/dags/hello/code`);
    await page.getByText("echo hello from a task").waitFor();
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("task_id: rest,", "task_id: unwind,"));
    await reloadsUntil(page, `${at}/dags/hello/code`, /task_id: unwind/);
    const choice = page.getByRole("combobox", { name: "Version" });
    must((await choice.locator("option").count()) >= 2, "there is one version only");
    await choice.selectOption({ label: (await choice.locator("option").allInnerTexts()).find((word) => /^Version 1\b/.test(word)) });
    await page.getByText("task_id: rest").waitFor();
    await page.goto(`${at}/dags/hello/graph?`);
    await page.goto(`${at}/dags/hello/tasks`);
    await page.getByText("unwind").first().waitFor();
    await page.goto(`${at}/dags/hello/details`);
    await page.getByText("judged.yml").first().waitFor();
  });
  await person.check("the audit log says who did what", async () => {
    await page.goto(`${at}/audit`);
    await page.getByRole("searchbox", { name: "What" }).fill("run.trigger");
    await page.keyboard.press("Enter");
    await page.waitForURL(/run\.trigger/);
    await page.getByRole("row", { name: /admin.*counting/ }).first().waitFor();
    await page.goto(`${at}/dags/hello/audit`);
    await page.getByRole("row", { name: /admin/ }).first().waitFor();
  });
}

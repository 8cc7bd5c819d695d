// What breaks, how the pages say so, and that it goes away when it is mended.
import fs from "node:fs";
import path from "node:path";
import { becomes, must, press, reloadsUntil, same, told } from "./person.mjs";

export async function broken(person) {
  const page = await person.page();
  await wrongKey(person, page);
  await failingTask(person, page);
  await pausedDag(person, page);
  await corruptRecord(person, page);
  await person.check("only what was asked wrongly failed while things were broken", async () => {
    same(page.wrong.join("; "), "", "what went wrong");
  });
  await page.context().close();
}

async function wrongKey(person, page) {
  const { orchestrator: at, center } = person;
  const file = path.join(person.project, "dags/misspelt.yml");
  fs.writeFileSync(file, "misspelt:\n  default_args: {start_date: 2024-01-01}\n  shedule: \"@daily\"\n  tasks:\n    - {task_id: one, operator: empty}\n");
  await person.check("a DAG file with a wrong key is an import error with its line and the right key", async () => {
    await reloadsUntil(page, `${at}/import-errors`, /misspelt\.yml/);
    await page.getByText(/shedule/).first().waitFor();
    must(/3:3|line 3/.test(await page.locator("main").innerText()), "it does not say which line");
    must(/schedule\b/.test((await page.locator("main").innerText()).replaceAll("shedule", "")), "it does not name the right key");
    await page.goto(`${at}/dags`);
    await page.getByText(/misspelt\.yml|import error/i).first().waitFor();
  });
  await person.check("the doctor names the file that does not parse", async () => {
    await reloadsUntil(page, `${center}/doctor`, /misspelt\.yml/);
  });
  await person.check("the import error goes away when the file is mended, and the DAG is there", async () => {
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace("shedule", "schedule"));
    await reloadsUntil(page, `${at}/import-errors`, /misspelt\.yml/, false);
    await reloadsUntil(page, `${center}/doctor`, /misspelt\.yml/, false);
    await page.goto(`${at}/dags/misspelt`);
    await page.getByRole("heading", { name: "misspelt", level: 1 }).waitFor();
  });
  fs.rmSync(file, { force: true });
}

async function failingTask(person, page) {
  const { orchestrator: at } = person;
  let here;
  await person.check("a task that fails is red in the grid, with its reason on its page and its log readable", async () => {
    await page.goto(`${at}/dags/gated/trigger`);
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    here = page.url().split("?")[0];
    await becomes(() => page.locator("#run-tasks").innerText(), (text) => /failed/.test(text) && /upstream.failed/.test(text), "the tasks");
    await page.goto(`${at}/dags/gated`);
    const cells = page.locator(".grid tbody a.cell");
    same((await cells.evaluateAll((all) => all.map((cell) => cell.dataset.state))).join(), "failed,upstream_failed", "the squares");
    const color = await cells.first().evaluate((cell) => getComputedStyle(cell).backgroundColor);
    const [red, green, blue] = color.match(/[\d.]+/g).map(Number);
    must(red > 1.5 * green && red > 1.5 * blue, `the square is ${color}`);
    await cells.first().click();
    await page.getByRole("log").getByText("the gate is shut").first().waitFor();
    await page.locator(".why").getByText(/exit|status|code|returned/i).first().waitFor();
    await page.goto(`${at}/dags?show=failed`);
    await page.getByRole("link", { name: "gated", exact: true }).waitFor();
  });
  await person.check("the task passes when its reason is mended and its failure cleared", async () => {
    await page.goto(`${at}/variables`);
    await page.getByRole("textbox", { name: "Key" }).fill("judged_gate");
    await page.getByRole("textbox", { name: "Value" }).fill("open");
    await page.getByRole("button", { name: "Set the variable" }).click();
    await told(page, "judged_gate is set");
    await page.goto(here);
    await page.getByRole("button", { name: "Clear failed" }).click();
    await told(page, /cleared/);
    await becomes(() => page.locator("#run-tasks [data-state]").evaluateAll((all) => all.map((one) => one.dataset.state).join()),
      (states) => states === "success,success", "the tasks");
    await page.goto(`${at}/dags?show=failed`);
    same(await page.getByRole("link", { name: "gated", exact: true }).count(), 0, "the failed DAGs with its name");
  });
  await person.check("a failed task is marked as a success, and what waits behind it runs when it is cleared", async () => {
    await page.goto(`${at}/variables`);
    await press(page, page.getByRole("row", { name: /judged_gate/ }).getByRole("button", { name: "Delete" }), { asks: true });
    await told(page, "judged_gate is deleted");
    await page.goto(`${at}/dags/gated/trigger`);
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    await becomes(() => page.locator("#run-tasks").innerText(), (text) => /upstream.failed/.test(text), "the tasks");
    await page.getByRole("link", { name: "pass", exact: true }).click();
    await page.getByRole("button", { name: "Mark success" }).click();
    await told(page, "pass is marked success");
    await page.locator("#task-head [data-state=success]").first().waitFor();
    await page.goto(page.url().replace(/\/tasks\/pass.*/, "/tasks/behind"));
    await page.getByRole("button", { name: "Clear", exact: true }).click();
    await page.getByRole("checkbox", { name: "Also the tasks after it" }).waitFor();
    await page.locator("#clear button[type=submit]").click();
    await told(page, "behind is cleared");
    await page.locator("#task-head [data-state=success]").first().waitFor();
  });
}

async function pausedDag(person, page) {
  const { orchestrator: at, center } = person;
  const turn = async (on) => {
    await page.goto(`${at}/dags/user_automation`);
    const toggle = page.getByRole("switch").first();
    await toggle.click();
    await becomes(() => toggle.getAttribute("aria-checked"), (said) => said === String(on), "the switch");
  };
  await person.check("the doctor says that the DAG which feeds the tables is paused, within two seconds", async () => {
    await turn(false);
    // The run that was under way ends first; a person marks it as done.
    await page.goto(`${at}/runs?state=running`);
    for (const run of await page.locator("main table a[href*='/dags/user_automation/runs/']").all()) {
      await run.click();
      await press(page, page.getByRole("button", { name: "Mark success" }), { asks: true });
      break;
    }
    await reloadsUntil(page, `${center}/doctor`, /user_automation.*paused|paused.*user_automation/i, true, 90_000);
    const began = performance.now();
    await page.goto(`${center}/doctor`);
    const took = performance.now() - began;
    must(took < 2_000, `the doctor took ${took.toFixed()} ms`);
  });
  await person.check("the doctor's finding goes away when the DAG goes on", async () => {
    await turn(true);
    await reloadsUntil(page, `${center}/doctor`, /user_automation.*paused|paused.*user_automation/i, false, 60_000);
  });
}

async function corruptRecord(person, page) {
  const { center: at } = person;
  const letters = `${at}/dead-letters/created_users.dead-letters`;
  const mine = `judged-${Date.now()}`;
  await person.check("a corrupt record that is produced by hand becomes a dead letter with its reason and bytes", async () => {
    await page.goto(`${at}/topics/users_created/produce`);
    const form = page.locator("main form[action$='/produce']").first();
    await form.locator("[name=key]").fill(mine);
    await form.locator("[name=value]").fill(`{"login": "${mine}`);
    await form.getByRole("button", { name: "Produce" }).click();
    await told(page, /offset \d+/);
    await becomes(async () => {
      await page.goto(letters);
      return page.locator("details").filter({ hasText: mine }).count();
    }, (count) => count === 1, "the letters with its bytes");
    await page.locator("details").filter({ hasText: mine }).locator("summary").click();
    await page.locator("details[open]").getByText(/not JSON/).first().waitFor();
  });
  await person.check("the doctor says how many records were dead-lettered, and why the first", async () => {
    await reloadsUntil(page, `${at}/doctor`, /dead-lettered; the first, offset \d+ of users_created partition \d/);
  });
  await person.check("a re-drive shows first what it will send, and then sends exactly that", async () => {
    await page.goto(letters);
    const letter = page.locator("details").filter({ hasText: mine });
    const reason = (await letter.locator("summary").innerText()).match(/the value is not JSON.*/)[0];
    // Reasons that differ by a number alone are one of the list.
    await page.locator(".reasons a").filter({ hasText: reason.replace(/\d+/g, "#") }).first().click();
    await page.waitForURL(/reason=/);
    await page.getByRole("link", { name: "Re-drive" }).click();
    await page.getByText("nothing was sent yet").waitFor();
    same(await messages(person, page, mine), 1, "the number of messages after the dry run");
    await page.goBack();
    await page.getByRole("button", { name: "Re-drive 1 letter" }).click();
    await told(page, "1 letter went back to users_created");
    await becomes(() => messages(person, page, mine), (count) => count === 2, "the messages with its bytes");
    await becomes(async () => {
      await page.goto(letters);
      return page.locator("details").filter({ hasText: mine }).count();
    }, (count) => count === 2, "the letters with its bytes, which are still no JSON");
  });
}

/** How many messages of the topic hold a text. */
async function messages(person, page, text) {
  await page.goto(`${person.center}/topics/users_created/messages?q=${text}`);
  return page.locator("details.message").count();
}

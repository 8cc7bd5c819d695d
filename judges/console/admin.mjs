// What administrators do: variables, connections, pools, configuration, users, roles, tokens.
import { becomes, must, press, same, told } from "./person.mjs";

const SECRET = "correct-horse-battery";

export async function people(person) {
  const page = await person.page();
  await variables(person, page);
  await connections(person, page);
  await rest(person, page);
  await users(person, page);
  await account(person, page);
  await page.context().close();
}

async function variables(person, page) {
  const { orchestrator: at } = person;
  await person.check("a variable is set, hidden, shown on demand and changed", async () => {
    await page.goto(`${at}/variables`);
    await page.getByRole("textbox", { name: "Key" }).fill("judged_password");
    await page.getByRole("textbox", { name: "Value" }).fill("first value");
    await page.getByRole("button", { name: "Set the variable" }).click();
    await told(page, "judged_password is set");
    const row = page.getByRole("row", { name: /judged_password/ });
    must(!(await row.innerText()).includes("first value"), "the value is shown at once");
    await row.getByRole("link", { name: "Show" }).click();
    await row.getByText("first value").waitFor();
    await row.getByRole("link", { name: "Edit" }).click();
    await page.waitForURL(/edit=/);
    await page.getByRole("textbox", { name: "Value" }).fill(SECRET);
    await page.getByRole("button", { name: "Set the variable" }).click();
    await told(page, "judged_password is set");
  });
  await person.check("a secret that a task prints is masked in its log and its rendered template", async () => {
    await page.goto(`${at}/dags/whisper/trigger`);
    await page.getByRole("button", { name: "Trigger" }).click();
    await page.waitForURL(/\/runs\//);
    await page.getByRole("link", { name: "say", exact: true }).click();
    await page.getByRole("log").getByText("the password is ***").first().waitFor();
    must(!(await page.content()).includes(SECRET), "the log holds the secret");
    await page.getByRole("link", { name: "Rendered" }).click();
    await page.getByText("echo the password is ***").waitFor();
    must(!(await page.content()).includes(SECRET), "the rendered template holds the secret");
  });
  await person.check("a variable is deleted after a question", async () => {
    await page.goto(`${at}/variables`);
    await press(page, page.getByRole("row", { name: /judged_password/ }).getByRole("button", { name: "Delete" }), { asks: true });
    await told(page, "judged_password is deleted");
    await becomes(() => page.getByRole("row", { name: /judged_password/ }).count(), (count) => count === 0, "the rows");
  });
}

async function connections(person, page) {
  const { orchestrator: at } = person;
  await person.check("a connection is set, its password is never shown, and it is deleted", async () => {
    await page.goto(`${at}/connections`);
    await page.getByRole("textbox", { name: "Connection id" }).fill("judged_api");
    await page.getByRole("combobox", { name: "Type" }).selectOption("http");
    await page.getByRole("textbox", { name: "Host" }).fill("127.0.0.1");
    await page.getByRole("spinbutton", { name: "Port" }).fill("8089");
    await page.getByRole("textbox", { name: "Password" }).fill(SECRET);
    await page.getByRole("button", { name: "Set the connection" }).click();
    await told(page, "judged_api is set");
    const row = page.getByRole("row", { name: /judged_api/ });
    await row.getByText("127.0.0.1").waitFor();
    await row.getByRole("link", { name: "Edit" }).click();
    await page.waitForURL(/edit=/);
    must(!(await page.content()).includes(SECRET), "the password is in the page");
    await press(page, row.getByRole("button", { name: "Delete" }), { asks: true });
    await told(page, "judged_api is deleted");
  });
}

async function rest(person, page) {
  const { orchestrator: at } = person;
  await person.check("a pool is added and deleted", async () => {
    await page.goto(`${at}/pools`);
    await page.getByRole("textbox", { name: "Name" }).fill("judged");
    await page.getByRole("spinbutton", { name: "Slots" }).fill("3");
    await page.getByRole("button", { name: "Set the pool" }).click();
    await told(page, "judged has 3 slots");
    await press(page, page.getByRole("row", { name: /judged/ }).getByRole("button", { name: "Delete" }), { asks: true });
    await told(page, "judged is deleted");
  });
  await person.check("the effective configuration says where each setting comes from", async () => {
    await page.goto(`${at}/configuration`);
    await page.getByRole("row", { name: /orchestrator\.unpaused.*user_automation/ }).waitFor({ timeout: 3_000 });
  });
}

/** A page of somebody with a password. */
async function as(person, name, password) {
  const page = await person.page({ stranger: true });
  await page.goto(`${person.orchestrator}/login`);
  await page.getByRole("textbox", { name: /name/i }).fill(name);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  return page;
}

/** What the server says to a form that the page does not offer. */
const sends = (page, address, form = {}) => page.request.post(address, {
  form, maxRedirects: 0, headers: { origin: new URL(address).origin },
}).then((answer) => answer.status());

async function users(person, page) {
  const { orchestrator: at, center } = person;
  let viewer;
  await person.check("a viewer is added, signs in, sees, and is refused what changes anything", async () => {
    await page.goto(`${at}/users`);
    await page.getByRole("textbox", { name: "Name" }).fill("vera");
    await page.getByRole("textbox", { name: "Password" }).fill("vera's long password");
    await page.locator("#f-role").selectOption("Viewer");
    await page.getByRole("button", { name: "Add the user" }).click();
    await told(page, "vera is added");
    viewer = await as(person, "vera", "vera's long password");
    await viewer.getByRole("heading", { name: "DAGs", level: 1 }).waitFor();
    await viewer.goto(`${at}/dags/hello`);
    await viewer.getByRole("heading", { name: "hello", level: 1 }).waitFor();
    same(await viewer.getByRole("link", { name: "Trigger" }).count(), 0, "the number of trigger buttons");
    must(await viewer.getByRole("switch").first().isDisabled(), "the switch can be pressed");
    for (const place of ["/dags/hello/trigger", "/users"]) {
      same((await viewer.request.get(at + place)).status(), 403, `${place} for a viewer`);
    }
    for (const place of ["/dags/hello/trigger", "/dags/hello/pause", "/variables", "/users"]) {
      same(await sends(viewer, at + place, { name: "x", paused: "true" }), 403, `a form to ${place} by a viewer`);
    }
    same(await sends(viewer, `${center}/topics/create`, { name: "x" }), 403, "a topic by a viewer");
    await viewer.goto(`${at}/users`);
    await viewer.getByText(/may not|not permitted|role/i).first().waitFor();
  });
  await person.check("an operations user triggers, and sees no secrets", async () => {
    await page.goto(`${at}/users`);
    await page.getByRole("combobox", { name: "Role of vera" }).selectOption("OperationsUser");
    await told(page, "vera has the role OperationsUser");
    await viewer.goto(`${at}/dags/hello/trigger`);
    await viewer.getByRole("button", { name: "Trigger" }).click();
    await viewer.waitForURL(/\/runs\//);
    for (const place of ["/variables", "/connections", "/users"]) {
      same((await viewer.request.get(at + place)).status(), 403, `${place} for an operations user`);
    }
  });
  await person.check("another site's page can neither trigger nor look", async () => {
    const foreign = { form: {}, maxRedirects: 0, headers: { origin: "http://evil.example" } };
    same((await page.request.post(`${at}/dags/hello/trigger`, foreign)).status(), 403, "a form from elsewhere");
    const named = await page.request.get(`${at}/dags`, { headers: { host: "evil.example" } });
    must(named.status() === 421 || named.status() === 403, `a foreign Host is answered with ${named.status()}`);
  });
  await person.check("a user who is removed is signed out at once", async () => {
    await page.goto(`${at}/users`);
    await press(page, page.getByRole("row", { name: /vera/ }).getByRole("button", { name: "Remove" }), { asks: true });
    await told(page, "vera is removed");
    await viewer.goto(`${at}/dags`);
    await viewer.waitForURL(/\/login/);
    await viewer.context().close();
  });
}

async function account(person, page) {
  const { orchestrator: at } = person;
  await person.check("an API token is made, works, and is revoked", async () => {
    await page.goto(`${at}/account`);
    await page.getByRole("textbox", { name: "Name of a new token" }).fill("judge");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByText(/not be shown again|only now|once/i).first().waitFor();
    const token = (await page.locator("main").innerText()).match(/[\w-]{40,}(?:\.[\w-]+)*/)?.[0];
    must(token, "no token is shown");
    const asks = async () => {
      const answer = await fetch(`${at}/api/v2/dags`, { headers: { authorization: `Bearer ${token}` } });
      return answer.status;
    };
    same(await asks(), 200, "the answer to the token");
    await page.goto(`${at}/account`);
    await press(page, page.getByRole("button", { name: /Revoke/ }), { asks: true });
    await becomes(asks, (status) => status === 401, "the answer to the token");
  });
  await person.check("who signs out is signed out, and signs in again with a password", async () => {
    await page.goto(`${at}/users`);
    await page.getByRole("textbox", { name: "Name" }).fill("otto");
    await page.getByRole("textbox", { name: "Password" }).fill("otto's long password");
    await page.locator("#f-role").selectOption("User");
    await page.getByRole("button", { name: "Add the user" }).click();
    await told(page, "otto is added");
    const otto = await as(person, "otto", "otto's long password");
    await otto.getByRole("button", { name: "Sign out" }).click();
    await otto.waitForURL(/\/login/);
    await otto.goto(`${at}/dags`);
    await otto.waitForURL(/\/login/);
    await otto.context().close();
    const wrong = await as(person, "otto", "a wrong password");
    await wrong.getByText(/wrong|do not fit|no such|not right/i).first().waitFor();
    await wrong.context().close();
  });
}

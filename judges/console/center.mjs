// The console as a person uses it: pipelines, streams, topics, messages, groups, brokers, tables, CQL, SQL.
import { becomes, mark, marked, must, press, same, told } from "./person.mjs";

const TOPIC = "judged.notes";

export async function center(person) {
  const page = await person.page();
  await pipelines(person, page);
  await topics(person, page);
  await messages(person, page);
  await topicEnd(person, page);
  await groups(person, page);
  await cluster(person, page);
  await tables(person, page);
  await person.check("nothing failed and nothing was loaded from elsewhere while the console was used", async () => {
    same(page.wrong.join("; "), "", "what went wrong");
  });
  await page.context().close();
}

const number = (text) => Number((text ?? "").replace(/[^\d.]/g, ""));

async function pipelines(person, page) {
  const { center: at } = person;
  await person.check("the console knows who signed in at the DAGs", async () => {
    await page.goto(`${at}/`);
    await page.locator(".who-name").getByText("admin").first().waitFor();
  });
  await person.check("a pipeline is one page from DAG to table, with the slowest hop named", async () => {
    await page.goto(`${at}/pipelines/created_users`);
    await page.getByText(/The slowest hop is/).waitFor();
    for (const word of ["users_created", "spark_streams.created_users", "spark_streams.users_per_minute"]) {
      await page.getByText(word).first().waitFor();
    }
    await page.getByText(/Latency of created_users/).waitFor();
  });
  await person.check("a stream's page counts on without a reload, in Spark's names", async () => {
    await page.goto(`${at}/streams`);
    await page.getByRole("link", { name: "created_users", exact: true }).first().click();
    await page.getByText("Executor slots").waitFor();
    await mark(page);
    const read = () => page.getByText(/read in total/).first().innerText().then(number);
    const before = await read();
    await becomes(read, (now) => now > before, "the number of records read");
    await marked(page);
  });
}

async function topics(person, page) {
  const { center: at } = person;
  await person.check("a topic is checked without being made, and then made", async () => {
    await page.goto(`${at}/topics`);
    await page.getByRole("link", { name: "New topic" }).click();
    const form = page.locator("form[action$='/topics/create']");
    await form.getByRole("textbox", { name: "Name" }).fill(TOPIC);
    await form.getByRole("spinbutton", { name: "Partitions" }).fill("2");
    await form.getByRole("checkbox", { name: "Only check" }).check();
    await form.getByRole("button", { name: "Create topic" }).click();
    await told(page, "can be created");
    must(!(await (await page.request.get(`${at}/topics?q=${TOPIC}`)).text()).includes(`/topics/${TOPIC}"`), "it was made");
    await page.goto(`${at}/topics/new?name=${TOPIC}&partitions=2`);
    await page.getByRole("button", { name: "Create topic" }).click();
    await page.getByRole("heading", { name: TOPIC, level: 1 }).waitFor();
  });
  await person.check("a topic is found by a part of its name", async () => {
    await page.goto(`${at}/topics`);
    await page.getByRole("searchbox", { name: "Search topics" }).last().fill("notes");
    await page.keyboard.press("Enter");
    await becomes(() => page.locator("main table tbody tr").count(), (count) => count === 1, "the rows");
    await page.getByRole("link", { name: TOPIC }).click();
    await page.getByRole("heading", { name: TOPIC, level: 1 }).waitFor();
  });
  await person.check("a topic's config is changed and given back its default", async () => {
    await page.goto(`${at}/topics/${TOPIC}/configs`);
    const row = page.getByRole("row", { name: /^retention\.ms/ });
    await row.getByText("Edit").click();
    await row.getByRole("textbox").fill("3600000");
    await row.getByRole("button", { name: "Set" }).click();
    await told(page, "retention.ms is 3600000 now");
    await row.getByText("this topic").waitFor();
    // The form stays open where it was.
    if (!(await row.getByRole("textbox").isVisible())) await row.getByText("Edit").click();
    await row.getByRole("button", { name: "Use default" }).click();
    await told(page, "retention.ms has its default again");
    await becomes(() => row.innerText(), (text) => !text.includes("this topic"), "the row");
  });
  await person.check("partitions are added", async () => {
    await page.goto(`${at}/topics/${TOPIC}`);
    await page.getByRole("link", { name: "Change" }).click();
    const dialog = page.getByRole("dialog", { name: "Change the topic" });
    await dialog.getByRole("spinbutton", { name: "Partitions in all" }).fill("3");
    await dialog.getByRole("button", { name: "Add partitions" }).click();
    await told(page, "has 3 partitions");
    await page.goto(`${at}/topics/${TOPIC}/partitions`);
    same(await page.locator("main table tbody tr").count(), 3, "the number of partitions");
  });
}

/** Writes a message by the page of its own. */
async function produce(page, at, key, value, headers = "") {
  await page.goto(`${at}/topics/${TOPIC}/produce`);
  const form = page.locator("main form[action$='/produce']").first();
  await form.locator("[name=key]").fill(key);
  await form.locator("[name=partition]").selectOption("1");
  await form.locator("[name=value]").fill(value);
  await form.locator("[name=headers]").fill(headers);
  await form.getByRole("button", { name: "Produce" }).click();
  await told(page, /offset \d+/);
}

async function messages(person, page) {
  const { center: at } = person;
  const place = `${at}/topics/${TOPIC}/messages`;
  const values = (where = page) => where.locator(".message-value").allInnerTexts();
  await person.check("a message that is produced appears in a live tail on another page", async () => {
    const tail = await person.page();
    await tail.goto(`${at}/topics/${TOPIC}`);
    await tail.getByRole("link", { name: "Follow live" }).click();
    await tail.locator("#live[data-state=live]").waitFor();
    await mark(tail);
    for (const [key, word] of [["a", "first"], ["b", "second"], ["c", "third"]]) {
      await produce(page, at, key, JSON.stringify({ word, count: 1 }), "by: judge");
    }
    await becomes(() => values(tail), (found) => ["first", "second", "third"].every((word) => found.join().includes(word)), "the tail");
    await marked(tail);
    same(tail.wrong.join("; "), "", "what went wrong");
    await tail.context().close();
  });
  await person.check("a message opens with its key, its laid-out JSON and its headers", async () => {
    await page.goto(place);
    const message = page.locator("details.message").filter({ hasText: "second" });
    await message.locator("summary").click();
    await message.locator("pre.content").filter({ hasText: /"word": "second"/ }).waitFor();
    await message.getByText("judge", { exact: true }).waitFor();
    await message.getByRole("link", { name: "Its own page" }).click();
    await page.getByText(/"word": "second"/).first().waitFor();
  });
  await person.check("messages are found by offset, time and text", async () => {
    await page.goto(place);
    await page.getByRole("combobox", { name: "Partition" }).first().selectOption("1");
    await page.getByRole("combobox", { name: "From" }).selectOption("offset");
    await page.getByRole("spinbutton", { name: "Offset" }).fill("1");
    await page.getByRole("button", { name: "Look" }).click();
    await becomes(() => values(), (found) => found.length === 2 && !found.join().includes("first"), "the messages from offset 1");
    await page.goto(place);
    await page.getByRole("combobox", { name: "From" }).selectOption("time");
    await page.getByLabel("Time, UTC").fill(new Date(Date.now() + 3_600_000).toISOString().slice(0, 19));
    await page.getByRole("button", { name: "Look" }).click();
    await page.getByText("No messages here").waitFor();
    await page.getByLabel("Time, UTC").fill(new Date(Date.now() - 3_600_000).toISOString().slice(0, 19));
    await page.getByRole("button", { name: "Look" }).click();
    await becomes(() => values(), (found) => found.length === 3, "the messages of the last hour");
    await page.goto(place);
    await page.getByRole("searchbox", { name: "Search key, value, headers" }).fill("third");
    await page.getByRole("button", { name: "Look" }).click();
    await becomes(() => values(), (found) => found.length === 1 && found[0].includes("third"), "the messages with the text");
  });
  await person.check("every part of a topic's page has its content", async () => {
    for (const [part, word] of [["partitions", "Leader"], ["consumers", "millstream.created_users"],
      ["producers", "Producer id"], ["configs", "cleanup.policy"], ["charts", "second"]]) {
      await page.goto(`${at}/topics/users_created/${part}`);
      await page.locator("main").getByText(word).first().waitFor();
    }
  });
}

async function topicEnd(person, page) {
  const { center: at } = person;
  await person.check("records of a topic are deleted after a question", async () => {
    await page.goto(`${at}/topics/${TOPIC}/change`);
    const form = page.locator("main form[action$='/records/delete']").first();
    await press(page, form.getByRole("button", { name: "Delete records" }), { asks: true });
    await told(page, "All records are deleted");
    await page.goto(`${at}/topics/${TOPIC}/messages?from=oldest`);
    await page.getByText("No messages here").waitFor();
  });
  await person.check("a topic is deleted only by who types its name", async () => {
    await page.goto(`${at}/topics/${TOPIC}/change`);
    const form = page.locator(`main form[action$='/${TOPIC}/delete']`).first();
    await form.getByRole("textbox").fill("another");
    await form.getByRole("button", { name: "Delete topic" }).click();
    await page.getByText(/nothing was deleted/i).first().waitFor();
    await page.goto(`${at}/topics/${TOPIC}/change`);
    await form.getByRole("textbox").fill(TOPIC);
    await form.getByRole("button", { name: "Delete topic" }).click();
    await told(page, `Topic ${TOPIC} is deleted`);
    page.wrong = page.wrong.filter((line) => !/status of 4|^4\d\d .*\/delete$/.test(line));
  });
}

async function groups(person, page) {
  const { center: at } = person;
  const group = "judged-readers";
  await person.check("a group's lag is told in records and in time", async () => {
    await page.goto(`${at}/groups`);
    await page.getByRole("link", { name: "millstream.created_users" }).click();
    await page.getByRole("columnheader", { name: "Lag, time" }).waitFor();
    same(await page.getByRole("row", { name: /^users_created/ }).count(), 4, "the number of partitions");
  });
  await person.check("a reset shows first what it will do, and then does exactly that", async () => {
    await page.goto(`${at}/groups/${group}/reset?topic=users_created&to=earliest`);
    await page.getByRole("heading", { name: "Preview" }).waitFor();
    same(await page.getByText("begins here").count(), 4, "the number of partitions of the preview");
    same((await page.request.get(`${at}/groups/${group}`)).status(), 404, "the group before");
    page.wrong = page.wrong.filter((line) => !line.includes(group));
    await page.getByRole("button", { name: "Commit these offsets" }).click();
    await told(page, "goes on at its new offsets in 4 partitions");
    await page.goto(`${at}/groups/${group}/reset`);
    await page.getByRole("combobox", { name: "Go on at" }).selectOption("shift");
    await page.getByRole("spinbutton", { name: "Number" }).fill("5");
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByText("5 skipped").first().waitFor();
    await page.getByRole("button", { name: "Commit these offsets" }).click();
    await told(page, "goes on at its new offsets");
    const row = page.getByRole("row", { name: /^users_created 0 5 / });
    await row.waitFor();
  });
  await person.check("a group is deleted by who types its name", async () => {
    await page.goto(`${at}/groups/${group}`);
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Delete the group" });
    await dialog.getByRole("textbox").fill(group);
    await dialog.getByRole("button", { name: "Delete group" }).click();
    await told(page, /is deleted/);
  });
}

async function cluster(person, page) {
  const { center: at } = person;
  await person.check("brokers, the controller, the quorum and a broker's disk are told", async () => {
    await page.goto(`${at}/brokers`);
    await page.getByText("Metadata quorum (KRaft)").waitFor();
    await page.getByRole("row", { name: /Node 1.*leader/ }).waitFor();
    await page.getByRole("link", { name: "Broker 1" }).first().click();
    await page.getByText(/free of/).waitFor();
    await page.getByText("advertised.listeners").first().waitFor();
  });
  await person.check("transactions and producers are told", async () => {
    await page.goto(`${at}/transactions`);
    await page.getByRole("link", { name: "millstream.created_users" }).click();
    await page.getByText("Producer epoch").waitFor();
  });
}

async function tables(person, page) {
  const { center: at } = person;
  let id;
  await person.check("keyspaces, the ring, a table's columns and its rows are told", async () => {
    await page.goto(`${at}/tables`);
    await page.getByRole("heading", { name: "Ring" }).waitFor();
    await page.getByRole("link", { name: "created_users" }).click();
    await page.getByRole("row", { name: /id uuid partition key/ }).waitFor();
    await becomes(() => page.getByRole("region", { name: "Rows" }).locator("tbody tr").count(), (count) => count > 5, "the rows");
    id = await page.getByRole("region", { name: "Rows" }).locator("tbody td").first().innerText();
  });
  await person.check("one user is found by a statement, and a wrong one is told with its reason", async () => {
    await page.goto(`${at}/cql`);
    await page.getByRole("textbox", { name: "Statement" }).fill(`SELECT first_name, email FROM spark_streams.created_users WHERE id = ${id}`);
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText(/@/).first().waitFor();
    await page.getByRole("textbox", { name: "Statement" }).fill("SELECT nothing_like_it FROM spark_streams.created_users");
    await page.getByRole("button", { name: "Run" }).click();
    await page.locator("main").getByText(/nothing_like_it/).nth(1).waitFor();
    page.wrong = page.wrong.filter((line) => !/status of 4|^4\d\d .*\/cql$/.test(line));
  });
  await person.check("SQL counts the users of the table and of the topic by country, and a wrong name is told", async () => {
    await page.goto(`${at}/sql`);
    const statement = page.getByRole("textbox", { name: "Statement" });
    const run = () => page.getByRole("button", { name: "Run" }).click();
    await statement.fill("SELECT u.location.country AS country, count(*) AS users FROM users u JOIN created_users c ON u.login.uuid = c.id GROUP BY country ORDER BY users DESC");
    await run();
    await page.getByRole("columnheader", { name: "country" }).waitFor();
    await becomes(() => page.getByRole("region", { name: "Rows" }).locator("tbody tr").count(), (count) => count > 2, "the countries");
    await statement.fill("SELECT count(*) FROM user");
    await run();
    await page.locator("main").getByText(/users/).last().waitFor();
    page.wrong = page.wrong.filter((line) => !/status of 4|^4\d\d .*\/sql$/.test(line));
  });
  await person.check("a message of the topic leads to its row in the table", async () => {
    await page.goto(`${at}/topics/users_created/messages?q=${id}`);
    await page.locator(".message-value").first().waitFor();
  });
}

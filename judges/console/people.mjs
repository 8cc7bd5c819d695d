// Uses every page as a person would, in headless Chromium, and looks at every page in both themes and widths.
//
//   node people.mjs LINK CONSOLE PROJECT [--only dags,people,center,broken,looks] [--shots DIRECTORY]
//
// LINK is what `millstream up` printed, CONSOLE is http://localhost:9021, PROJECT is its directory; the
// project is examples/users with dags/judged.yml among its dags. CHROMIUM names the browser. Prints
// `ok SENTENCE` or `FAIL SENTENCE: why` and ends with 0 if all hold. Bounded: at most twenty-five minutes.
import { parseArgs } from "node:util";
import { dags } from "./orchestrator.mjs";
import { people } from "./admin.mjs";
import { center } from "./center.mjs";
import { broken } from "./broken.mjs";
import { looks } from "./looks.mjs";
import { Person } from "./person.mjs";

const PARTS = { dags, people, center, broken, looks };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, shots: { type: "string" } },
});
const [link, control, project] = positionals;
const wanted = values.only?.split(",") ?? Object.keys(PARTS);
const unknown = wanted.filter((name) => !(name in PARTS));
if (!project || unknown.length > 0) {
  console.error(project ? `no part named ${unknown}; there are ${Object.keys(PARTS)}` : "say LINK CONSOLE PROJECT");
  process.exit(2);
}
setTimeout(() => { console.log("FAIL all pages are used within twenty-five minutes: timed out"); process.exit(1); }, 1_500_000).unref();

const person = new Person({ link, console: control, project });
await person.start();
// Whoever begins in the middle signs in first.
if (!wanted.includes("dags")) await person.signIn();
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.includes(name)) await part(person, values);
}
await person.browser.close();
process.exit(person.failed === 0 ? 0 : 1);

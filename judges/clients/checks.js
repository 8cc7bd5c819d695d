// What every judge written for Node shares; see judge.py for the lines it prints.
"use strict";

const crypto = require("node:crypto");
const util = require("node:util");

const CHECK_MILLISECONDS = 90000;

class Judge {
  constructor() {
    [this.name, this.kafka, this.cassandra, this.work] = process.argv.slice(2);
    this.suffix = crypto.randomBytes(4).toString("hex");
    this.count = 0;
  }

  unique(stem) {
    return `judge_${stem}_${this.suffix}`;
  }

  async check(what, body) {
    this.count += 1;
    let timer;
    const expired = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${CHECK_MILLISECONDS} ms`)), CHECK_MILLISECONDS);
    });
    try {
      await Promise.race([body(), expired]);
      console.log(`ok ${this.name} ${what}`);
    } catch (error) {
      const words = String((error && error.stack) || error).split(/\s+/).join(" ").slice(0, 600);
      console.log(`FAIL ${this.name} ${what}: ${words}`);
    } finally {
      clearTimeout(timer);
    }
  }

  finish() {
    console.log(`done ${this.name} ${this.count}`);
    process.exit(0);
  }
}

function equal(got, expected, what = "") {
  if (!util.isDeepStrictEqual(got, expected)) {
    throw new Error(`${what} got ${util.inspect(got)}, expected ${util.inspect(expected)}`);
  }
}

function holds(condition, why) {
  if (!condition) throw new Error(why);
}

module.exports = { Judge, equal, holds };

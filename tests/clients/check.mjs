// check.mjs: a test is a name and a function; the first failure of each is told, the rest goes on.
import assert from "node:assert/strict";

const tests = [];

export { assert };

export function test(name, run) {
  tests.push({ name, run });
}

export async function runAll(client) {
  let failed = 0;
  for (const { name, run } of tests) {
    try {
      await run();
      console.log(`ok ${client}: ${name}`);
    } catch (error) {
      failed++;
      console.log(`not ok ${client}: ${name}\n${String(error.stack ?? error).replace(/^/gm, "    ")}`);
    }
  }
  process.exit(failed ? 1 : 0);
}

// A tool that the small model knows, and one that nobody knows.
export const weather = {
  name: "get_weather",
  description: "Tells the weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string", maxLength: 20 }, days: { type: "integer", minimum: 1, maximum: 5 } },
    required: ["city", "days"],
    additionalProperties: false,
  },
};

export function checkWeather(text) {
  const call = JSON.parse(text);
  assert.equal(typeof call.city, "string");
  assert.ok(call.city.length <= 20);
  assert.ok(Number.isInteger(call.days) && call.days >= 1 && call.days <= 5);
  assert.deepEqual(Object.keys(call).sort(), ["city", "days"]);
}

export const animal = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12 },
    legs: { type: "integer", minimum: 0, maximum: 8 },
    tame: { type: "boolean" },
  },
  required: ["name", "legs", "tame"],
  additionalProperties: false,
};

export function checkAnimal(text) {
  const value = JSON.parse(text);
  assert.deepEqual(Object.keys(value).sort(), ["legs", "name", "tame"]);
  assert.ok(value.name.length >= 1 && value.name.length <= 12);
  assert.ok(Number.isInteger(value.legs) && value.legs >= 0 && value.legs <= 8);
  assert.equal(typeof value.tame, "boolean");
}

// served.mjs: the page as weir serve sends it, and a real model behind it.
import { readFile } from "node:fs/promises";
import { assert, runAll, test } from "./check.mjs";
import { startFake } from "./fake_server.mjs";
import { ask, pageData, ready, servedAt, texts, withPage } from "./kit.mjs";

test("is the file that was built, under a policy that allows nothing else", async () => {
  const reply = await fetch(servedAt);
  assert.equal(reply.status, 200);
  assert.equal(await reply.text(), await readFile(`${pageData}.html`, "utf8"));
  assert.equal(reply.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(reply.headers.get("content-security-policy"), (await startFake(pageData)).policy);
  assert.equal(reply.headers.get("x-content-type-options"), "nosniff");
  assert.equal(reply.headers.get("referrer-policy"), "no-referrer");
  assert.equal(reply.headers.get("cache-control"), "no-cache");
});

test("is not sent again to those who have it", async () => {
  const tag = (await fetch(servedAt)).headers.get("etag");
  const status = async (tags) => (await fetch(servedAt, { headers: { "If-None-Match": tags } })).status;
  assert.match(tag, /^"[0-9a-f]{32}"$/);
  for (const tags of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) assert.equal(await status(tags), 304, tags);
  for (const tags of ['"x"', tag.slice(0, -2), "", '"']) assert.equal(await status(tags), 200, tags);
});

test("talks to the model", () =>
  withPage(servedAt, {}, async (page) => {
    await ready(page);
    await ask(page, "Who are you?");
    assert.equal(await page.locator(".fault").count(), 0);
    assert.ok((await page.innerText(".answer .text")).length > 10);
    await ask(page, "Tell me a story.");
    assert.match(await page.innerText("article:last-child .meta"), /tok\/s.*prompt \d+, \d+ reused/);
    assert.match(await page.innerText("#context"), /of 1,024/);
    await page.click("#settings");
    await page.waitForSelector("#facts .meter");
    assert.match(await page.innerText("#facts"), /Weights[\s\S]*MB[\s\S]*Context[\s\S]*1,024/);
  }));

test("has it call a tool, and take a result", () =>
  withPage(servedAt, {}, async (page) => {
    await ready(page);
    await page.click("#settings");
    await page.click("#tools-example");
    await page.fill("#knob-temperature", "0");
    await ask(page, "What is the weather in Oslo?");
    assert.deepEqual(await texts(page, ".call .name span"), ["get_weather"]);
    await page.fill("#result-0", '{"sky": "rain"}');
    await page.click(".results [type=submit]");
    await page.waitForFunction(() => document.querySelectorAll(".answer:not(.is-live)").length === 2);
    assert.equal(await page.locator(".fault").count(), 0);
  }));

test("has it write JSON of a form", () =>
  withPage(servedAt, {}, async (page) => {
    await ready(page);
    await page.click("#examples button >> nth=2");
    await page.waitForSelector(".answer:not(.is-live) pre", { timeout: 20000 });
    assert.deepEqual(Object.keys(JSON.parse(await page.innerText(".answer pre"))).sort(), [
      "legs",
      "name",
      "tame",
    ]);
  }));

await runAll("served");

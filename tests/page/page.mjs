// page.mjs: what people do with the page, one test each.
import { readFile } from "node:fs/promises";
import { assert, runAll, test } from "./check.mjs";
import { attack, startFake } from "./fake_server.mjs";
import { ask, idle, pageData, ready, texts, until, withPage } from "./kit.mjs";

const fake = await startFake(pageData);
const at = (options, use) => withPage(fake.address, options, use);
const lastRequest = () => fake.requests.at(-1);

test("streams an answer, and tells counts and context", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "hello there");
    assert.deepEqual(await texts(page, ".bubble"), ["hello there"]);
    assert.deepEqual(await texts(page, ".answer .text"), ["You said: hello there"]);
    assert.match(await page.innerText(".answer .meta"), /5 tokens .*first after .*prompt \d+, \d+ reused/);
    assert.match(await page.innerText("#context"), /\d+ of 2,048/);
    assert.deepEqual(lastRequest(), {
      messages: [{ role: "user", content: "hello there" }],
      stream: true,
      stream_options: { include_usage: true },
      model: "weir-nano",
    });
  }));

test("shows tokens as they come, and Escape stops and tells the server", () =>
  at({}, async (page) => {
    await ready(page);
    const gone = fake.gone;
    await page.fill("#input", "a slow one");
    await page.press("#input", "Enter");
    await until(page, () => document.querySelector(".is-live .text")?.innerText.length > 40);
    assert.match(await page.innerText(".quiet"), /tokens? · .*tok\/s/);
    assert.equal(await page.getAttribute("#send", "aria-label"), "Stop");
    await page.keyboard.press("Escape");
    await idle(page);
    const text = await page.innerText(".answer .text");
    assert.ok(text.length > 40 && text.length < 2000);
    assert.match(await page.innerText(".answer .note"), /Stopped/);
    await page.waitForTimeout(100);
    assert.equal(fake.gone, gone + 1);
    assert.equal(await page.innerText(".answer .text"), text);
  }));

test("an edited message is a branch beside the old one", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "first");
    await ask(page, "second");
    await page.hover(".user >> nth=0");
    await page.click(".user >> nth=0 >> .edit");
    await page.fill(".editor textarea", "other");
    await page.press(".editor textarea", "Enter");
    await until(page, () => document.querySelectorAll("article").length === 2);
    await idle(page);
    assert.deepEqual(await texts(page, ".answer .text"), ["You said: other"]);
    assert.equal(await page.innerText(".branch > span"), "2/2");
    assert.deepEqual(lastRequest().messages, [{ role: "user", content: "other" }]);
    await page.click(".branch .prev");
    assert.deepEqual(await texts(page, ".answer .text"), ["You said: first", "You said: second"]);
    await page.reload();
    await ready(page);
    assert.deepEqual(await texts(page, ".bubble"), ["first", "second"]);
    await page.click(".branch .next");
    assert.deepEqual(await texts(page, ".bubble"), ["other"]);
    // What is asked now goes on from the branch that is shown.
    await ask(page, "more");
    assert.deepEqual(
      lastRequest().messages.map((m) => m.content),
      ["other", "You said: other", "more"],
    );
  }));

test("an answer again is a branch of the same question", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "again please");
    await page.click('.answer [aria-label="Answer again"]');
    await until(page, () => document.querySelector(".answer .branch")?.innerText.includes("2/2"));
    await idle(page);
    assert.equal(lastRequest().messages.length, 1);
    await page.click(".answer .prev");
    assert.equal(await page.innerText(".answer .branch > span"), "1/2");
  }));

test("drops from a message on, gives its words back, and can be undone", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "one");
    await ask(page, "two");
    await page.hover(".user >> nth=1");
    await page.click('.user >> nth=1 >> [aria-label="Drop from here"]');
    assert.deepEqual(await texts(page, ".bubble"), ["one"]);
    assert.equal(await page.inputValue("#input"), "two");
    await page.click("#toast button");
    assert.deepEqual(await texts(page, ".bubble"), ["one", "two"]);
    assert.equal(await page.inputValue("#input"), "");
  }));

test("keeps conversations and drafts over a reload", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "keep me");
    await page.fill("#input", "half a thought");
    await page.click("#new");
    assert.equal(await page.inputValue("#input"), "");
    await page.fill("#input", "of a new one");
    await page.reload();
    await ready(page);
    assert.equal(await page.inputValue("#input"), "of a new one");
    await page.click(".chat .open");
    assert.deepEqual(await texts(page, ".answer .text"), ["You said: keep me"]);
    assert.equal(await page.inputValue("#input"), "half a thought");
    assert.deepEqual(await texts(page, "#list .open span"), ["keep me"]);
  }));

test("an answer that a reload cut off says so", () =>
  at({}, async (page) => {
    await ready(page);
    await page.fill("#input", "a slow one");
    await page.press("#input", "Enter");
    await page.waitForTimeout(1500);
    await page.reload();
    await ready(page);
    assert.match(await page.innerText(".answer .note"), /Interrupted/);
    assert.ok((await page.innerText(".answer .text")).length > 100);
  }));

test("lists, searches, renames, deletes and brings back", () =>
  at({}, async (page) => {
    await ready(page);
    for (const text of ["about apples", "about pears", "the story of plums"]) {
      await page.click("#new");
      await ask(page, text);
    }
    assert.equal(await page.locator(".chat").count(), 3);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("you said: about pe");
    assert.deepEqual(await texts(page, "#list .open span"), ["about pears"]);
    assert.equal(await page.innerText("#list mark"), "You said: about pe");
    await page.keyboard.press("Enter");
    assert.equal(await page.innerText("#title"), "about pears");
    await page.fill("#find", "");
    await page.hover(".chat.is-open");
    await page.click('.chat.is-open [aria-label="Rename"]');
    await page.keyboard.type("Pears, renamed");
    await page.keyboard.press("Enter");
    assert.equal(await page.innerText("#title"), "Pears, renamed");
    await page.hover(".chat.is-open");
    await page.click('.chat.is-open [aria-label="Delete"]');
    assert.equal(await page.locator(".chat").count(), 2);
    assert.equal(await page.locator("article").count(), 0);
    await page.click("#toast button");
    assert.equal(await page.innerText("#title"), "Pears, renamed");
    await page.hover(".chat.is-open");
    await page.click('.chat.is-open [aria-label="Delete"]');
    await page.reload();
    await ready(page);
    assert.deepEqual((await texts(page, "#list .open span")).sort(), ["about apples", "the story of plums"]);
  }));

test("tool calls are shown and answered by hand", () =>
  at({}, async (page) => {
    await ready(page);
    await page.click("#settings");
    await page.click("#tools-example");
    assert.match(await page.innerText("#tools-say"), /get_weather/);
    await page.click("#panel-close");
    await ask(page, "weather, both");
    assert.equal(lastRequest().tools[0].function.name, "get_weather");
    assert.deepEqual(await texts(page, ".call .name span"), ["get_weather", "get_time"]);
    assert.match(await page.innerText(".call >> nth=0"), /city\s+Oslo\s+days\s+2/);
    assert.equal(await page.locator(".results textarea").count(), 2);
    await page.fill("#result-0", "rain");
    await page.press("#result-0", "Enter");
    await page.keyboard.type("noon");
    await page.reload(); // what was typed is a draft
    await ready(page);
    assert.equal(await page.inputValue("#result-0"), "rain");
    await page.click(".results [type=submit]");
    await until(page, () => document.querySelectorAll(".answer").length === 2);
    await idle(page);
    assert.deepEqual(await texts(page, ".tools pre"), ["rain", "noon"]);
    assert.equal(await page.innerText(".answer >> nth=1 >> .text"), "The tool said: rain / noon");
    const [, called, one, two] = lastRequest().messages;
    assert.deepEqual(
      called.tool_calls.map((call) => call.id),
      [one.tool_call_id, two.tool_call_id],
    );
    assert.equal(called.tool_calls[0].function.arguments, '{"city": "Oslo", "days": 2}');
    // Another result is another branch.
    await page.hover("article.tools");
    await page.click("article.tools .edit");
    await page.fill("#result-0", "snow");
    await page.click(".results [type=submit]");
    await until(page, () => document.querySelector("article.tools .branch")?.innerText.includes("2/2"));
    await idle(page);
    assert.equal(await page.innerText(".answer >> nth=1 >> .text"), "The tool said: snow / noon");
  }));

test("a schema goes along, and a bad one is told before anything is sent", () =>
  at({}, async (page) => {
    await ready(page);
    await page.click("#settings");
    await page.fill("#schema", '{"type": ');
    assert.match(await page.innerText("#schema-say"), /^Schema: /);
    const n = fake.requests.length;
    await page.fill("#input", "a cat");
    await page.press("#input", "Enter");
    assert.match(await page.innerText("#toast"), /^Schema: /);
    assert.equal(fake.requests.length, n);
    assert.equal(await page.inputValue("#input"), "a cat");
    await page.fill("#schema", '{"type": "object"}');
    await page.press("#input", "Enter");
    await until(page, () => document.querySelector(".answer:not(.is-live) .block"));
    assert.deepEqual(lastRequest().response_format, {
      type: "json_schema",
      json_schema: { name: "answer", schema: { type: "object" } },
    });
    assert.deepEqual(JSON.parse(await page.innerText(".answer pre")), { name: "Tom", legs: 4, tame: true });
  }));

test("system prompt, sampling and model go along when they are touched", () =>
  at({}, async (page) => {
    await ready(page);
    await page.click("#settings");
    await page.fill("#system", "Be brief.");
    assert.equal(await page.getAttribute("#knob-temperature", "placeholder"), "0.3");
    await page.fill("#knob-temperature", "0.7");
    await page.fill("#knob-top_k", "40");
    await page.fill("#knob-seed", "9");
    await page.fill("#knob-top_p", "1.5");
    assert.equal(await page.getAttribute("#knob-top_p", "aria-invalid"), "true");
    await page.selectOption("#model", "pirate");
    await ask(page, "x");
    const { messages, temperature, top_k, seed, top_p, model } = lastRequest();
    assert.deepEqual(
      { temperature, top_k, seed, top_p, model },
      { temperature: 0.7, top_k: 40, seed: 9, top_p: undefined, model: "pirate" },
    );
    assert.deepEqual(messages[0], { role: "system", content: "Be brief." });
    await page.click("#reset");
    await ask(page, "y");
    assert.equal(lastRequest().temperature, undefined);
    assert.match(
      await page.innerText("#facts"),
      /11\.5 MB, q8_0[\s\S]*2,048 tokens[\s\S]*25 % of 4,096[\s\S]*1 running, 2 waiting/,
    );
  }));

test("thoughts are folded", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "think");
    assert.equal(await page.locator(".think > div").isVisible(), false);
    await page.click(".think summary");
    assert.match(await page.innerText(".think > div"), /^First I consider/);
    assert.equal(await page.innerText(".answer .text"), "Forty-two.");
  }));

test("errors are one line with a way to try again", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "too long");
    assert.equal(await page.innerText(".fault span"), "the prompt has 5000 tokens, the context 2048 req_7");
    fake.busy = 1;
    await ask(page, "busy");
    assert.match(
      await page.innerText("article:last-child .fault"),
      /the queue is full \(free again in about 3\.0 s\)/,
    );
    await page.click("article:last-child .fault button");
    await until(
      page,
      () => document.querySelector("article:last-child .text")?.innerText === "You said: busy",
    );
    await idle(page);
    assert.equal(await page.locator(".user").count(), 2);
    await ask(page, "break in the middle of this");
    assert.match(await page.innerText("article:last-child .fault"), /connection broke/);
    assert.match(await page.innerText("article:last-child .text"), /You said/);
  }));

test("a key is asked for, kept for the tab, and what was asked goes on", async () => {
  fake.key = "sesame";
  try {
    await at({}, async (page, context) => {
      await page.waitForSelector("#key[open]");
      await page.keyboard.press("Escape");
      await page.fill("#input", "with a key");
      await page.press("#input", "Enter");
      await page.waitForSelector("#key[open]");
      await page.fill("#key-value", "wrong");
      await page.press("#key-value", "Enter");
      await until(page, () => /does not take/.test(document.querySelector("#key[open] p")?.innerText));
      await page.fill("#key-value", "sesame");
      await page.press("#key-value", "Enter");
      await until(page, () => document.querySelector(".answer .text")?.innerText === "You said: with a key");
      await page.reload();
      await ready(page);
      assert.equal(
        await page.evaluate(() => Object.values(localStorage).some((value) => value.includes("sesame"))),
        false,
      );
      const other = await context.newPage();
      await other.goto(fake.address);
      await other.waitForSelector("#key[open]");
    });
  } finally {
    fake.key = "";
  }
});

test("waits for a server that is loading", async () => {
  fake.isLoading = true;
  await at({}, async (page) => {
    await page.waitForSelector("#state[data-state=loading]");
    assert.match(await page.innerText("#banner"), /loading/);
    fake.isLoading = false;
    await ready(page);
    assert.equal(await page.isVisible("#banner"), false);
  });
});

test("nothing that is said becomes markup", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, attack);
    await ask(page, "attack");
    await page.click("article:last-child .think summary");
    await page.fill("#find", "<img");
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("#log :is(img, script, iframe, style, form)").count(), 0);
    assert.equal(await page.locator("#log :is([onerror], [onload], [onclick], [onmouseover])").count(), 0);
    const links = await page.locator("#log a").evaluateAll((all) => all.map((a) => [a.protocol, a.rel]));
    assert.ok(links.every(([protocol, rel]) => protocol === "https:" && rel.includes("noopener")));
  }));

test("the policy stands even if the page had a hole", () =>
  at({}, async (page, context, complaints) => {
    await ready(page);
    const held = await page.evaluate(() => {
      const script = document.createElement("script");
      const tries = [
        () => {
          document.body.innerHTML = "<b>x</b>";
        },
        () => {
          script.text = "window.hit = 1";
        },
      ];
      return tries.filter((attempt) => {
        try {
          attempt();
          return false;
        } catch {
          return true;
        }
      }).length;
    });
    assert.equal(held, 2);
    assert.equal(
      await page.evaluate(() =>
        fetch("https://example.org/").then(
          () => "out",
          () => "held",
        ),
      ),
      "held",
    );
    assert.ok(complaints.length >= 3);
    complaints.length = 0;
  }));

test("goes out as JSON and comes in again, foreign files too", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "export me");
    await page.click('.answer [aria-label="Answer again"]');
    await until(page, () => document.querySelector(".answer .branch"));
    await idle(page);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
    assert.equal(download.suggestedFilename(), "export-me.json");
    const buffer = await readFile(await download.path());
    const load = (name, text) =>
      page.setInputFiles("#file", { name, mimeType: "application/json", buffer: Buffer.from(text) });
    await load("a.json", buffer);
    await until(page, () => document.querySelectorAll(".chat").length === 2);
    assert.equal(await page.innerText(".answer .branch > span"), "2/2");
    await load(
      "b.json",
      JSON.stringify({
        messages: [
          { role: "system", content: "S" },
          { role: "user", content: "hi" },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "c1", function: { name: "f", arguments: "{}" } }],
          },
          { role: "tool", tool_call_id: "c1", content: "r" },
          { role: "assistant", content: "done" },
        ],
      }),
    );
    await until(page, () => document.querySelectorAll(".chat").length === 3);
    assert.deepEqual(await texts(page, ".tools pre"), ["r"]);
    assert.equal(await page.innerText("article:last-child .text"), "done");
    for (const bad of [
      "{",
      "{}",
      '{"messages": [{"role": "king"}]}',
      '{"messages": [{"role": "user", "id": "a", "parent": "a"}]}',
    ]) {
      await load("c.json", bad);
      await until(page, () =>
        /JSON|no conversation/.test(document.querySelector("#toast:not([hidden])")?.innerText),
      );
      await page.evaluate(() => {
        document.querySelector("#toast").hidden = true;
      });
    }
    assert.equal(await page.locator(".chat").count(), 3);
  }));

test("everything by keyboard", () =>
  at({}, async (page) => {
    await ready(page);
    assert.equal(await page.evaluate(() => document.activeElement.id), "input");
    await page.keyboard.type("line one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("line two");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector(".answer:not(.is-live)"));
    assert.deepEqual(await texts(page, ".bubble"), ["line one\nline two"]);
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.inputValue(".editor textarea"), "line one\nline two");
    await page.keyboard.press("Escape");
    assert.match(await page.evaluate(() => document.activeElement.className), /edit/);
    await page.keyboard.press("Enter");
    await page.keyboard.type(" three");
    await page.keyboard.press("Enter");
    await until(page, () => document.querySelector(".branch")?.innerText.includes("2/2"));
    await idle(page);
    await page.focus(".branch .prev");
    await page.keyboard.press("Enter");
    assert.deepEqual(await texts(page, ".bubble"), ["line one\nline two"]);
    assert.match(await page.evaluate(() => document.activeElement.className), /next/);
    await page.keyboard.press("Control+k");
    await page.keyboard.press("Enter"); // no words: a new conversation
    assert.equal(await page.locator("article").count(), 0);
    await page.keyboard.press("Control+k");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".bubble").count(), 1);
    // Focus can be seen wherever it goes.
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement);
        return (
          document.activeElement === document.body ||
          style.outlineStyle !== "none" ||
          document.activeElement.closest(":is(#composer, .find)") !== null
        );
      });
      assert.ok(seen, `focus ${i}`);
    }
  }));

test("names and roles for screen readers", () =>
  at({}, async (page) => {
    await ready(page);
    await ask(page, "hello");
    const nameless = await page
      .locator("button, input, textarea, select")
      .evaluateAll((all) =>
        all
          .filter(
            (node) =>
              node.checkVisibility() &&
              !node.innerText.trim() &&
              !node.getAttribute("aria-label") &&
              !node.labels?.length &&
              node.getAttribute("aria-hidden") !== "true",
          )
          .map((node) => node.outerHTML),
      );
    assert.deepEqual(nameless, []);
    assert.equal((await page.textContent("#live")).trim(), "You said: hello");
    assert.equal(await page.locator("[role=log]").count(), 1);
    assert.equal(await page.locator("main").count(), 1);
  }));

test("fits a phone: drawer, touch, no sideways scrolling", () =>
  at({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }, async (page) => {
    await ready(page);
    await page.fill("#input", "Show markdown");
    await page.tap("#send");
    await until(page, () => document.querySelector(".answer:not(.is-live) table"));
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390));
    const size = await page.locator("#send").boundingBox();
    assert.ok(size.width >= 40 && size.height >= 40 && size.y + size.height <= 844);
    assert.equal(await page.locator("#side").isVisible(), false);
    await page.tap("#menu");
    await page.locator("#side").waitFor({ state: "visible" });
    await page.tap("#new");
    await page.locator("#side").waitFor({ state: "hidden" });
    assert.equal(await page.locator("article").count(), 0);
    await page.tap("#settings");
    await page.locator("#panel").waitFor({ state: "visible" });
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#panel").isVisible(), false);
  }));

test("is dark where the system is, and where it is told to be, and readable in both", async () => {
  const contrast = (page, selector) =>
    page.evaluate((what) => {
      const light = (text) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext(
          "2d",
        );
        canvas.fillStyle = text;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((c) =>
          c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
        );
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const a = light(getComputedStyle(document.querySelector(what)).color);
      const b = light(getComputedStyle(document.body).backgroundColor);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }, selector);
  for (const colorScheme of ["light", "dark"]) {
    await at({ colorScheme }, async (page) => {
      await ready(page);
      await ask(page, "hello");
      assert.ok((await contrast(page, ".answer .text")) > 12);
      for (const what of [".meta", "#words", "#state", "#list h2"])
        assert.ok((await contrast(page, what)) > 4.5, `${what} in ${colorScheme}`);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const before = await ground();
      await page.click("#theme");
      if (colorScheme === "light") await page.click("#theme");
      assert.notEqual(await ground(), before);
      await page.reload();
      assert.notEqual(await ground(), before);
    });
  }
});

test("does not move where no motion is wanted", () =>
  at({ reducedMotion: "reduce" }, async (page) => {
    await ready(page);
    await page.fill("#input", "a slow one");
    await page.press("#input", "Enter");
    await page.waitForSelector(".pulse");
    assert.equal(
      await page.evaluate(() => getComputedStyle(document.querySelector(".pulse")).animationName),
      "none",
    );
  }));

test("two conversations are answered at once, two tabs see the same", () =>
  at({}, async (page, context) => {
    await ready(page);
    await page.fill("#input", "a slow one");
    await page.press("#input", "Enter");
    await page.waitForSelector(".is-live");
    await page.click("#new");
    await ask(page, "quick");
    assert.equal(await page.locator(".chat .live").count(), 1);
    const other = await context.newPage();
    await other.goto(fake.address);
    await ready(other);
    await ask(other, "from the other tab");
    await until(page, () => document.querySelectorAll("#log .bubble").length === 2);
  }));

await runAll("page");

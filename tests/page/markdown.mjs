// markdown.mjs: what Markdown looks like, case by case, and that no text takes long.
import { assert, runAll, test } from "./check.mjs";
import { startFake } from "./fake_server.mjs";
import { ask, pageData, ready, withPage } from "./kit.mjs";

const fake = await startFake(pageData);

const cases = [
  ["plain\nand more", "<p>plain<br>and more</p>"],
  ["one\n\ntwo", "<p>one</p><p>two</p>"],
  [
    "**a** *b* _c_ __d__ ~~e~~ `f`",
    "<p><strong>a</strong> <em>b</em> <em>c</em> <strong>d</strong> <s>e</s> <code>f</code></p>",
  ],
  ["***a*** **b *c* d**", "<p><strong><em>a</em></strong> <strong>b <em>c</em> d</strong></p>"],
  ["snake_case_name 2 * 3 * 4 a ** b", "<p>snake_case_name 2 * 3 * 4 a ** b</p>"],
  ["\\*not\\* `` a`b `` `open", "<p>*not* <code>a`b</code> `open</p>"],
  ["# A\n## B #\n###### C\n####### D", "<h1>A</h1><h2>B</h2><h6>C</h6><p>####### D</p>"],
  ["- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"],
  ["3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'],
  ["- a\n\n  more\n- b", "<ul><li><p>a</p><p>more</p></li><li><p>b</p></li></ul>"],
  ["text\n- a\n- b\n\nafter", "<p>text</p><ul><li>a</li><li>b</li></ul><p>after</p>"],
  [
    "1. a\n   ```\n   x\n   ```\n2. b",
    /^<ol><li>a<div class="block">.*<code>x<\/code>.*<\/li><li>b<\/li><\/ol>$/,
  ],
  ["> a\n> b\n\nc", "<blockquote><p>a<br>b</p></blockquote><p>c</p>"],
  ["---", "<hr>"],
  ["```py\n<b>x</b>\n```", /<span>py<\/span>.*<code>&lt;b&gt;x&lt;\/b&gt;<\/code>/],
  ["```\nnever closed", /<code>never closed<\/code>/],
  [
    "| a | b |\n|---|:-:|\n| 1 | `x\\|y` |",
    /<th>a<\/th><th class="center">b<\/th>.*<td>1<\/td><td class="center"><code>x\|y<\/code><\/td>/,
  ],
  ["a | b", "<p>a | b</p>"],
  [
    "[t](https://e.org/?a=1&b=2)",
    '<p><a href="https://e.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">t</a></p>',
  ],
  ["[t](javascript:x) [u](//e.org) [v](mailto:a@b)", "<p>[t](javascript:x) [u](//e.org) [v](mailto:a@b)</p>"],
  [
    "<https://e.org> (https://e.org/a).",
    /<p><a href="https:\/\/e.org\/".*>https:\/\/e.org<\/a> \(<a href="https:\/\/e.org\/a".*>https:\/\/e.org\/a<\/a>\)\.<\/p>/,
  ],
  ["<b>&amp;</b>", "<p>&lt;b&gt;&amp;amp;&lt;/b&gt;</p>"],
];

const heavy = [
  "*",
  "**",
  "_",
  "`",
  "[",
  "![",
  "[a](",
  "<",
  "> ",
  "- ",
  "1. ",
  "| ",
  "|-",
  "~~",
  "\\",
  "*a ",
  "**a ",
  "`a ",
  "``a`",
  "- a\n ",
  "> a\n",
];

test("every form of it", () =>
  withPage(fake.address, {}, async (page) => {
    await ready(page);
    for (const [text, expected] of cases) {
      await page.click("#new");
      fake.raw = text;
      await ask(page, "raw");
      const html = await page.locator(".answer .text").evaluate((node) => node.innerHTML);
      if (expected instanceof RegExp) assert.match(html, expected, text);
      else assert.equal(html, expected, text);
    }
  }));

test("no text takes long", () =>
  withPage(fake.address, {}, async (page) => {
    await ready(page);
    for (const piece of heavy) {
      for (const text of [
        piece.repeat(20000 / piece.length),
        Array.from({ length: 400 }, (_, i) => " ".repeat(i % 40) + piece).join("\n"),
      ]) {
        await page.click("#new");
        const begun = performance.now();
        fake.raw = text;
        await ask(page, "raw");
        const took = performance.now() - begun;
        assert.ok(took < 5000, `${JSON.stringify(piece)} took ${Math.round(took)} ms`);
        await page.click(".chat.is-open .open");
        await page.keyboard.press("Delete");
      }
    }
  }));

await runAll("markdown");

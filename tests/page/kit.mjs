// kit.mjs: a browser, and pages that must not complain.
import { chromium } from "playwright-core";
import { assert } from "./check.mjs";

export const [, , executablePath, pageData, servedAt] = process.argv;
const browser = await chromium.launch({
  executablePath,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});

/** Opens the page in a fresh browser context, and fails if the page throws, breaks its own policy or
 * asks for anything outside. A test that means to break it empties `complaints`. */
export async function withPage(address, options, use) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(message.text()))
      complaints.push(message.text());
  });
  const outside = [];
  page.on("request", (request) => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(address))
      outside.push(request.url());
  });
  try {
    await page.goto(address);
    await use(page, context, complaints);
    assert.deepEqual(complaints, []);
    assert.deepEqual(outside, []);
  } finally {
    await context.close();
  }
}

export const ready = (page) => page.waitForSelector("#state[data-state=ready]");
export const idle = (page) => page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
export const texts = (page, selector) => page.locator(selector).allInnerTexts();
/** Waits until the page says so. */
export const until = (page, what, ...rest) => page.waitForFunction(what, ...rest);

export async function ask(page, text) {
  const before = await page.locator("article.answer").count();
  await page.fill("#input", text);
  await page.press("#input", "Enter");
  await until(page, (n) => document.querySelectorAll("article.answer").length > n, before);
  await idle(page);
}

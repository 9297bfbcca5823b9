// anthropic.mjs: the @anthropic-ai/sdk package: messages, stream, tools, counting.
import Anthropic from "@anthropic-ai/sdk";
import { assert, checkWeather, runAll, test, weather } from "./check.mjs";

const client = new Anthropic({ baseURL: process.argv[2], apiKey: "none", maxRetries: 0 });
const story = [{ role: "user", content: "Tell me a story about a brave little mouse." }];
const greedy = { model: "weir-nano", temperature: 0 };
const tools = [{ name: weather.name, description: weather.description, input_schema: weather.parameters }];

test("answers", async () => {
  const reply = await client.messages.create({ ...greedy, messages: story, max_tokens: 60, system: "You are kind." });
  assert.equal(reply.type, "message");
  assert.equal(reply.content[0].type, "text");
  assert.ok(reply.content[0].text.length > 20);
  assert.ok(["end_turn", "max_tokens"].includes(reply.stop_reason));
  assert.ok(reply.usage.input_tokens > 0 && reply.usage.output_tokens > 0);
});

test("streams the same text", async () => {
  const request = { ...greedy, messages: story, max_tokens: 60 };
  const whole = await client.messages.create(request);
  const message = await client.messages.stream(request).finalMessage();
  assert.equal(message.content[0].text, whole.content[0].text);
  assert.equal(message.stop_reason, whole.stop_reason);
});

test("ends at stop sequences", async () => {
  const request = { ...greedy, messages: story, max_tokens: 60 };
  const text = (await client.messages.create(request)).content[0].text;
  const word = text.split(" ")[6];
  const cut = await client.messages.create({ ...request, stop_sequences: [word] });
  assert.equal(cut.stop_reason, "stop_sequence");
  assert.equal(cut.stop_sequence, word);
});

test("uses tools, and takes their results", async () => {
  const messages = [{ role: "user", content: "What is the weather in Oslo?" }];
  const reply = await client.messages.create({
    ...greedy, messages, tools, tool_choice: { type: "any" }, max_tokens: 120 });
  assert.equal(reply.stop_reason, "tool_use");
  const use = reply.content.find((block) => block.type === "tool_use");
  checkWeather(JSON.stringify(use.input));
  const after = await client.messages.create({
    ...greedy, tools, max_tokens: 60,
    messages: [...messages, { role: "assistant", content: reply.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "rain, 7 degrees" }] }] });
  assert.ok(after.content.length >= 1);
});

test("streams the input of tools", async () => {
  const message = await client.messages.stream({
    ...greedy, tools, tool_choice: { type: "tool", name: "get_weather" }, max_tokens: 120,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }] }).finalMessage();
  checkWeather(JSON.stringify(message.content.find((block) => block.type === "tool_use").input));
});

test("counts tokens as the answer does", async () => {
  const counted = await client.messages.countTokens({ model: "weir-nano", messages: story });
  const reply = await client.messages.create({ ...greedy, messages: story, max_tokens: 1 });
  assert.equal(counted.input_tokens, reply.usage.input_tokens + (reply.usage.cache_read_input_tokens ?? 0));
});

test("refuses in the shape of the API", async () => {
  await assert.rejects(client.messages.create({ ...greedy, messages: [], max_tokens: 5 }),
    (error) => error.status === 400 && error.error.type === "error");
});

await runAll("anthropic");

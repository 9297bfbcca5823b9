// openai.mjs: the openai package: chat, stream, tools, structured output, responses, completions.
import OpenAI from "openai";
import { animal, assert, checkAnimal, checkWeather, runAll, test, weather } from "./check.mjs";

const client = new OpenAI({ baseURL: `${process.argv[2]}/v1`, apiKey: "none", maxRetries: 0 });
const story = [{ role: "user", content: "Tell me a story about a brave little mouse." }];
const tools = [{ type: "function", function: weather }];
const greedy = { model: "weir-nano", temperature: 0 };

test("lists and finds its model", async () => {
  const { data } = await client.models.list();
  assert.ok(data.length >= 1);
  assert.equal((await client.models.retrieve(data[0].id)).id, data[0].id);
});

test("chats", async () => {
  const reply = await client.chat.completions.create({ ...greedy, messages: story, max_tokens: 60 });
  assert.ok(reply.choices[0].message.content.length > 20);
  assert.ok(["stop", "length"].includes(reply.choices[0].finish_reason));
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens);
});

test("streams the same text, and its usage", async () => {
  const request = { ...greedy, messages: story, max_tokens: 60 };
  const whole = await client.chat.completions.create(request);
  let text = "", finish = null, usage = null;
  const stream = await client.chat.completions.create({
    ...request, stream: true, stream_options: { include_usage: true } });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(finish, whole.choices[0].finish_reason);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  const again = await client.chat.completions.create(request);
  assert.ok(again.usage.prompt_tokens_details.cached_tokens >= 0);
});

test("gives several choices and their probabilities", async () => {
  const reply = await client.chat.completions.create({
    model: "weir-nano", messages: story, n: 3, seed: 7, temperature: 1, max_tokens: 12,
    logprobs: true, top_logprobs: 2 });
  assert.deepEqual(reply.choices.map((c) => c.index).sort(), [0, 1, 2]);
  for (const choice of reply.choices) {
    assert.ok(choice.logprobs.content.length > 0);
    for (const token of choice.logprobs.content) {
      assert.ok(token.logprob <= 0 && token.top_logprobs.length === 2);
      assert.ok(token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob);
    }
  }
});

test("ends before stop texts", async () => {
  const request = { ...greedy, messages: story, max_tokens: 60 };
  const whole = (await client.chat.completions.create(request)).choices[0].message.content;
  const word = whole.split(" ")[6];
  const cut = await client.chat.completions.create({ ...request, stop: [word] });
  assert.equal(cut.choices[0].finish_reason, "stop");
  assert.equal(cut.choices[0].message.content, whole.slice(0, whole.indexOf(word)));
});

test("calls the tool that is asked for, and takes its result", async () => {
  const messages = [{ role: "user", content: "What is the weather in Oslo?" }];
  const reply = await client.chat.completions.create({
    ...greedy, messages, tools, tool_choice: { type: "function", function: { name: "get_weather" } },
    max_tokens: 120 });
  const [choice] = reply.choices;
  assert.equal(choice.finish_reason, "tool_calls");
  assert.equal(choice.message.tool_calls[0].function.name, "get_weather");
  checkWeather(choice.message.tool_calls[0].function.arguments);
  const after = await client.chat.completions.create({
    ...greedy, tools, max_tokens: 60,
    messages: [...messages, choice.message,
      { role: "tool", tool_call_id: choice.message.tool_calls[0].id, content: '{"sky": "rain"}' }] });
  assert.ok(after.choices[0].message);
});

test("streams calls", async () => {
  const stream = client.chat.completions.stream({
    ...greedy, tools, tool_choice: "required", max_tokens: 120,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }] });
  const message = await stream.finalMessage();
  assert.equal(message.tool_calls[0].type, "function");
  checkWeather(message.tool_calls[0].function.arguments);
});

test("calls nothing with tool_choice none", async () => {
  const reply = await client.chat.completions.create({
    ...greedy, tools, tool_choice: "none", max_tokens: 40,
    messages: [{ role: "user", content: "What is the weather in Oslo?" }] });
  assert.equal(reply.choices[0].message.tool_calls, undefined);
});

test("writes what a schema wants", async () => {
  for (const temperature of [0, 1.3]) {
    const reply = await client.chat.completions.create({
      model: "weir-nano", temperature, seed: 3, max_tokens: 120,
      messages: [{ role: "user", content: "Describe a goat as JSON." }],
      response_format: { type: "json_schema", json_schema: { name: "animal", strict: true, schema: animal } } });
    assert.equal(reply.choices[0].finish_reason, "stop");
    checkAnimal(reply.choices[0].message.content);
  }
});

test("refuses a schema that it cannot enforce, by its pointer", async () => {
  await assert.rejects(client.chat.completions.create({
    ...greedy, messages: story,
    response_format: { type: "json_schema", json_schema: { name: "x", schema: {
      type: "object", properties: { a: { not: { type: "string" } } } } } } }),
  (error) => error.status === 400 && /properties\/a/.test(error.message + error.param));
});

test("refuses what is too long, with the numbers", async () => {
  await assert.rejects(client.chat.completions.create({
    ...greedy, messages: [{ role: "user", content: "word ".repeat(3000) }] }),
  (error) => error.status === 400 && error.code === "context_length_exceeded" && /1024/.test(error.message));
});

test("stops when the client leaves", async () => {
  const stream = await client.chat.completions.create({
    model: "weir-nano", messages: story, max_tokens: 900, stream: true,
    extra_body: undefined });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break; // aborts the request
  }
});

test("completes texts and ids, with echo", async () => {
  const reply = await client.completions.create({
    ...greedy, prompt: "Once upon a time", max_tokens: 8, logprobs: 1, echo: true });
  const { logprobs, text } = reply.choices[0];
  assert.ok(text.startsWith("Once upon a time"));
  assert.equal(logprobs.token_logprobs[0], null);
  assert.equal(logprobs.tokens.length, logprobs.token_logprobs.length);
  const many = await client.completions.create({
    ...greedy, prompt: ["Once upon a time", "The fox"], max_tokens: 4, n: 1 });
  assert.deepEqual(many.choices.map((c) => c.index).sort(), [0, 1]);
});

test("answers through responses, and goes on from one", async () => {
  const first = await client.responses.create({
    ...greedy, input: "Who are you?", max_output_tokens: 40 });
  assert.ok(first.output_text.length > 0);
  const second = await client.responses.create({
    ...greedy, input: "Tell me a story.", previous_response_id: first.id, max_output_tokens: 30 });
  assert.ok(second.usage.input_tokens > first.usage.input_tokens);
});

test("streams responses", async () => {
  const stream = await client.responses.create({
    ...greedy, input: "Who are you?", max_output_tokens: 40, stream: true });
  const events = [];
  let text = "";
  for await (const event of stream) {
    events.push(event.type);
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(events[0], "response.created");
  assert.ok(["response.completed", "response.incomplete"].includes(events.at(-1)));
  assert.ok(text.length > 0);
});

await runAll("openai");

// ai.mjs: the ai package with an OpenAI-compatible provider: text, stream, tools, objects.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, streamText, tool } from "ai";
import { animal, assert, checkAnimal, checkWeather, runAll, test, weather } from "./check.mjs";

const provider = createOpenAICompatible({
  name: "weir", baseURL: `${process.argv[2]}/v1`, apiKey: "none", supportsStructuredOutputs: true });
const model = provider("weir-nano");
const prompt = "Tell me a story about a brave little mouse.";
const settings = { model, temperature: 0, maxRetries: 0 };

test("generates text", async () => {
  const { text, usage } = await generateText({ ...settings, prompt, maxOutputTokens: 60 });
  assert.ok(text.length > 20);
  assert.ok(usage.outputTokens > 0);
});

test("streams the same text", async () => {
  const whole = await generateText({ ...settings, prompt, maxOutputTokens: 60 });
  let text = "";
  for await (const piece of streamText({ ...settings, prompt, maxOutputTokens: 60 }).textStream)
    text += piece;
  assert.equal(text, whole.text);
});

test("calls tools", async () => {
  const { toolCalls } = await generateText({
    ...settings, prompt: "What is the weather in Oslo?", maxOutputTokens: 120, toolChoice: "required",
    tools: { get_weather: tool({ description: weather.description, inputSchema: jsonSchema(weather.parameters) }) } });
  assert.equal(toolCalls[0].toolName, "get_weather");
  checkWeather(JSON.stringify(toolCalls[0].input));
});

test("generates objects", async () => {
  const { object } = await generateObject({
    ...settings, prompt: "Describe a goat.", schema: jsonSchema(animal), maxOutputTokens: 120 });
  checkAnimal(JSON.stringify(object));
});

await runAll("ai");

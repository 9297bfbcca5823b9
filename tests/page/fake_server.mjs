// fake_server.mjs: the API that the page talks to, without a model, and the page as the server
// sends it: what the last message of a request says decides what comes back.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const markdown = `# A heading

A paragraph with **bold**, *italic*, ***both***, ~~struck~~ and \`code <b>\`, and a
[link](https://example.org/a_b(c)?d=e) and https://example.org/plain.

- one
- two
  1. inner
  2. inner too

| Name | Legs |
| :--- | ---: |
| cat  | 4 |
| bird | 2 |

> quoted *text*

\`\`\`c
int main(void) {
    return a < b && b > c;
}
\`\`\`

Last line.`;

export const attack = `<img src=x onerror="window.hit=1"><script>window.hit=2</script>

[click](javascript:window.hit=3) [data](data:text/html,<script>window.hit=4</script>)
[tab](java\tscript:window.hit=5) ![pic](https://example.org/x.png" onload="window.hit=6)
<a href="javascript:window.hit=7">raw</a> <svg/onload=window.hit=8>

| <iframe srcdoc="<script>parent.hit=9</script>"> | b |
| --- | --- |
| <img src=x onerror=window.hit=10> | **<b onclick=window.hit=11>x</b>** |

\`\`\`"><script>window.hit=12</script>
</code></pre><script>window.hit=13</script>
\`\`\`

# <style>body{display:none}</style>
&lt;script&gt; &amp; [x](https://a.example/"onmouseover="window.hit=14)`;

const story =
  "Once there was a brave little mouse named Pip, who lived behind the kitchen wall of an old mill. " +
  "One evening the stream rose, and the wheel began to groan in the dark. Pip took a crumb of cheese " +
  "and a very small lamp, and climbed the stair that creaked.\n\n" +
  "At the top the gate of the weir had jammed. Pip was too small to lift it, so he gnawed at the rope " +
  "that held it, strand by strand, until it gave. The gate fell open, the water went where it wanted " +
  "to go, and the wheel was quiet again.\n\n" +
  "In the morning the miller found a frayed rope and one crumb of cheese. He left a whole slice there, " +
  "every evening from then on. ";

function say(server, body) {
  const last = body.messages.at(-1);
  const text = last.content ?? "";
  if (text === "raw") return { text: server.raw, isWhole: true };
  if (last.role === "tool")
    return {
      text: `The tool said: ${body.messages
        .filter((m) => m.role === "tool")
        .map((m) => m.content)
        .join(" / ")}`,
    };
  if (body.response_format) return { text: '{"name": "Tom", "legs": 4, "tame": true}' };
  if (/weather/.test(text) && body.tools)
    return {
      calls: [
        { name: "get_weather", arguments: '{"city": "Oslo", "days": 2}' },
        ...(/both/.test(text) ? [{ name: "get_time", arguments: '{"zone": {"name": "CET"}}' }] : []),
      ],
    };
  if (/think/.test(text))
    return { reasoning: "First I consider the question.\nThen I answer it.", text: "Forty-two." };
  if (/markdown/.test(text)) return { text: markdown };
  if (/attack/.test(text)) return { text: attack, reasoning: attack, warnings: [attack] };
  if (/story/.test(text)) return { text: story };
  if (/slow/.test(text)) return { text: story.repeat(20), ms: 15 };
  return { text: `You said: ${text}` };
}

async function chat(server, request, response, body) {
  server.requests.push(body);
  const text = body.messages.at(-1).content ?? "";
  const bad = (status, message, headers = {}) => {
    response.writeHead(status, { "Content-Type": "application/json", "X-Request-Id": "req_7", ...headers });
    response.end(JSON.stringify({ error: { message, type: "invalid_request_error", code: null } }));
  };
  if (/too long/.test(text)) return bad(400, "the prompt has 5000 tokens, the context 2048");
  if (/busy/.test(text) && server.busy-- > 0) return bad(429, "the queue is full", { "Retry-After": "3" });
  const reply = say(server, body);
  const pieces = reply.isWhole ? [reply.text] : ((reply.text ?? "").match(/\s*\S+|\s+$/g) ?? []);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  let isGone = false;
  response.on("close", () => {
    isGone = !response.writableEnded;
    if (isGone) server.gone++;
  });
  const chunk = (delta, rest = {}) =>
    response.write(
      `data: ${JSON.stringify({
        id: "chatcmpl-1",
        object: "chat.completion.chunk",
        model: body.model,
        choices: [{ index: 0, delta, finish_reason: null }],
        ...rest,
      })}\n\n`,
    );
  response.write(": still here\n\n");
  await sleep(server.wait);
  chunk({ role: "assistant", content: "" });
  for (const piece of (reply.reasoning ?? "").match(/\s*\S+/g) ?? []) {
    chunk({ reasoning_content: piece });
    await sleep(server.gap);
  }
  for (const [i, piece] of pieces.entries()) {
    if (isGone) return;
    chunk({ content: piece });
    await sleep(reply.ms ?? server.gap);
    if (/break/.test(text) && i > 2) {
      // what was written is to arrive
      await sleep(100);
      return response.destroy();
    }
  }
  for (const [index, call] of (reply.calls ?? []).entries())
    chunk({
      tool_calls: [
        { index, id: `call_${server.requests.length}_${index}`, type: "function", function: call },
      ],
    });
  const finish = reply.calls ? "tool_calls" : "stop";
  const prompt = (20 + JSON.stringify(body.messages).length) >> 2;
  const tokens = pieces.length + 1;
  response.write(
    `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: finish }], warnings: reply.warnings })}\n\n`,
  );
  response.write(
    `data: ${JSON.stringify({
      choices: [],
      usage: {
        prompt_tokens: prompt,
        completion_tokens: tokens,
        total_tokens: prompt + tokens,
        prompt_tokens_details: { cached_tokens: prompt >> 1 },
      },
    })}\n\n`,
  );
  response.end("data: [DONE]\n\n");
}

const metrics = `# TYPE weir_kv_usage_ratio gauge
weir_kv_usage_ratio{model_name="weir-nano"} 0.25
weir_kv_pages{model_name="weir-nano"} 64
weir_answers_running{model_name="weir-nano"} 1
weir_answers_waiting{model_name="weir-nano"} 2
`;

/** Starts it; page: FILE.html and FILE.c of cmake/embed.cmake. */
export async function startFake(page) {
  const html = await readFile(`${page}.html`);
  const data = await readFile(`${page}.c`, "utf8");
  const hash = (name) => new RegExp(`weir_page_${name}_hash\\[\\] = "([^"]+)"`).exec(data)[1];
  // As page.c writes it.
  const policy =
    `default-src 'none'; script-src '${hash("script")}'; style-src '${hash("style")}'; connect-src 'self'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'";
  const server = {
    requests: [],
    gone: 0,
    busy: 1,
    key: "",
    isLoading: false,
    wait: 30,
    gap: 3,
    raw: "",
    policy,
    models: [
      { id: "weir-nano", object: "model", meta: { n_params: 10800000, size: 11500000, file_type: "q8_0" } },
      { id: "pirate", object: "model", parent: "weir-nano" },
    ],
  };
  const json = (response, status, value) => {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(value));
  };
  const handler = async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    if (request.url === "/") {
      response.writeHead(200, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": server.policy,
      });
      return response.end(html);
    }
    if (server.key && request.headers.authorization !== `Bearer ${server.key}`)
      return json(response, 401, { error: { message: "a key is wanted", code: "invalid_api_key" } });
    if (server.isLoading)
      return json(response, 503, { error: { message: "the model is being loaded", code: "loading" } });
    if (request.url === "/v1/models") return json(response, 200, { object: "list", data: server.models });
    if (request.url === "/props")
      return json(response, 200, {
        default_generation_settings: {
          n_ctx: 2048,
          params: { temperature: "0.3", "top-k": "50", "repetition-penalty": "1.05", "max-tokens": "none" },
        },
        build_info: "weir 0.1.0",
      });
    if (request.url === "/metrics") {
      response.writeHead(200, { "Content-Type": "text/plain" });
      return response.end(metrics);
    }
    if (request.url === "/v1/chat/completions") return chat(server, request, response, JSON.parse(body));
    return json(response, 404, { error: { message: "there is nothing here" } });
  };
  const http = createServer((request, response) =>
    handler(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    }),
  );
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  server.address = `http://127.0.0.1:${http.address().port}`;
  server.close = () => {
    http.closeAllConnections();
    http.close();
  };
  return server;
}

if (process.argv[1].endsWith("fake_server.mjs")) console.log((await startFake(process.argv[2])).address);

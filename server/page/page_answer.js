// page_answer.js: from a conversation to a request, and from its stream to a message.
//
// Owns the answers that are being written: one a conversation, also of those that are not shown.
// Invariant: whatever ends a stream, its message is kept with what had come and says how it ended.

const runs = new Map(); // id of a conversation -> { message, controller, ... }
const KEEP_MS = 1000;
let isLeaving = false; // the page is being closed: streams break off without anybody's fault

/** A list of tools, however the field has it: with or without the shell of the chat API. Throws a line. */
function readTools(text) {
  if (!text.trim()) return [];
  const value = parseJson(text);
  if (value === undefined) throw new Error(`Tools: ${jsonFault(text)}`);
  const list = Array.isArray(value) ? value : [value];
  return list.map((tool, i) => {
    const f = isObject(tool?.function) ? tool.function : tool;
    if (!isObject(f) || !isWords(f.name)) throw new Error(`Tools: item ${i + 1} has no "name".`);
    return { type: "function", function: f };
  });
}

function readSchema(text) {
  if (!text.trim()) return null;
  const value = parseJson(text);
  if (value === undefined) throw new Error(`Schema: ${jsonFault(text)}`);
  if (!isObject(value)) throw new Error("Schema: an object was expected.");
  return value;
}

function jsonFault(text) {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return error.message
      .replace(/^JSON\.parse: /, "")
      .replace(/, (?:\.\.\.)?"[\s\S]*" is not valid JSON$/, "");
  }
}

/** The messages as the chat API wants them. Answers that failed before their first word are left out. */
function apiMessages(which, path) {
  const out = which.system.trim() ? [{ role: "system", content: which.system }] : [];
  for (const m of path) {
    if (m.role === "user") out.push({ role: "user", content: m.content });
    if (m.role === "tools")
      for (const r of m.results) out.push({ role: "tool", tool_call_id: r.id, content: r.content });
    if (m.role !== "assistant" || (!m.content && m.calls.length === 0)) continue;
    const said = { role: "assistant", content: m.content || null };
    if (m.reasoning) said.reasoning_content = m.reasoning;
    if (m.calls.length > 0)
      said.tool_calls = m.calls.map((call) => ({
        id: call.id,
        type: "function",
        function: { name: call.name, arguments: call.arguments || "{}" },
      }));
    out.push(said);
  }
  return out;
}

function requestOf(which, path) {
  const request = {
    messages: apiMessages(which, path),
    stream: true,
    stream_options: { include_usage: true },
  };
  const model = prefs.model || server.models[0]?.id;
  const tools = readTools(which.tools);
  const schema = readSchema(which.schema);
  if (model) request.model = model;
  for (const [name, value] of Object.entries(prefs.sampling))
    if (Number.isFinite(value)) request[name] = value;
  if (tools.length > 0) request.tools = tools;
  if (schema) request.response_format = { type: "json_schema", json_schema: { name: "answer", schema } };
  return request;
}

/** Has the model answer what ends at `parent`; false, with a word about it, where that cannot begin. */
function answer(which, parent) {
  if (runs.has(which.id)) return false;
  const path = [];
  for (let at = parent; at !== ROOT; at = path[0].parent)
    path.unshift(which.messages.find((m) => m.id === at));
  let request;
  try {
    request = requestOf(which, path);
  } catch (error) {
    toast(error.message, "Settings", () => showPanel(true));
    return false;
  }
  const message = addMessage(which, parent, "assistant", {
    reasoning: "",
    calls: [],
    notes: [],
    finish: "",
    isLive: true,
    model: request.model ?? "",
    isJson: Boolean(request.response_format),
  });
  const run = {
    message,
    controller: new AbortController(),
    begun: performance.now(),
    first: 0,
    last: 0,
    n: 0,
    thinkEnd: 0,
    isDone: false,
    kept: 0,
  };
  runs.set(which.id, run);
  keepChat(which);
  drawChat(which);
  drawList();
  stream(which, run, request);
  return true;
}

async function stream(which, run, request) {
  const { message } = run;
  try {
    const response = await ask("/v1/chat/completions", {
      method: "POST",
      signal: run.controller.signal,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
    });
    for await (const data of eventsOf(response)) {
      if (data === "[DONE]") run.isDone = true;
      else takeChunk(run, parseJson(data));
      const now = performance.now();
      if (now - run.kept > KEEP_MS) {
        run.kept = now;
        keepChat(which);
      }
      drawLive(which, run);
    }
    if (!run.isDone && !message.finish)
      throw new Fault("The connection broke before the answer was whole.", { status: 0 });
  } catch (error) {
    if (isLeaving) message.finish = "interrupted";
    else if (error.name === "AbortError" || run.controller.signal.aborted) message.finish = "stopped";
    else
      failRun(
        which,
        run,
        error instanceof Fault
          ? error
          : new Fault("The connection broke before the answer was whole.", { status: 0 }),
      );
  }
  endRun(which, run);
}

function failRun(which, run, fault) {
  run.message.finish = "failed";
  run.message.error = { text: fault.message, request: fault.request ?? "" };
  if (fault.status === 401) afterKey = () => retry(which, run.message);
  if (fault.status === 401 || fault.status === 503 || fault.status === 0) tellServer(fault);
}

function takeChunk(run, chunk) {
  const { message } = run;
  if (chunk?.error) throw new Fault(asText(chunk.error.message) || "The answer failed.", { status: 500 });
  for (const warning of Array.isArray(chunk?.warnings) ? chunk.warnings : [])
    if (!message.notes.includes(String(warning))) message.notes.push(String(warning));
  if (isObject(chunk?.usage)) run.usage = chunk.usage;
  if (chunk?.weir?.tokens_per_s > 0) run.rate = chunk.weir.tokens_per_s;
  const choice = chunk?.choices?.[0];
  if (!choice) return;
  const delta = choice.delta ?? {};
  const thought = asText(delta.reasoning_content ?? delta.reasoning);
  const text = asText(delta.content);
  const calls = Array.isArray(delta.tool_calls) ? delta.tool_calls : [];
  if (thought || text || calls.length > 0) {
    run.last = performance.now();
    run.first ||= run.last;
    run.n++;
    if (text || calls.length > 0) run.thinkEnd ||= run.last;
  }
  message.reasoning += thought;
  message.content += text;
  for (const part of calls) {
    const at = Number.isInteger(part.index) ? part.index : message.calls.length;
    const call = (message.calls[at] ??= { id: "", name: "", arguments: "", draft: "" });
    call.id ||= asText(part.id);
    call.name += asText(part.function?.name);
    call.arguments += asText(part.function?.arguments);
  }
  if (choice.finish_reason) message.finish = choice.finish_reason;
}

/** Counts and times, as far as they are known: while it runs a piece counts as a token. */
function statsOf(run, now = run.last) {
  const { usage, first, n } = run;
  const stats = { tokens: usage?.completion_tokens ?? n, total: (now - run.begun) / 1000 };
  if (first) stats.first = (first - run.begun) / 1000;
  if (n > 1 && run.last - first > 20) stats.rate = ((stats.tokens - 1) * 1000) / (run.last - first);
  else if (n > 1 && run.rate) stats.rate = run.rate; // it came all at once: what the server says
  if (run.thinkEnd && run.message.reasoning) stats.thought = (run.thinkEnd - first) / 1000;
  if (Number.isFinite(usage?.prompt_tokens)) stats.prompt = usage.prompt_tokens;
  const cached = usage?.prompt_tokens_details?.cached_tokens;
  if (Number.isFinite(cached)) stats.cached = cached;
  return stats;
}

function endRun(which, run) {
  const { message } = run;
  if (message.finish === "stopped" || message.finish === "failed") run.thinkEnd ||= run.last;
  message.calls = message.calls.filter(Boolean);
  for (const call of message.calls) call.id ||= `call_${makeId()}`;
  message.stats = statsOf(run, performance.now());
  delete message.isLive;
  runs.delete(which.id);
  which.updated = Date.now();
  if (chats.has(which.id)) keepChat(which);
  drawChat(which);
  drawList();
  if (which !== chat) return;
  say(message.error ? message.error.text : endWords(message));
  if (message.calls.length > 0 && document.activeElement === $("input") && !$("input").value)
    $("result-0")?.focus();
}

function endWords(message) {
  const calls = message.calls.map((call) => `The model calls ${call.name}.`).join(" ");
  return `${message.finish === "stopped" ? "Stopped. " : ""}${message.content.slice(0, 1000)} ${calls}`;
}

function stop(which) {
  runs.get(which.id)?.controller.abort();
}

/** The same again in its place. */
function retry(which, message) {
  if (runs.has(which.id)) return;
  dropMessage(which, message);
  if (!answer(which, message.parent)) drawChat(which);
}

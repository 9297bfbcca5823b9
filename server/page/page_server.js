// page_server.js: the server, as the page knows it: its HTTP API and nothing else.
//
// Owns the API key (of this tab only), the state of the server, and the reading of streams. Fields
// that a reply lacks are left out of the picture; no reply is trusted to have a shape.

class Fault extends Error {
  constructor(text, fields) {
    super(text);
    Object.assign(this, fields);
  }
}

const server = { state: "starting", words: "Connecting", models: [], facts: {}, live: {} };
let apiKey = "";
try {
  apiKey = sessionStorage.getItem("weir.key") ?? "";
} catch {
  /* a browser that keeps nothing */
}

function setKey(key) {
  apiKey = key;
  try {
    if (key) sessionStorage.setItem("weir.key", key);
    else sessionStorage.removeItem("weir.key");
  } catch {
    /* then it lives as long as the page */
  }
}

/** What a reply with a bad status says, in one line. */
async function faultOf(response) {
  const text = await response.text().catch(() => "");
  const said = parseJson(text)?.error;
  const wait = Number(response.headers.get("retry-after"));
  let line =
    asText(said?.message) ||
    asText(said) ||
    `The server said ${response.status} ${response.statusText}`.trim();
  if (response.status === 429 && wait > 0) line += ` (free again in about ${seconds(wait)})`;
  return new Fault(line, {
    status: response.status,
    code: asText(said?.code),
    wait,
    request: response.headers.get("x-request-id") ?? "",
  });
}

/** The reply, if it is a good one; else a Fault. Aborting is a DOMException, as fetch has it. */
async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey) headers.Authorization = `Bearer ${apiKey}`;
  let response;
  try {
    response = await fetch(path, { cache: "no-store", ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Fault("The server cannot be reached.", { status: 0 });
  }
  if (!response.ok) throw await faultOf(response);
  return response;
}

/** The data of server-sent events, one after the other. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        else if (line === "" && data.length > 0) {
          yield data.join("\n");
          data = [];
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/* ---- what the server says about itself ---- */

/** The first field of one of these names, in the object or in the objects inside it. */
function pickField(value, names, isRight) {
  for (const name of names) if (isObject(value) && isRight(value[name])) return value[name];
  for (const inner of Object.values(isObject(value) ? value : {})) {
    const found = isObject(inner) ? pickField(inner, names, isRight) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
const isPositive = (value) => Number.isFinite(value) && value > 0;
const isWords = (value) => typeof value === "string" && value !== "";

const SAMPLING = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens"];

function readFacts(props, model) {
  const all = { props, model };
  const usual = pickField(props, ["params"], isObject) ?? {};
  const named = (name) => parseFloat(usual[name] ?? usual[name.replaceAll("_", "-")]); // numbers stand as texts
  return {
    defaults: Object.fromEntries(
      SAMPLING.map((name) => [name, named(name)]).filter(([, value]) => Number.isFinite(value)),
    ),
    context: pickField(all, ["n_ctx", "max_model_len"], isPositive) ?? 0,
    weights: pickField(model, ["size"], isPositive) ?? 0,
    params: pickField(model, ["n_params"], isPositive) ?? 0,
    active: pickField(model, ["n_params_active"], isPositive) ?? 0,
    type: pickField(model, ["file_type"], isWords) ?? "",
    version: pickField(props, ["build_info"], isWords) ?? "",
  };
}

/** Values of Prometheus' text: those of one name are added up. */
function readMetrics(text) {
  const out = {};
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? ([-+.\deE]+)/.exec(line);
    if (found) out[found[1]] = (out[found[1]] ?? 0) + Number(found[2]);
  }
  return out;
}

function setServer(state, words) {
  if (server.state === state && server.words === words) return;
  Object.assign(server, { state, words });
  drawServer();
}

let serverTimer = 0;
function lookAgain(ms) {
  clearTimeout(serverTimer);
  serverTimer = setTimeout(lookAtServer, ms);
}

/** Once when the page opens, then again until the server is ready, and after every failure. */
async function lookAtServer() {
  clearTimeout(serverTimer);
  try {
    const list = (await (await ask("/v1/models")).json())?.data;
    server.models = (Array.isArray(list) ? list : []).filter((model) => isWords(model?.id));
    const props = await ask("/props")
      .then((response) => response.json())
      .catch(() => ({}));
    server.facts = readFacts(props, server.models[0]);
    if (!server.models.some((model) => model.id === prefs.model)) prefs.model = "";
    server.state = "ready";
    server.words = prefs.model || server.models[0]?.id || "Ready";
    drawServer();
  } catch (fault) {
    tellServer(fault);
  }
}

/** What a failure says about the server. */
function tellServer(fault) {
  if (fault.status === 401) {
    setServer("locked", "Key wanted");
    askForKey();
  } else if (fault.status === 503) {
    if (fault.code === "loading") setServer("loading", "Loading the model");
    else setServer("draining", "Not ready");
    lookAgain(1500);
  } else if (fault.status === 0 || server.state === "starting") {
    setServer("away", "Not reached");
    lookAgain(3000);
  }
}

/** Numbers that change: only while somebody looks at them. */
async function lookAtLoad() {
  if (server.state !== "ready") return;
  try {
    const values = readMetrics(await (await ask("/metrics")).text());
    server.live = {
      share: values.weir_kv_usage_ratio,
      room: values.weir_kv_pages * 64,
      running: values.weir_answers_running,
      waiting: values.weir_answers_waiting,
    };
    drawFacts();
  } catch {
    /* not every server tells */
  }
}

// rival.mjs CASE MODEL [options]: llama.cpp's side of bench/peer, through the npm package
// node-llama-cpp on the CPU. The cases, the options and the line of JSON are those of weir_bench.c,
// the token ids too; besides: --vocab N (how many ids there are) and --flash on|off.
//
// The steps go straight to the addon (llama_decode and llama_synchronize in one call), below the
// package's own queue of batches, whose cost is not llama.cpp's. Exits with 77 where there is no
// llama.cpp built for this machine, and prints nothing but the line.
import { existsSync, readFileSync, renameSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { getLlama, LlamaLogLevel, NoBinaryFoundError } from "node-llama-cpp";

const N_WARM = 64; // tokens of the run before the clock starts
const N_PROMPT = 16; // tokens before a parallel timeline decodes
const N_CTX_LOAD = 4096; // tokens of room in the cases load and memory

const [name, path, ...rest] = process.argv.slice(2);
const options = { n: 64, depth: 0, seqs: 1, threads: 0, batch: 512, reps: 1, "max-seconds": 10,
    vocab: 0, flash: "on", state: "" };
for (let i = 0; i < rest.length; i += 2) {
    const key = rest[i].replace(/^--/, "");
    if (!(key in options) || rest[i + 1] === undefined)
        quit(`unknown option '${rest[i]}', or one without a value`);
    options[key] = typeof options[key] === "number" ? Number(rest[i + 1]) : rest[i + 1];
}
if (!(options.vocab > 0) || !(options.threads > 0)) quit("--vocab and --threads are missing");
const seconds = [];
let extra = {};

function quit(text) {
    console.error(`rival: ${text}`);
    process.exit(1);
}

const now = () => performance.now() / 1000;

/** A line of /proc/self/status in bytes; 0 where the system does not tell. */
function statusBytes(key) {
    const found = readFileSync("/proc/self/status", "utf8").match(new RegExp(`^${key}:\\s*(\\d+)`, "m"));
    return found ? Number(found[1]) * 1024 : 0;
}

// The ids of weir_bench.c: the products stay below 2^53, so that doubles are exact.
let x;
const seedIds = () => { x = 12345; };
function nextId() {
    x = (x * 16807) % 2147483647;
    return x % options.vocab;
}
const someIds = (n) => Uint32Array.from({ length: n }, nextId);

// ---- llama.cpp ----

/** What llama.cpp logged: it tells which weights it repacked, and why something failed. */
const log = [];
/** Seconds inside llama.cpp's own loading, without what the package reads before. */
let loadSeconds = 0;
let llama, model, context, addon, sampler;
const positions = [];

/** The addon's class, but its loading is timed: the addon's own properties cannot be written. */
function timed(Base) {
    return class extends Base {
        async init(...args) {
            const start = now();
            const value = await super.init(...args);
            loadSeconds += now() - start;
            return value;
        }
    };
}

async function start() {
    llama = await getLlama({ gpu: false, build: "never", skipDownload: true,
        maxThreads: options.threads, logLevel: LlamaLogLevel.info,
        logger: (level, message) => log.push(message.trim()) });
    const { AddonModel, AddonContext } = llama._bindings;
    llama._bindings = Object.create(llama._bindings, {
        AddonModel: { value: timed(AddonModel) }, AddonContext: { value: timed(AddonContext) } });
}

async function open(nCtx) {
    model = await llama.loadModel({ modelPath: path, gpuLayers: 0, useMmap: true,
        ignoreMemorySafetyChecks: true });
    context = await model.createContext({ contextSize: nCtx, sequences: options.seqs,
        batchSize: options.batch, threads: options.threads,
        flashAttention: options.flash === "on", ignoreMemorySafetyChecks: true });
    addon = context._ctx;
    sampler = new llama._bindings.AddonSampler(model._model);
    sampler.applyConfig({ temperature: 0 });
    llama.logLevel = LlamaLogLevel.warn; // what was said while loading is enough
    seedIds();
}

/** One call of llama_decode. Logits are made for the last token of each part that is asked. */
async function decode(parts) {
    addon.initBatch(parts.reduce((n, part) => n + part.tokens.length, 0));
    let logits = [];
    for (const { seq, tokens, wanted } of parts) {
        const at = wanted ? Uint32Array.of(tokens.length - 1) : new Uint32Array(0);
        logits = addon.addToBatch(seq, positions[seq] ?? 0, tokens, at);
        positions[seq] = (positions[seq] ?? 0) + tokens.length;
    }
    await addon.decodeBatch();
    return logits[0];
}

/** Tokens of one timeline, in as many batches as they need; logits after the last one. */
async function run(seq, tokens) {
    let logit;
    for (let i = 0; i < tokens.length; i += options.batch) {
        const piece = tokens.subarray(i, i + options.batch);
        logit = await decode([{ seq, tokens: piece, wanted: i + piece.length === tokens.length }]);
    }
    return logit;
}

function clear(seq) {
    addon.disposeSequence(seq);
    positions[seq] = 0;
}

async function warmUp() {
    await run(0, someIds(N_WARM));
    for (let i = 0; i < 2; i++) await run(0, someIds(1));
    clear(0);
    seedIds();
}

// ---- the work ----

/** Is there to be another repetition? The first is always made. */
const goesOn = () => seconds.length === 0 || (seconds.length < options.reps &&
    seconds.reduce((sum, s) => sum + s, 0) < options["max-seconds"]);

async function measurePrompt(draws) {
    await open(options.n + N_WARM + 8);
    await warmUp();
    while (goesOn()) {
        const tokens = someIds(options.n);
        const start = now();
        const logit = await run(0, tokens);
        if (draws) await addon.sampleToken(logit, sampler);
        seconds.push(now() - start);
        clear(0);
    }
    return options.n;
}

/** A timeline of `depth` tokens, from the state file if there is one. Not measured. */
async function openDepth() {
    const { depth, state } = options;
    if (state && existsSync(state)) {
        const tokens = await addon.loadSequenceStateFromFile(state, 0, depth + 1);
        if (tokens.length !== depth) quit(`${state} holds ${tokens.length} tokens, expected ${depth}`);
        positions[0] = depth;
        return;
    }
    const tokens = someIds(depth);
    await run(0, tokens);
    if (!state || depth === 0) return;
    const unfinished = `${state}.tmp-${process.pid}`;
    await addon.saveSequenceStateToFile(unfinished, 0, tokens);
    renameSync(unfinished, state);
}

async function measureDecode(draws) {
    await open(options.depth + options.n * options.reps + N_WARM + 8);
    await warmUp();
    await openDepth();
    seedIds();
    let logit = await run(0, someIds(1));
    while (goesOn()) {
        const start = now();
        for (let i = 0; i < options.n; i++) {
            const token = draws ? await addon.sampleToken(logit, sampler) : nextId();
            logit = await run(0, Uint32Array.of(token));
        }
        seconds.push(now() - start);
    }
    return options.n;
}

async function measureParallel() {
    await open(N_PROMPT + options.n * options.reps + N_WARM + 8);
    await warmUp();
    const seqs = [...Array(options.seqs).keys()];
    for (const seq of seqs) await run(seq, someIds(N_PROMPT));
    while (goesOn()) {
        const start = now();
        for (let i = 0; i < options.n; i++)
            await decode(seqs.map((seq) => ({ seq, tokens: someIds(1), wanted: true })));
        seconds.push(now() - start);
    }
    return options.n * options.seqs;
}

async function measureLoad() {
    const start = now();
    await open(N_CTX_LOAD);
    const loaded = now() - start;
    seconds.push(loadSeconds);
    await run(0, someIds(1));
    const total = now() - start;
    extra = { package_load_s: loaded, to_first_logits_s: total - loaded + loadSeconds };
    return 0;
}

async function measureMemory() {
    const before = statusBytes("VmRSS");
    const start = now();
    await open(N_CTX_LOAD);
    await run(0, someIds(options.n));
    for (let i = 0; i < N_PROMPT; i++) await run(0, someIds(1));
    seconds.push(now() - start);
    extra = { rss: statusBytes("VmRSS"), rss_peak: statusBytes("VmHWM"),
        rss_file: statusBytes("RssFile"), rss_before: before };
    return 0;
}

const cases = { prefill: () => measurePrompt(false), first: () => measurePrompt(true),
    decode: () => measureDecode(false), greedy: () => measureDecode(true),
    parallel: measureParallel, load: measureLoad, memory: measureMemory };
if (!cases[name]) quit(`no case '${name}', expected one of ${Object.keys(cases).join(", ")}`);

/** The library of kernels that llama.cpp chose for this processor: the one that is mapped. */
function kernels() {
    const found = readFileSync("/proc/self/maps", "utf8").match(/libggml-cpu[^\s/]*\.so/);
    return found ? found[0].replace(/^lib|\.so$/g, "") : "unknown";
}

try {
    await start();
    const tokens = await cases[name]();
    for (let i = 0; i < 8; i++) await setImmediate(); // messages of other threads come later
    const buffers = log.join("\n").match(/\S+ model buffer size/g);
    const repacked = buffers ? buffers.some((text) => text.includes("REPACK")) : null;
    console.log(JSON.stringify({ engine: "llama.cpp", case: name, n: options.n,
        depth: options.depth, seqs: options.seqs, threads: addon.getThreads(), tokens,
        build: `llama.cpp ${llama.llamaCppRelease.release} (${kernels()})`, repacked,
        flash: options.flash, ...extra, seconds }));
} catch (error) {
    if (error instanceof NoBinaryFoundError) {
        console.error("rival: no llama.cpp built for this machine");
        process.exit(77);
    }
    for (const line of log.slice(-8)) console.error(`  llama.cpp ${line}`);
    quit(error.message);
}
// Without taking llama.cpp down in order: what it does then is not measured, and may crash.
process.exit(0);

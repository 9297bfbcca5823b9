// peer_bench.mjs MODEL [options]: compares weir and llama.cpp on one file. Owns the order of the
// runs, the choice of llama.cpp's settings, the ratios and the table; measures nothing itself
// (weir_bench.c and rival.mjs do, or a llama-bench named by LLAMA_BENCH). README.md says why it is
// done in this way. From the environment, set by run.sh: WEIR_BENCH, RIVAL, NO_REPACK, ONLY_KERNELS,
// WORK.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const CASES = "prefill:128,prefill:512,prefill:2048,first:338,decode:0,decode:2048,decode:8192," +
    "greedy,parallel:4,parallel:16,parallel:64,load,memory";
const STEADY = 1.15; // the most by which the probes around a pair may differ
const BUSY = 0.25; // of a processor, that others may use before the table warns
/** llama.cpp's build for a processor with the instructions of weir's --isa. */
const KERNELS = { avx2: "haswell", avxvnni: "alderlake", avx512: "skylakex", avx512vnni: "zen4",
    amx: "sapphirerapids" };

const options = { pairs: 5, threads: 0, batch: 512, cases: CASES, variants: "all", scout: 2,
    timeout: 900, reps: 3, "max-seconds": 10, isa: "", o: "" };
const [model, ...rest] = process.argv.slice(2);
for (let i = 0; i < rest.length; i += 2) {
    const key = rest[i].replace(/^--?/, "");
    if (!rest[i].startsWith("-") || !(key in options) || rest[i + 1] === undefined)
        quit(`unknown option '${rest[i]}', or one without a value; there are ` +
            Object.keys(options).map((name) => (name === "o" ? "-o" : `--${name}`)).join(" "));
    const isNumber = typeof options[key] === "number";
    if (isNumber && !(Number(rest[i + 1]) >= 0))
        quit(`${rest[i]} is '${rest[i + 1]}', expected a number`);
    options[key] = isNumber ? Number(rest[i + 1]) : rest[i + 1];
}
if (!model) quit("the model is missing: run.sh MODEL.gguf [options]");
if (options.pairs < 1) quit("--pairs is 0, expected at least 1");
if (options.isa && !KERNELS[options.isa])
    quit(`--isa is '${options.isa}', expected one of ${Object.keys(KERNELS).join(", ")}`);
const { WEIR_BENCH, RIVAL, NO_REPACK, ONLY_KERNELS, WORK, LLAMA_BENCH } = process.env;

function quit(text) {
    console.error(`bench/peer: ${text}`);
    process.exit(2);
}

const note = (text) => console.error(text);

// ---- cases: what is run, and which of its numbers are compared (smaller is better) ----

const rate = { text: (seconds, line) => `${(line.tokens / seconds).toFixed(2)} t/s` };
const asSeconds = { text: (seconds) => `${seconds.toFixed(3)} s` };
const asBytes = { text: (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB` };
const KINDS = {
    prefill: { args: (n) => ({ n }), room: (n) => n, scout: () => "prefill:512",
        metrics: (n) => [{ label: `prefill of ${n}`, key: "seconds", ...rate }] },
    first: { args: (n) => ({ n }), room: (n) => n, scout: () => "prefill:512",
        metrics: (n) => [{ label: `first token after ${n}`, key: "seconds", ...asSeconds }] },
    decode: { args: (depth) => ({ n: 64, depth }), room: (depth) => depth + 256,
        scout: (depth) => (depth < 1024 ? "decode:0" : "decode:2048"),
        metrics: (depth) => [{ label: `decode after ${depth}`, key: "seconds", ...rate }] },
    greedy: { args: () => ({ n: 64 }), room: () => 256, scout: () => "decode:0",
        metrics: () => [{ label: "decode, drawn greedily", key: "seconds", ...rate }] },
    parallel: { args: (seqs) => ({ n: 64, seqs }), room: () => 256, scout: () => "parallel:16",
        metrics: (seqs) => [{ label: `decode of ${seqs} at once`, key: "seconds", ...rate }] },
    load: { args: () => ({}), room: () => 0, scout: () => "load",
        metrics: () => [{ label: "load", key: "seconds", ...asSeconds },
            { label: "load, to first logits", key: "to_first_logits_s", ...asSeconds }] },
    memory: { args: () => ({ n: 512 }), room: () => 0, scout: () => "memory",
        metrics: () => [{ label: "memory, resident", key: "rss", ...asBytes },
            { label: "memory, peak", key: "rss_peak", ...asBytes }] },
};

function parseCase(text) {
    const [kind, number] = text.split(":");
    if (!KINDS[kind] || (number !== undefined && !/^\d+$/.test(number)))
        quit(`no case '${text}', expected some of ${CASES}`);
    const n = Number(number ?? 0);
    return { text, kind, n, metrics: KINDS[kind].metrics(n) };
}

function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const valueOf = (line, key) => (key === "seconds" ? median(line.seconds) : line[key]);

// ---- processes ----

let running; // the measured process, which must not outlive this one

/** Runs a command to its end or its limit: the last line of its output as JSON, or `failed`. */
function runProcess(command, args, env, parse) {
    return new Promise((resolve) => {
        const child = spawn(command, args, { env: { ...process.env, ...env },
            stdio: ["ignore", "pipe", "pipe"] });
        running = child;
        let out = "", err = "", isLate = false;
        const timer = setTimeout(() => {
            isLate = true;
            child.kill("SIGKILL");
        }, options.timeout * 1000);
        child.stdout.on("data", (data) => { out += data; });
        child.stderr.on("data", (data) => { err = (err + data).slice(-4000); });
        child.on("error", (error) => { err = error.message; });
        child.on("close", (code, signal) => {
            clearTimeout(timer);
            const why = err.trim().split("\n").pop();
            if (isLate) return resolve({ failed: `no end within ${options.timeout} s` });
            if (signal) return resolve({ failed: `crashed (${signal})`, why });
            if (code !== 0) return resolve({ failed: `failed (exit ${code})`, why });
            try {
                resolve(parse(out));
            } catch (error) {
                resolve({ failed: "said nothing readable", why: error.message });
            }
        });
    });
}

const lastLine = (out) => JSON.parse(out.trim().split("\n").pop());

/** The helpers must work: without them nothing can be told. */
function helper(...args) {
    const { status, stdout, stderr } = spawnSync(WEIR_BENCH, args, { encoding: "utf8" });
    if (status !== 0) quit(stderr.trim() || `${WEIR_BENCH} ${args.join(" ")} failed`);
    return lastLine(stdout);
}

const info = helper("info", model);
const threads = options.threads || info.threads;
const probe = () => helper("probe", "--threads", String(threads));
const warm = () => helper("warm", model);
const states = path.join(WORK, `state-${process.pid}`);

function commonArgs({ kind, n }, who) {
    const args = KINDS[kind].args(n);
    if (args.depth > 0) args.state = path.join(states, `${who}-${args.depth}`);
    return Object.entries({ ...args, threads, batch: options.batch, reps: options.reps,
        "max-seconds": options["max-seconds"] }).flatMap(([key, value]) => [`--${key}`, String(value)]);
}

const runWeir = (test) =>
    runProcess(WEIR_BENCH, [test.kind, model, ...commonArgs(test, "weir"),
        ...(options.isa ? ["--isa", options.isa] : [])], {}, lastLine);

function preload(variant) {
    const libraries = [...(variant.repack ? [] : [NO_REPACK]), ...(options.isa ? [ONLY_KERNELS] : [])];
    return { ...(libraries.length ? { LD_PRELOAD: libraries.join(":") } : {}),
        ...(options.isa ? { PEER_KERNELS: KERNELS[options.isa] } : {}) };
}

function runPackage(test, variant) {
    const flash = variant.flash ? "on" : "off";
    return runProcess(process.execPath, [RIVAL, test.kind, model,
        ...commonArgs(test, `llama-flash-${flash}`), "--vocab", String(info.n_vocab),
        "--flash", flash], preload(variant), lastLine);
}

/** llama-bench knows prompts and single timelines; its answer in the form of the others. */
function runLlamaBench(test, variant) {
    const isPrompt = test.kind === "prefill";
    const work = isPrompt ? ["-p", test.n, "-n", 0] : ["-p", 0, "-n", 64, "-d", test.n];
    const args = ["-m", model, ...work, "-r", options.reps, "-t", threads, "-b", options.batch,
        "-ub", options.batch, "-fa", variant.flash ? 1 : 0, "-ngl", 0, "-o", "json"];
    return runProcess(LLAMA_BENCH, args.map(String), preload(variant), (out) => {
        const [row] = JSON.parse(out.slice(out.indexOf("[")));
        return { engine: "llama.cpp", case: test.kind, tokens: isPrompt ? test.n : 64, threads,
            build: `llama-bench ${row.build_commit} (${row.cpu_info})`, repacked: null,
            seconds: row.samples_ns.map((ns) => ns / 1e9) };
    });
}

const canRival = (test) => !LLAMA_BENCH || ["prefill", "decode"].includes(test.kind);
const runRival = LLAMA_BENCH ? runLlamaBench : runPackage;

// ---- llama.cpp's settings: the fastest of all, for each kind of work ----

const VARIANTS = [
    { name: "default", repack: true, flash: true },
    { name: "no repacking", repack: false, flash: true },
    { name: "no flash attention", repack: true, flash: false },
    { name: "neither", repack: false, flash: false },
];

// A binary that holds ggml itself cannot be told by a preloaded library.
const isStatic = LLAMA_BENCH && !readFileSync(LLAMA_BENCH).includes("libggml-base");
if (isStatic && options.isa) quit("--isa is not for a llama-bench that is linked statically");

function allVariants() {
    if (options.variants === "default") return VARIANTS.slice(0, 1);
    if (options.variants !== "all")
        quit(`--variants is '${options.variants}', expected all or default`);
    if (isStatic) note("llama-bench is linked statically: runs with its own repacking only");
    return VARIANTS.filter(({ repack }) => repack || !isStatic);
}

const scouted = new Map();

/** The fastest variant for a case: each is run `scout` times, there and back again. */
async function fastestVariant(test, record) {
    const variants = allVariants();
    const key = KINDS[test.kind].scout(test.n);
    if (variants.length === 1 || options.scout === 0) return variants[0];
    if (scouted.has(key)) return scouted.get(key);
    const scout = parseCase(key);
    const values = new Map(variants.map((variant) => [variant, []]));
    for (let round = 0; round < options.scout; round++) {
        for (const variant of round % 2 ? [...variants].reverse() : variants) {
            if (values.get(variant).includes(Infinity)) continue;
            warm();
            const line = await runRival(scout, variant);
            note(`  scout ${key}, ${variant.name}: ${line.failed ?? shown(scout, line)}`);
            record.scouts.push({ case: key, variant: variant.name, ...line });
            values.get(variant).push(line.failed ? Infinity
                : valueOf(line, scout.metrics[0].key));
        }
    }
    const best = variants.reduce((a, b) =>
        (median(values.get(b)) < median(values.get(a)) ? b : a));
    scouted.set(key, best);
    return best;
}

function shown(test, line) {
    const [metric] = test.metrics;
    return metric.text(valueOf(line, metric.key), line);
}

// ---- pairs ----

/** By how much the machine changed between probes, as a factor: the worse of its two speeds. */
function change(probes) {
    return Math.max(...["read_gb_s", "compute_gop_s"].map((key) => {
        const speeds = probes.map((p) => p[key]);
        return Math.max(...speeds) / Math.min(...speeds);
    }));
}

async function runPairs(test, variant, result) {
    let nFailed = 0;
    for (let i = 0; i < options.pairs && nFailed < 2; i++) {
        const pair = { order: i % 2 ? "rival, weir" : "weir, rival", probes: [], cached: [] };
        for (const who of pair.order.split(", ")) {
            pair.cached.push(warm().cached);
            pair.probes.push(probe());
            pair[who] = who === "weir" ? await runWeir(test) : await runRival(test, variant);
        }
        pair.probes.push(probe());
        pair.change = change(pair.probes);
        result.pairs.push(pair);
        save();
        const failed = pair.weir.failed || pair.rival.failed;
        nFailed += failed ? 1 : 0;
        note(`  ${test.text} ${i + 1}/${options.pairs}: weir ` +
            `${pair.weir.failed ?? shown(test, pair.weir)}, llama.cpp ` +
            `${pair.rival.failed ?? shown(test, pair.rival)}, probes within ` +
            `${((pair.change - 1) * 100).toFixed(0)} %`);
        for (const who of ["weir", "rival"])
            if (pair[who].why && pair[who].failed) note(`    ${who}: ${pair[who].why}`);
    }
}

/** A row of the table for each compared number of a case. */
function judge(test, variant, pairs) {
    return test.metrics.map((metric) => {
        const row = { case: metric.label, variant: variant.name };
        const good = pairs.filter((pair) => !pair.weir.failed && !pair.rival.failed);
        for (const who of ["weir", "rival"]) {
            const lines = pairs.map((pair) => pair[who]).filter((line) => !line.failed);
            const failure = pairs.map((pair) => pair[who].failed).find(Boolean);
            row[who] = lines.length === 0 ? failure
                : metric.text(median(lines.map((line) => valueOf(line, metric.key))), lines[0]) +
                    (failure ? `; once ${failure}` : "");
        }
        const ratioOf = (pair) => valueOf(pair.rival, metric.key) / valueOf(pair.weir, metric.key);
        const steady = good.filter((pair) => pair.change <= STEADY).map(ratioOf);
        const ratios = good.map(ratioOf);
        row.n = ratios.length;
        row.n_steady = steady.length;
        if (ratios.length > 0)
            Object.assign(row, { ratio: median(ratios), least: Math.min(...ratios),
                most: Math.max(...ratios) });
        if (steady.length > 0) row.ratio_steady = median(steady);
        return row;
    });
}

function table(record) {
    const two = (x) => (x === undefined ? "-" : x.toFixed(2));
    const lines = ["| case | ratio | from .. to | pairs | steady pairs | weir | llama.cpp | its settings |",
        "|---|---|---|---|---|---|---|---|"];
    for (const row of record.rows) {
        const cells = row.skipped ? [row.case, "-", "-", "-", "-", "-", row.skipped, "-"]
            : [row.case, two(row.ratio), `${two(row.least)} .. ${two(row.most)}`, row.n,
                row.n_steady ? `${two(row.ratio_steady)} of ${row.n_steady}` : "none",
                row.weir, row.rival, row.variant];
        lines.push(`| ${cells.join(" | ")} |`);
    }
    const probes = record.results.flatMap(({ pairs }) => pairs.flatMap((pair) => pair.probes));
    const range = (key) => {
        const values = probes.map((p) => p[key]);
        return `${Math.min(...values).toFixed(2)} .. ${Math.max(...values).toFixed(2)}`;
    };
    const builds = record.results.flatMap(({ pairs }) =>
        pairs.flatMap(({ weir, rival }) => [weir.build, rival.build])).filter(Boolean);
    const about = [`${path.basename(model)} (${info.file_type}, ` +
        `${(info.weight_bytes / 1e9).toFixed(2)} GB), ${record.cpu}, ${threads} threads each, ` +
        `batches of ${options.batch}; ${[...new Set(builds)].join("; ")}.`,
    "A ratio above 1: weir is that many times better (faster, or smaller)."];
    if (probes.length > 0)
        about.push(`Probes: reading ${range("read_gb_s")} GB/s, computing ` +
            `${range("compute_gop_s")} Gop/s. Absolute figures hold beside these only.`);
    if (record.warnings.length > 0) about.push(...record.warnings.map((text) => `Warning: ${text}`));
    return `${about.join("\n")}\n\n${lines.join("\n")}\n`;
}

// ---- all of it ----

const record = { model: path.basename(model), info, threads, options,
    cpu: os.cpus()[0]?.model ?? "unknown", memory_bytes: os.totalmem(), load: os.loadavg()[0],
    warnings: [], scouts: [], results: [], rows: [] };

/** After each pair, so that what was measured survives an interruption. */
function save() {
    if (options.o) writeFileSync(options.o, `${JSON.stringify(record, null, 1)}\n`);
}

const tests = options.cases.split(",").map(parseCase);
if (record.load > BUSY)
    record.warnings.push(`the load was ${record.load.toFixed(2)} before the first run: engines ` +
        "whose threads wait by spinning suffer most from other programs.");
if (options.pairs < 5)
    record.warnings.push(`${options.pairs} pairs are too few to be cited, at least 5 are.`);
mkdirSync(states, { recursive: true });
process.on("exit", () => {
    running?.kill("SIGKILL");
    rmSync(states, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(130));
let isWeirWell = true;
try {
    for (const test of tests) {
        const need = KINDS[test.kind].room(test.n);
        const why = !canRival(test) ? "not measured by llama-bench"
            : need > info.n_ctx ? `needs ${need} positions, the model has ${info.n_ctx}` : "";
        if (why) {
            record.rows.push(...test.metrics.map(({ label }) => ({ case: label, skipped: why })));
            continue;
        }
        const variant = await fastestVariant(test, record);
        const result = { case: test.text, variant: variant.name, pairs: [] };
        record.results.push(result);
        await runPairs(test, variant, result);
        record.rows.push(...judge(test, variant, result.pairs));
        isWeirWell &&= result.pairs.every((pair) => !pair.weir.failed);
        const wrong = result.pairs.some(({ rival }) => rival.repacked === true && !variant.repack);
        if (wrong) record.warnings.push(`${test.text}: llama.cpp repacked although told not to.`);
        save();
    }
} finally {
    save();
}
process.stdout.write(table(record));
process.exit(isWeirWell ? 0 : 1);

// peer.mjs DIR N_GREEDY NAME...: llama.cpp's side of the peer tests, through node-llama-cpp on the
// CPU. Writes down what it says, in the files and forms of logits.c (device "llama"), with K/V in
// f32 and without flash attention; judges nothing (compare.mjs does). Exits with 77 where there is
// no llama.cpp built for this machine.
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { getLlama, LlamaLogLevel, NoBinaryFoundError } from "node-llama-cpp";

const [dir, nGreedy, ...names] = process.argv.slice(2);
const lists = (await readFile(`${dir}/tokens.txt`, "utf8"))
    .trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
const longest = Math.max(...lists.map((list) => list.length));

/** What llama.cpp logged about the present model; shown if that fails. */
const log = [];

function argmax(row) {
    return row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
}

/** Runs tokens as one batch: a row of logits [n_vocab] after each. */
async function evaluate(sequence, tokens) {
    const wanted = { generateNext: { logits: true } };
    const steps = await sequence.controlledEvaluate(tokens.map((token) => [token, wanted]));
    return steps.map(({ next }) => {
        const row = new Float32Array(next.logits.size).fill(NaN);
        for (const [token, logit] of next.logits) row[token] = logit;
        return row;
    });
}

async function runModel(llama, name) {
    const model = await llama.loadModel({ modelPath: `${dir}/${name}.gguf`, gpuLayers: 0 });
    const adapter = `${dir}/${name}.lora.gguf`;
    const context = await model.createContext({
        lora: existsSync(adapter) ? { adapters: [{ filePath: adapter, scale: 1 }] } : undefined,
        contextSize: longest + Number(nGreedy),
        batchSize: longest,
        threads: 1, // tiny models: more threads would only wait for each other
        flashAttention: false,
        experimentalKvCacheKeyType: "F32",
        experimentalKvCacheValueType: "F32",
    });
    const rows = [];
    const greedy = [];
    for (const list of lists) {
        const sequence = context.getSequence();
        rows.push(...(await evaluate(sequence, list)));
        while (list === lists[0] && greedy.length < Number(nGreedy)) {
            const [next] = greedy.length
                ? await evaluate(sequence, greedy.slice(-1))
                : rows.slice(-1);
            greedy.push(argmax(next));
        }
        sequence.dispose();
    }
    const bytes = Buffer.concat(rows.map((row) => Buffer.from(row.buffer)));
    await writeFile(`${dir}/${name}.llama.logits`, bytes);
    await writeFile(`${dir}/${name}.llama.greedy`, greedy.join(" "));
    await context.dispose();
    await model.dispose();
}

let llama;
try {
    llama = await getLlama({
        gpu: false,
        build: "never",
        skipDownload: true,
        logLevel: LlamaLogLevel.warn,
        logger: (level, message) => log.push(`${level}: ${message.trim()}`),
    });
} catch (error) {
    if (!(error instanceof NoBinaryFoundError)) throw error;
    console.log("skipped: no llama.cpp built for this machine");
    process.exit(77);
}
for (const name of names) {
    log.length = 0;
    try {
        await runModel(llama, name);
    } catch (error) {
        console.error(`peer: ${name}.gguf: ${error.message}`);
        for (const line of log) console.error(`  llama.cpp ${line}`);
        process.exit(1);
    }
}
await llama.dispose();

// nano.mjs DIR N_GREEDY NAME[=NEAR]...: draws N_GREEDY tokens greedily in llama.cpp (node-llama-cpp,
// CPU, K/V in f32) after each line of DIR/tokens.txt, and compares with DIR/NAME.weir, the ids weir
// drew. A difference is allowed only where llama.cpp's two best logits lie closer than NEAR, by
// default a rounding error; behind it nothing is compared. With a NEAR one prompt may part anywhere:
// where activations are rounded, another expert may be chosen, which moves logits by whole units.
// Exits with 77 where there is no llama.cpp for this machine.
import { readFile } from "node:fs/promises";
import { getLlama, LlamaLogLevel, NoBinaryFoundError } from "node-llama-cpp";

const NEAR = 2e-3; // of logits around ten: f32 sums in another order
const [dir, nGreedy, ...names] = process.argv.slice(2);
const numbers = (line) => line.trim().split(/[\s,]+/).map(Number);
const lines = async (name) => (await readFile(`${dir}/${name}`, "utf8")).trim().split("\n").map(numbers);
const prompts = await lines("tokens.txt");
const longest = Math.max(...prompts.map((list) => list.length));

function bestTwo(logits) {
    let best = [-1, -Infinity], second = -Infinity;
    for (const [token, logit] of logits) {
        if (logit > best[1]) {
            second = best[1];
            best = [token, logit];
        } else if (logit > second) second = logit;
    }
    return { token: best[0], gap: best[1] - second };
}

async function next(sequence, tokens) {
    const last = tokens.length - 1;
    const wanted = { generateNext: { logits: true } };
    const steps = await sequence.controlledEvaluate(
        tokens.map((token, i) => (i === last ? [token, wanted] : token)));
    return bestTwo(steps[last].next.logits);
}

async function compare(llama, name, near) {
    const drawn = await lines(`${name}.weir`);
    const model = await llama.loadModel({ modelPath: `${dir}/${name}.gguf`, gpuLayers: 0 });
    const context = await model.createContext({
        contextSize: longest + Number(nGreedy) + 1,
        batchSize: longest,
        threads: 1,
        flashAttention: false,
        experimentalKvCacheKeyType: "F32",
        experimentalKvCacheValueType: "F32",
    });
    let equal = 0, ties = 0, wrong = 0, widest = 0;
    for (const [i, prompt] of prompts.entries()) {
        const sequence = context.getSequence();
        let tokens = prompt;
        for (let n = 0; n < Number(nGreedy); n++) {
            const { token, gap } = await next(sequence, tokens);
            if (token !== drawn[i][n]) {
                widest = Math.max(widest, gap);
                if (gap < near) ties++;
                else {
                    wrong++;
                    console.error(`${name}: prompt ${i + 1}, token ${n + 1}: weir drew ` +
                        `${drawn[i][n]}, llama.cpp ${token}, ${gap.toFixed(4)} ahead`);
                }
                break;
            }
            equal += n + 1 === Number(nGreedy);
            tokens = [token];
        }
        sequence.dispose();
    }
    console.log(`${name}: ${equal} of ${prompts.length} prompts give the same ${nGreedy} tokens, ` +
        `${ties} part at a tie (at most ${widest.toFixed(4)}), ${wrong} differ`);
    await context.dispose();
    await model.dispose();
    return wrong;
}

let llama;
try {
    llama = await getLlama({ gpu: false, build: "never", skipDownload: true,
        logLevel: LlamaLogLevel.error });
} catch (error) {
    if (!(error instanceof NoBinaryFoundError)) throw error;
    console.log("skipped: no llama.cpp built for this machine");
    process.exit(77);
}
let wrong = 0;
for (const name of names) {
    const [file, near] = name.split("=");
    const parted = await compare(llama, file, near === undefined ? NEAR : Number(near));
    if (parted > (near === undefined ? 0 : 1)) wrong += parted;
}
await llama.dispose();
process.exit(wrong > 0 ? 1 : 0);

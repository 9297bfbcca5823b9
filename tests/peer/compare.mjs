// compare.mjs DIR EXACT... -- FORMAT...: judges what logits.c and peer.mjs wrote into DIR. Owns the
// measures and the bounds. The EXACT models are F32: weir and llama.cpp must agree. The FORMAT ones
// are one random model in many formats: weir and llama.cpp must mostly agree. Nowhere may weir be
// further than llama.cpp from the oracle, weir's reference device on the same file, which computes
// in f32 with the dequantized weights; but where both round activations to 8 bits by 32, chance has
// its say. With 15 bits it has none. Rounded as llama.cpp rounds (--activations parity) weir must be
// nearer to it than f32 is. Prints a table; exits with 1 if a bound is broken.
import { readFileSync } from "node:fs";

const EXACT_AGREE = 0.99; // of the positions have the same likeliest token
const FORMAT_AGREE = 0.8;
const SLACK = 1e-6; // of the distances: both are f32, and f32 alone is as far as that
const CHANCE = 1.25; // of two distances that come of the same rounding
const PARITY = 0.75; // of llama.cpp's distance from f32 is left where weir rounds as it does: a last
// bit of a sum decides what is rounded up and which expert is chosen (seen: 0.1 to 0.58)
const SUMS = ["q4_1", "q5_1"]; // where it rounds the sums of blocks too

const [dir, ...names] = process.argv.slice(2);
const exact = names.slice(0, names.indexOf("--"));
const formats = names.slice(exact.length + 1);
const nVocab = 512; // of every model here

/** Rows of centred logits: what they mean does not change when a row is shifted. */
function readRows(name, device) {
    const bytes = readFileSync(`${dir}/${name}.${device}.logits`);
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const rows = [];
    for (let at = 0; at < all.length; at += nVocab) {
        const row = Float64Array.from(all.subarray(at, at + nVocab));
        const mean = row.reduce((sum, x) => sum + x, 0) / nVocab;
        rows.push(row.map((x) => x - mean));
    }
    return rows;
}

function argmax(row) {
    return row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
}

/** Share of rows with the same likeliest token. */
function agreement(a, b) {
    return a.filter((row, i) => argmax(row) === argmax(b[i])).length / a.length;
}

/** |a - b| / |b| over all rows; NaN if any value is. */
function distance(a, b) {
    let error = 0;
    let norm = 0;
    a.forEach((row, r) => row.forEach((x, i) => {
        error += (x - b[r][i]) ** 2;
        norm += b[r][i] ** 2;
    }));
    return Math.sqrt(error / norm);
}

function readGreedy(name, device) {
    return readFileSync(`${dir}/${name}.${device}.greedy`, "utf8").trim();
}

let nBroken = 0;
function check(holds, text) {
    if (holds) return;
    nBroken++;
    console.log(`BROKEN: ${text}`);
}

function printLine(name, ...cells) {
    console.log(name.padEnd(17) + cells.map((cell) => String(cell).padStart(12)).join(""));
}

function percent(share) {
    return `${(100 * share).toFixed(1)} %`;
}

function judge(name, leastAgreement, isExact) {
    const [weir, llama, oracle] = ["cpu", "llama", "reference"].map((d) => readRows(name, d));
    check(weir.length > 0 && weir.length === llama.length && weir.length === oracle.length,
        `${name}: weir ran ${weir.length} positions, llama.cpp ${llama.length}`);
    const agrees = agreement(weir, llama);
    const ours = distance(weir, oracle);
    const theirs = distance(llama, oracle);
    const fine = isExact ? ours : distance(readRows(name, "cpu-q15"), oracle);
    const parity = isExact ? distance(weir, llama) : distance(readRows(name, "cpu-parity"), llama);
    const isSame = readGreedy(name, "cpu") === readGreedy(name, "llama");
    printLine(name, weir.length, percent(agrees), percent(agreement(weir, oracle)),
        percent(agreement(llama, oracle)), ours.toExponential(2), fine.toExponential(2),
        theirs.toExponential(2), parity.toExponential(2), isSame ? "same" : "differ");
    check(agrees >= leastAgreement, `${name}: weir and llama.cpp agree on ${percent(agrees)} ` +
        `of the positions, expected at least ${percent(leastAgreement)}`);
    check(ours <= (isExact ? 1 : CHANCE) * theirs + SLACK && fine <= theirs + SLACK,
        `${name}: weir is further from the oracle than llama.cpp`);
    check(isExact || SUMS.includes(name) || name === "f32" || parity <= PARITY * theirs,
        `${name}: rounded as llama.cpp rounds, weir is not nearer to it`);
    check(isSame || !isExact, `${name}: the greedy tokens differ`);
}

console.log("agreement: share of positions with the same likeliest token");
console.log("distance: |a - b| / |b| over the centred logits of all positions");
printLine("", "", "agreement", "agreement", "agreement", "distance", "distance", "distance",
    "distance", "greedy");
printLine("model", "positions", "weir/llama", "weir/f32", "llama/f32", "weir/f32", "q15/f32",
    "llama/f32", "par./llama", "tokens");
for (const name of exact) judge(name, EXACT_AGREE, true);
for (const name of formats) judge(name, FORMAT_AGREE, false);
process.exit(nBroken > 0 || exact.length === 0 || formats.length === 0 ? 1 : 0);

// render.mjs DIR CASES RESULTS: renders the conversations of CASES with @huggingface/jinja, and
// compares with what weir made of them (render.c). Equal texts agree, and so do two refusals. Prints
// a line a template; exits with 1 if anything differs, or if hardly anything was rendered.
import { readFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

const MAX_SHOWN = 5; // differences
const LEAST_RENDERED = 0.9; // of the conversations: a test of refusals would show little

/** strftime_now asks the clock: here, as in render.c, it stands still. */
globalThis.Date = class extends Date {
    constructor() {
        super(2026, 1, 24, 12);
    }
};

const [dir, casesPath, resultsPath] = process.argv.slice(2);
const lines = (path) => readFileSync(path, "utf8").split("\n").filter((line) => line);

const templates = new Map();
function findTemplate(name) {
    if (!templates.has(name)) templates.set(name, new Template(readFileSync(`${dir}/${name}`, "utf8")));
    return templates.get(name);
}

/** The form of render.c's results. */
function render(name, variables) {
    try {
        return { text: findTemplate(name).render(variables) };
    } catch (error) {
        return { error: error.message };
    }
}

function agrees(ours, theirs) {
    return "text" in ours ? ours.text === theirs.text : "error" in theirs;
}

/** From a little before the first difference on. */
function excerpt(result, other) {
    if ("error" in result) return `error: ${result.error}`;
    const theirs = other.text ?? "";
    let at = 0;
    while (at < result.text.length && result.text[at] === theirs[at]) at++;
    return `at ${at}: ${JSON.stringify(result.text.slice(Math.max(0, at - 20), at + 60))}`;
}

const cases = lines(casesPath);
const results = lines(resultsPath).map((line) => JSON.parse(line));
const counts = new Map();
let nDifferent = 0;
cases.forEach((line, i) => {
    const tab = line.indexOf("\t");
    const name = line.slice(0, tab);
    const ours = results[i] ?? { error: "weir said nothing" };
    const theirs = render(name, JSON.parse(line.slice(tab + 1)));
    const count = counts.get(name) ?? { agreed: 0, refused: 0, all: 0 };
    counts.set(name, count);
    count.all++;
    if (agrees(ours, theirs)) {
        count.agreed++;
        if ("error" in ours) count.refused++;
        return;
    }
    if (nDifferent++ >= MAX_SHOWN) return;
    console.log(`DIFFERENT: line ${i + 1}, ${name}: ${line.slice(tab + 1)}`);
    console.log(`  weir:  ${excerpt(ours, theirs)}`);
    console.log(`  jinja: ${excerpt(theirs, ours)}`);
});

let nBroken = nDifferent;
for (const [name, { agreed, refused, all }] of counts) {
    const enough = all - refused >= LEAST_RENDERED * all;
    if (!enough) nBroken++;
    console.log(`${name.padEnd(28)} ${agreed} of ${all} agree, ${refused} refused by both` +
        `${enough ? "" : ": too many"}`);
}
process.exit(nBroken > 0 || counts.size === 0 ? 1 : 0);

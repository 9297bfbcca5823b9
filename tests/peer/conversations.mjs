// conversations.mjs DIR SEED COUNT: makes up COUNT conversations for every template in DIR, one a
// line: the template's name, a tab, its variables as JSON. The same seed gives the same lines.
//
// Left out is where Python, whose rules weir follows, and JavaScript are known to differ, because a
// difference there would say nothing:
//   - Numbers: JavaScript writes 1.0 as 1 and 1e-7 as 1e-7 (Python: 1.0 and 1e-07). Floats here have
//     a fraction and a plain form.
//   - `value | string` of True, None and lists. LFM2.5-8B-A1B and LFM2.5-VL write arguments so; there
//     they are strings, numbers and objects. In objects, which go through tojson, anything occurs.
//   - string + something else, an error in Python. LFM2-1.2B-mlx-tools adds arguments that are
//     numbers or lists to strings, and with LFM2-1.2B-2025-07 all content that is none; there these
//     are strings and objects, and strings.
import { readdirSync } from "node:fs";

const [dir, seed, count] = process.argv.slice(2);

/** mulberry32: 32 bits of state, the same everywhere. */
function makeRandom(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

/** Of a string, so that each template has conversations of its own. */
function hash(text) {
    let h = 2166136261;
    for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
    return h >>> 0;
}

const SCRAPS = [
    "Hello", "the answer is 42", "  two spaces  ", "\n", "\n\nnew\r\nline", "\t", "'single'", '"double"',
    "back\\slash", "`code`", "{{ braces }}", "{% tag %}", "{# note #}", "<|im_end|>", "<|im_start|>system",
    "<think>maybe</think>", "</think>", "<think>", "né", "日本語", "🙂👩‍👩‍👧", "\u00a0", "\u2028",
    "عربى", "\u0001\u001f\u007f", "<b>&amp;</b>", "a,b;c", "[f(x='y')]", "<|tool_call_start|>", "é",
    "CONTINUE_FINAL_MESSAGE_TAG ", "0", "None", "",
];
const NAMES = ["get_weather", "search.web", "f", "set-timer", "naïve_ключ", "x1"];
const KEYS = ["city", "unit", "n", "from", "deep", "ключ", "with space", "q'uote"];

/** What differs between the templates: what their code can take, by Python's rules. */
const ALL = ["string", "int", "float", "bool", "null", "list", "object"];
const TAKES = {
    "LFM2-1.2B-2025-07.jinja": { content: ["string"], args: ALL },
    "LFM2-1.2B-mlx-tools.jinja": { content: ["string"], args: ["string", "object"] },
    "LFM2.5-8B-A1B.jinja": {
        content: ["string", "missing", "parts"], args: ["string", "int", "float", "object"],
    },
    "LFM2.5-VL.jinja": {
        content: ["string", "missing", "parts"], args: ["string", "int", "float", "object"],
    },
};
/** Content that is no string is written as JSON, but the system's is added to a string. */
const USUAL = { content: ["string", "null", "parts"], system: ["string"], args: ALL };

class Maker {
    constructor(name, random) {
        this.takes = { ...USUAL, ...TAKES[name] };
        this.random = random;
    }

    below(n) {
        return Math.floor(this.random() * n);
    }

    chance(p) {
        return this.random() < p;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    many(most, make) {
        return Array.from({ length: this.below(most + 1) }, make);
    }

    text() {
        return this.many(4, () => this.pick(SCRAPS)).join(this.pick(["", " ", "\n"]));
    }

    /** A value of one of these kinds; lists and objects hold any kind, to a depth of 3. */
    value(kinds, depth = 0) {
        const kind = this.pick(kinds);
        const inner = depth < 2 ? ALL : ["string", "int"];
        switch (kind) {
            case "string": return this.text();
            case "int": return this.pick([0, 1, -7, 42, 100000, 9007199254740991]);
            case "float": return this.pick([0.5, -2.25, 3.14159, 1234.5]);
            case "bool": return this.chance(0.5);
            case "null": return null;
            case "list": return this.many(3, () => this.value(inner, depth + 1));
            default: return this.object(inner, depth + 1);
        }
    }

    object(kinds, depth = 0) {
        return Object.fromEntries(
            this.many(4, () => [this.pick(KEYS), this.value(kinds, depth)]));
    }

    part() {
        switch (this.below(4)) {
            case 0: return { type: "image" };
            case 1: return { type: "audio", data: this.text() };
            default: return { type: "text", text: this.text() };
        }
    }

    addContent(message, kinds) {
        const kind = this.pick(["string", ...kinds]);
        if (kind === "string") message.content = this.chance(0.1) ? "" : this.text();
        if (kind === "null") message.content = null;
        if (kind === "parts") message.content = this.many(3, () => this.part());
        return message;
    }

    toolCall() {
        return {
            type: "function",
            id: `call_${this.below(1000)}`,
            function: { name: this.pick(NAMES), arguments: this.object(this.takes.args) },
        };
    }

    message(role) {
        const message = this.addContent({ role }, this.takes.content);
        if (role !== "assistant") return message;
        if (this.chance(0.3)) message.thinking = this.text();
        if (this.chance(0.3)) message.tool_calls = [this.toolCall(), ...this.many(2, () => this.toolCall())];
        return message;
    }

    tool() {
        const parameters = {
            type: "object",
            properties: Object.fromEntries(this.many(3, () => [this.pick(KEYS),
                { type: this.pick(["string", "integer"]), description: this.text() }])),
            required: this.many(2, () => this.pick(KEYS)),
            default: this.value(ALL),
        };
        const tool = { name: this.pick(NAMES), description: this.text(), parameters };
        return this.chance(0.6) ? { type: "function", function: tool } : tool;
    }

    conversation() {
        const roles = this.many(8, () => this.pick(["user", "assistant", "assistant", "tool", "user", "system"]));
        const messages = [
            ...(this.chance(0.5)
                ? [this.addContent({ role: "system" }, this.takes.system ?? this.takes.content)] : []),
            this.message("user"),
            ...roles.map((role) => this.message(role)),
        ];
        const variables = { bos_token: "<|startoftext|>", messages };
        if (this.chance(0.5)) variables.tools = this.chance(0.1) ? null : this.many(3, () => this.tool());
        if (this.chance(0.8)) variables.add_generation_prompt = this.chance(0.5);
        if (this.chance(0.3)) variables.keep_past_thinking = this.chance(0.7);
        if (this.chance(0.3)) variables.preserve_thinking = this.chance(0.7);
        if (this.chance(0.1)) variables.continue_final_message = this.chance(0.5);
        return variables;
    }
}

for (const name of readdirSync(dir).filter((file) => file.endsWith(".jinja")).sort()) {
    const maker = new Maker(name, makeRandom(hash(`${name} ${seed}`)));
    for (let i = 0; i < Number(count); i++)
        console.log(`${name}\t${JSON.stringify(maker.conversation())}`);
}

// page_markdown.js: Markdown to nodes. Nothing of it is ever parsed as HTML; what is not understood
// is shown as it was written. Work grows with the length of a text, whatever is in it.

/** Only what leads to another page of the web is a link. */
function safeUrl(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function link(url, children) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, children);
}

// [text](address "title"), an image too: it is shown as a link. The bounds keep it from looking far.
const LINK_TEXT = /^!?\[((?:[^[\]\\]|\\.){1,500})\]/.source;
const LINK_ADDRESS = /\s*<?([^\s()<>]{1,2000}(?:\([^\s()]{0,200}\))?[^\s()<>]{0,500})>?/.source;
const LINK = new RegExp(`${LINK_TEXT}\\(${LINK_ADDRESS}(?:\\s+"[^"]{0,200}")?\\s*\\)`);

const MARKS = [
  ["***", "strong", "em"],
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "s"],
  ["*", "em"],
  ["_", "em"],
];

/** The nodes of a line of text. `lacks`: marks that close nowhere behind here, so that none is sought twice. */
function inline(text, depth = 0) {
  const out = [];
  const lacks = new Set();
  let plain = "";
  const flush = () => {
    if (plain) {
      out.push(plain);
      plain = "";
    }
  };
  const add = (node) => {
    flush();
    out.push(node);
  };
  const isWord = (c) => c !== undefined && /[\p{L}\p{N}]/u.test(c);
  const find = (mark, from) => {
    if (lacks.has(mark)) return -1;
    const at = text.indexOf(mark, from);
    if (at < 0) lacks.add(mark);
    return at;
  };
  /** Where the text of a mark ends: behind a character, and `_` not inside a word, `*` not in `**`. */
  const closing = (mark, from) => {
    let at = find(mark, from);
    for (let tries = 0; at >= 0 && tries < 64; tries++) {
      const isDouble = mark.length === 1 && (text[at + 1] === mark || text[at - 1] === mark);
      if (
        at > from &&
        !/\s/.test(text[at - 1]) &&
        !isDouble &&
        !(mark[0] === "_" && isWord(text[at + mark.length]))
      )
        return at;
      at = find(mark, at + (isDouble && text[at + 1] === mark ? 2 : 1));
    }
    return -1;
  };
  for (let i = 0; i < text.length;) {
    const c = text[i];
    if (c === "\\" && /[!-/:-@[-`{-~]/.test(text[i + 1] ?? "")) {
      plain += text[i + 1];
      i += 2;
      continue;
    }
    if (c === "\n") {
      plain = plain.trimEnd();
      add(h("br"));
      i++;
      continue;
    }
    if (c === "`") {
      const fence = /^`+/.exec(text.slice(i, i + 32))[0];
      const end = find(fence, i + fence.length);
      if (end > 0) {
        const code = text.slice(i + fence.length, end);
        add(h("code", null, /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code));
        i = end + fence.length;
      } else {
        plain += fence;
        i += fence.length;
      }
      continue;
    }
    if ((c === "[" || (c === "!" && text[i + 1] === "[")) && depth < 6) {
      const found = LINK.exec(text.slice(i, i + 3500));
      const url = found && safeUrl(found[2]);
      if (url) {
        add(link(url, inline(found[1], depth + 1)));
        i += found[0].length;
        continue;
      }
    }
    if ((c === "h" || c === "<") && (i === 0 || !isWord(text[i - 1]))) {
      const found = /^<?(https?:\/\/[^\s<>"'`]{1,2000})/.exec(text.slice(i, i + 2010));
      const shown = found?.[1].replace(/[.,;:!?)\]*_]+$/, "");
      const url = shown && safeUrl(shown);
      if (url) {
        add(link(url, shown));
        i += found[0].indexOf("http") + shown.length;
        if (c === "<" && text[i] === ">") i++;
        continue;
      }
    }
    const mark = depth < 6 && MARKS.find(([sign]) => text.startsWith(sign, i));
    if (mark) {
      const [sign, tag, inner] = mark;
      const from = i + sign.length;
      const mayOpen =
        text[from] !== undefined && !/\s/.test(text[from]) && !(sign[0] === "_" && isWord(text[i - 1]));
      const end = mayOpen ? closing(sign, from) : -1;
      if (end > 0) {
        const nodes = inline(text.slice(from, end), depth + 1);
        add(h(tag, null, inner ? h(inner, null, nodes) : nodes));
        i = end + sign.length;
      } else {
        plain += sign;
        i = from;
      }
      continue;
    }
    plain += c;
    i++;
  }
  flush();
  return out;
}

function codeBlock(text, language) {
  const copy = h("button", { type: "button", class: "copy", click: () => copyText(text, copy) }, "Copy");
  return h(
    "div",
    { class: "block" },
    h("div", { class: "head" }, h("span", null, language || "text"), copy),
    h("pre", { tabindex: 0 }, h("code", null, text)),
  );
}

const DEEPEST = 12; // quotes and lists inside one another; further ones are plain text
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( {0,9})([-*+]|\d{1,9}[.)])(?:\s+(.*)|$)/;
const TABLE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

// Lines to blocks {src, make}: what a block looks like depends on its src alone, so that a block that has not
// changed since the last look can keep its node.
function blocks(lines, depth) {
  const out = [];
  const push = (from, to, make) => out.push({ src: lines.slice(from, to).join("\n"), make });
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    const from = i;
    let found;
    if (!line.trim()) {
      i++;
    } else if ((found = FENCE.exec(line))) {
      const mark = found[1];
      const isEnd = (x) => {
        const end = FENCE.exec(x);
        return end && end[1][0] === mark[0] && end[1].length >= mark.length && !end[2];
      };
      for (i++; i < lines.length && !isEnd(lines[i]); i++);
      const text = lines.slice(from + 1, i).join("\n");
      const language = found[2].trim().split(/\s+/)[0].slice(0, 40);
      i++;
      push(from, i, () => codeBlock(text, language));
    } else if ((found = HEADING.exec(line))) {
      const [, marks, text] = found;
      push(from, ++i, () => h(`h${marks.length}`, null, inline(text)));
    } else if (RULE.test(line)) {
      push(from, ++i, () => h("hr"));
    } else if (depth < DEEPEST && /^ {0,3}>/.test(line)) {
      for (
        ;
        i < lines.length && lines[i].trim() && (/^ {0,3}>/.test(lines[i]) || !isBlockStart(lines[i]));
        i++
      );
      const inner = lines.slice(from, i).map((x) => x.replace(/^ {0,3}> ?/, ""));
      push(from, i, () => h("blockquote", null, markdown(inner, depth + 1)));
    } else if (depth < DEEPEST && ITEM.test(line)) {
      i = endOfList(lines, from);
      const inner = lines.slice(from, i);
      push(from, i, () => list(inner, depth + 1));
    } else if (
      line.includes("|") &&
      lines[i + 1]?.includes("-") &&
      TABLE.test(lines[i + 1]) &&
      cells(line).length === cells(lines[i + 1]).length
    ) {
      for (i += 2; i < lines.length && lines[i].trim() && lines[i].includes("|"); i++);
      const inner = lines.slice(from, i);
      push(from, i, () => table(inner));
    } else {
      for (i++; i < lines.length && lines[i].trim() && !isBlockStart(lines[i]); i++);
      const text = lines.slice(from, i).join("\n").trim();
      push(from, i, () => h("p", null, inline(text)));
    }
  }
  return out;
}

function isBlockStart(line) {
  const item = ITEM.exec(line);
  return (
    FENCE.test(line) ||
    HEADING.test(line) ||
    RULE.test(line) ||
    /^ {0,3}>/.test(line) ||
    Boolean(item && item[3] && (!/\d/.test(item[2]) || parseInt(item[2], 10) === 1))
  );
}

function endOfList(lines, from) {
  const indent = ITEM.exec(lines[from])[1].length;
  let i = from + 1;
  for (; i < lines.length; i++) {
    if (!lines[i].trim()) {
      const next = lines.slice(i).find((line) => line.trim());
      if (next === undefined || !(/^\s/.test(next) || (ITEM.test(next) && !RULE.test(next)))) break;
      continue;
    }
    const isInside = /^\s/.test(lines[i]) && lines[i].search(/\S/) > indent;
    if (isInside || (ITEM.test(lines[i]) && !RULE.test(lines[i]))) continue;
    if (!lines[i - 1].trim() || isBlockStart(lines[i])) break;
  }
  return i;
}

function list(lines, depth) {
  const first = ITEM.exec(lines[0]);
  const indent = first[1].length;
  const isOrdered = /\d/.test(first[2]);
  const items = [];
  for (const line of lines) {
    const item = ITEM.exec(line);
    if (item && item[1].length <= indent + 1 && !RULE.test(line)) items.push([item[3] ?? ""]);
    else items.at(-1).push(line);
  }
  const start = isOrdered ? parseInt(first[2], 10) : 1;
  const isLoose = lines.some((line) => !line.trim());
  return h(
    isOrdered ? "ol" : "ul",
    { start: start !== 1 && start },
    items.map(([head, ...rest]) => {
      const margin = Math.min(...rest.filter((line) => line.trim()).map((line) => line.search(/\S/)), 9);
      const nodes = markdown(
        [head, ...rest.map((line) => line.slice(Math.min(margin, Math.max(0, line.search(/\S/)))))],
        depth,
      );
      if (isLoose || nodes[0]?.tagName !== "P") return h("li", null, nodes);
      return h("li", null, [...nodes[0].childNodes], nodes.slice(1));
    }),
  );
}

function cells(line) {
  return line
    .trim()
    .replace(/^\||\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table([head, rule, ...rows]) {
  const sides = cells(rule).map((cell) =>
    /^:.*:$/.test(cell) ? "center" : cell.endsWith(":") ? "right" : null,
  );
  const row = (line, tag) =>
    h(
      "tr",
      null,
      sides.map((side, i) => h(tag, { class: side }, inline(cells(line)[i] ?? ""))),
    );
  return h(
    "div",
    { class: "scroller", tabindex: 0 },
    h(
      "table",
      null,
      h("thead", null, row(head, "th")),
      h(
        "tbody",
        null,
        rows.map((line) => row(line, "td")),
      ),
    ),
  );
}

function markdown(lines, depth = 0) {
  return blocks(lines, depth).map((block) => block.make());
}

// Shows Markdown in `node`, keeping the nodes of blocks that are as they were: what was selected stays selected,
// and a long answer costs no more at its end than at its beginning.
function showMarkdown(node, text) {
  const old = node.blocks ?? [];
  const now = blocks(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
  let same = 0;
  while (same < old.length && same < now.length && old[same].src === now[same].src) same++;
  for (const block of old.slice(same)) block.node.remove();
  now.forEach((block, i) => {
    block.node = i < same ? old[i].node : block.make();
    if (i >= same) node.append(block.node);
  });
  node.blocks = now;
  node.classList.toggle("is-empty", now.length === 0);
}

// page_messages.js: how a conversation looks: articles for messages, and what can be done to them.
//
// The column is drawn whole when its shape changes; while an answer comes only its own article is
// touched, at most once a frame.

let followed = true; // the end of the column stays in sight
let edited = null; // id of the message that is being edited
const unfolded = new Set(); // ids of messages whose thoughts are shown

/* ---- the column ---- */

function drawChat(which) {
  if (which !== chat) return;
  const path = pathOf(which);
  $("empty").hidden = path.length > 0;
  $("log").hidden = path.length === 0;
  $("log").replaceChildren(...path.map((entry, i) => article(which, entry, i === path.length - 1)));
  for (const area of $("log").querySelectorAll("textarea")) grow(area);
  drawComposer();
  drawContext(path);
  drawTitle();
  follow();
}

function article(which, entry, isLast) {
  const { message } = entry;
  const make = { user: userArticle, assistant: answerArticle, tools: toolsArticle }[message.role];
  const node = make(which, entry, isLast);
  node.dataset.id = message.id;
  node.classList.toggle("is-last", isLast);
  return node;
}

const articleOf = (message) => $("log").querySelector(`[data-id="${CSS.escape(message.id)}"]`);

function follow(isForced = false) {
  if (isForced) followed = true;
  if (followed) $("scroll").scrollTop = $("scroll").scrollHeight;
  $("latest").hidden = followed || $("log").hidden;
}

/* ---- what can be done to a message ---- */

function acts(which, entry, ...buttons) {
  const { message } = entry;
  const isBusy = runs.has(which.id);
  return h(
    "div",
    { class: "acts" },
    branch(which, entry, isBusy),
    buttons,
    iconButton("trash", "Drop from here", () => rewind(which, message)),
    metaOf(message),
  );
}

function branch(which, { message, siblings }, isBusy) {
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(message);
  const turn = (to, side) => {
    which.pick[message.parent] = siblings[to].id;
    edited = null;
    keepChat(which);
    followed = false;
    drawChat(which);
    const node = articleOf(siblings[to]);
    const button =
      node.querySelector(`.branch .${side}:not(:disabled)`) ??
      node.querySelector(".branch button:not(:disabled)");
    button.focus();
    say(`Branch ${to + 1} of ${siblings.length}`);
  };
  const prev = iconButton("left", "Previous branch", () => turn(at - 1, "prev"), "prev");
  const next = iconButton("right", "Next branch", () => turn(at + 1, "next"), "next");
  prev.disabled = isBusy || at === 0;
  next.disabled = isBusy || at === siblings.length - 1;
  return h(
    "span",
    { class: "branch", role: "group", "aria-label": "Branches" },
    prev,
    h("span", null, `${at + 1}/${siblings.length}`),
    next,
  );
}

/** Takes a message and all that follows away. What a user had written goes back to where it is written. */
function rewind(which, message) {
  stop(which);
  const draft = which.draft;
  const putBack = dropMessage(which, message);
  if (message.role === "user" && !which.draft.trim()) setDraft(which, message.content);
  edited = null;
  keepChat(which);
  drawChat(which);
  drawList();
  toast("Dropped from there on.", "Undo", () => {
    putBack();
    setDraft(which, draft);
    keepChat(which);
    drawChat(which);
    drawList();
  });
  $("input").focus();
}

function regenerate(which, message) {
  followed = true;
  answer(which, message.parent);
}

/* ---- what the user said ---- */

function userArticle(which, entry) {
  const { message } = entry;
  if (edited === message.id) return editor(which, message);
  const edit = iconButton("edit", "Edit and send again", () => startEdit(which, message), "edit");
  const copy = iconButton("copy", "Copy", () => copyText(message.content, copy));
  edit.disabled = runs.has(which.id);
  return h(
    "article",
    { class: "user", "aria-label": "You" },
    h("div", { class: "bubble", dir: "auto" }, message.content),
    acts(which, entry, edit, copy),
  );
}

function startEdit(which, message) {
  if (runs.has(which.id)) return;
  edited = message.id;
  followed = false;
  drawChat(which);
  const area = articleOf(message).querySelector("textarea");
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

function editor(which, message) {
  const area = h("textarea", {
    value: message.content,
    rows: 1,
    "aria-label": "Edit the message",
    dir: "auto",
    input: () => grow(area),
  });
  const leave = () => {
    edited = null;
    drawChat(which);
    articleOf(message).querySelector(".edit").focus();
  };
  const send = () => {
    if (!area.value.trim()) return;
    edited = null;
    say("A new branch. The old one is kept.");
    followed = true;
    const fork = addMessage(which, message.parent, "user", { content: area.value.trim() });
    if (!answer(which, fork.id)) drawChat(which);
    $("input").focus();
  };
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      leave();
    } else if (isSendKey(event)) {
      event.preventDefault();
      send();
    }
  });
  return h(
    "article",
    { class: "user is-edited", "aria-label": "You" },
    h(
      "div",
      { class: "editor" },
      area,
      h(
        "div",
        { class: "row" },
        h("span", { class: "hint" }, "The old branch is kept."),
        textButton("Cancel", leave),
        textButton("Send", send, "button primary"),
      ),
    ),
  );
}

/* ---- what the model said ---- */

function answerArticle(which, entry, isLast) {
  const { message } = entry;
  const isLive = Boolean(message.isLive);
  const parts = { think: h("div"), text: h("div", { class: "text", dir: "auto" }), calls: h("div") };
  parts.fold = h(
    "details",
    {
      class: "think",
      open: unfolded.has(message.id),
      toggle: () => unfolded[parts.fold.open ? "add" : "delete"](message.id),
    },
    h("summary", null, icon("right", 14), h("span")),
    parts.think,
  );
  const node = h(
    "article",
    { class: "answer", "aria-label": message.model || "The model" },
    parts.fold,
    parts.text,
    parts.calls,
  );
  node.parts = parts;
  fillAnswer(node, message, isLive ? runs.get(which.id) : null);
  node.classList.toggle("is-live", isLive);
  node.setAttribute("aria-busy", String(isLive));
  if (isLive) {
    node.append(h("div", { class: "quiet" }));
    return node;
  }
  node.append(...notesOf(which, message));
  const hasForm = isLast && message.calls.length > 0 && !message.error;
  const again = iconButton("again", "Answer again", () => regenerate(which, message));
  const copy = iconButton("copy", "Copy", () => copyText(message.content, copy));
  again.disabled = runs.has(which.id);
  if (hasForm) node.append(resultForm(which, message));
  node.append(acts(which, entry, message.content && copy, !message.error && again));
  return node;
}

/** Text, thoughts and calls as they are by now. */
function fillAnswer(node, message, run) {
  const { parts } = node;
  const isThinking = run && !run.thinkEnd;
  parts.fold.hidden = !message.reasoning;
  if (message.reasoning) {
    const thought = message.stats?.thought ?? 0;
    parts.fold.querySelector("span").textContent = isThinking
      ? "Thinking"
      : thought > 0.05
        ? `Thought for ${seconds(thought)}`
        : "Thoughts";
    if (parts.think.textContent !== message.reasoning) parts.think.textContent = message.reasoning;
  }
  if (message.isJson && message.content) showJson(parts.text, message.content);
  else showMarkdown(parts.text, message.content);
  const known = message.calls.map((call) => call && call.name + call.arguments).join();
  if (parts.calls.known !== known)
    parts.calls.replaceChildren(...message.calls.filter(Boolean).map(callCard));
  parts.calls.known = known;
}

function showJson(node, text) {
  const value = parseJson(text);
  node.replaceChildren(codeBlock(value === undefined ? text : JSON.stringify(value, null, 2), "json"));
  node.blocks = [];
}

function callCard(call) {
  const value = parseJson(call.arguments || "{}");
  const body = isObject(value)
    ? h(
        "dl",
        null,
        Object.entries(value).map(([name, x]) => [
          h("dt", null, name),
          h("dd", null, typeof x === "string" ? x : JSON.stringify(x, null, 2)),
        ]),
      )
    : h("pre", { class: "raw" }, call.arguments);
  return h(
    "section",
    { class: "call", "aria-label": `Call of ${call.name}` },
    h(
      "div",
      { class: "name" },
      icon("tool", 17),
      h("span", null, call.name || "…"),
      h("small", null, "tool call"),
    ),
    (!isObject(value) || Object.keys(value).length > 0) && body,
  );
}

/** A field for the result of each call; going on sends them all. */
function resultForm(which, message, results) {
  const fields = message.calls.map((call, i) => {
    const area = h("textarea", {
      id: `result-${i}`,
      class: "code",
      rows: 1,
      spellcheck: "false",
      value: results?.find((r) => r.id === call.id)?.content ?? call.draft,
      placeholder: "Text or JSON",
      input: () => {
        grow(area);
        call.draft = area.value;
        keepSoon(which);
      },
      keydown: (event) => {
        if (!isSendKey(event)) return;
        event.preventDefault();
        if (i + 1 < fields.length) fields[i + 1].focus();
        else send();
      },
    });
    return area;
  });
  const send = () => {
    if (runs.has(which.id)) return;
    const given = message.calls.map((call, i) => ({
      id: call.id,
      name: call.name,
      content: fields[i].value,
    }));
    followed = true;
    edited = null;
    const told = addMessage(which, message.id, "tools", { results: given });
    if (!answer(which, told.id)) drawChat(which);
    $("input").focus();
  };
  return h(
    "form",
    {
      class: "results",
      submit: (event) => {
        event.preventDefault();
        send();
      },
    },
    message.calls.map((call, i) =>
      h("div", { class: "field" }, h("label", { for: `result-${i}` }, `Result of ${call.name}`), fields[i]),
    ),
    h(
      "div",
      { class: "row" },
      h("button", { class: "button primary", type: "submit" }, "Continue"),
      results &&
        textButton("Cancel", () => {
          edited = null;
          drawChat(which);
        }),
    ),
  );
}

function toolsArticle(which, entry) {
  const { message } = entry;
  const asked = which.messages.find((m) => m.id === message.parent);
  if (edited === message.id)
    return h(
      "article",
      { class: "tools", "aria-label": "Results of tools" },
      resultForm(which, asked, message.results),
    );
  const edit = iconButton("edit", "Edit and send again", () => startEdit(which, message), "edit");
  edit.disabled = runs.has(which.id) || asked?.role !== "assistant";
  return h(
    "article",
    { class: "tools", "aria-label": "Results of tools" },
    message.results.map((r) =>
      h(
        "div",
        { class: "result" },
        h("div", { class: "label" }, `Result of ${r.name || "the call"}`),
        h("pre", { tabindex: 0, dir: "auto" }, prettyJson(r.content)),
      ),
    ),
    acts(which, entry, edit),
  );
}

function prettyJson(text) {
  const value = parseJson(text);
  return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : text;
}

const ENDS = {
  length: "Cut off: the limit of tokens was reached.",
  stopped: "Stopped.",
  interrupted: "Interrupted: the page was closed.",
};

function notesOf(which, message) {
  const notes = [...message.notes];
  if (ENDS[message.finish]) notes.push(ENDS[message.finish]);
  else if (!message.content && message.calls.length === 0 && !message.error)
    notes.push("The model said nothing.");
  const out = notes.map((note) => h("p", { class: "note" }, note));
  if (message.error)
    out.push(
      h(
        "div",
        { class: "fault", role: "alert" },
        icon("fault", 17),
        h(
          "span",
          null,
          message.error.text,
          message.error.request && h("code", null, ` ${message.error.request}`),
        ),
        textButton("Try again", () => retry(which, message), "link"),
      ),
    );
  return out;
}

/** "128 tokens · 42 tokens/s · first after 0.21 s · prompt 512, 480 reused" */
function metaOf(message) {
  const { stats } = message;
  if (message.role !== "assistant" || !stats?.tokens) return null;
  const words = [plural(stats.tokens, "token")];
  if (stats.rate) words.push(`${speed(stats.rate)} tok/s`);
  const more = [];
  if (stats.first !== undefined) more.push(`first after ${seconds(stats.first)}`);
  if (stats.prompt)
    more.push(`prompt ${count(stats.prompt)}${stats.cached ? `, ${count(stats.cached)} reused` : ""}`);
  return h(
    "span",
    { class: "meta" },
    words.join(" · "),
    more.length > 0 && h("span", { class: "more" }, ` · ${more.join(" · ")}`),
  );
}

const speed = (rate) => (rate < 20 ? rate.toFixed(1) : count(Math.round(rate)));

/* ---- while it comes ---- */

function drawLive(which, run) {
  if (which !== chat || run.frame) return;
  run.frame = requestAnimationFrame(() => {
    run.frame = 0;
    const node = which === chat && runs.get(which.id) === run && articleOf(run.message);
    if (!node) return;
    fillAnswer(node, run.message, run);
    drawPulse(node, run);
    drawContext(null, run);
    follow();
  });
}

function drawPulse(node, run) {
  const stats = statsOf(run);
  const waited = (performance.now() - run.begun) / 1000;
  const words = run.first
    ? [
        plural(stats.tokens, "token"),
        stats.rate && `${speed(stats.rate)} tok/s`,
        `first after ${seconds(stats.first)}`,
      ]
    : [waited > 0.8 ? `Reading the prompt, ${seconds(waited)}` : "Reading the prompt"];
  node
    .querySelector(".quiet")
    .replaceChildren(h("i", { class: "pulse" }), h("span", null, words.filter(Boolean).join(" · ")));
}

/** Waiting has no events of its own. */
setInterval(() => {
  const run = chat && runs.get(chat.id);
  if (run && !run.first) drawLive(chat, run);
}, 250);

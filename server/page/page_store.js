// page_store.js: the conversations and wishes that this browser keeps.
//
// A conversation is a tree: every message names its parent (ROOT: none), stands behind it in
// `messages`, and `pick` tells which child of each is shown. So nothing that was once said is lost
// by saying it otherwise. Owns reading (all of a file or of the storage is foreign and is checked),
// keeping, and the operations on the tree; draws nothing.

const ROOT = "";
const PREFIX = "weir.";

const store = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
      return null;
    }
  },
  put(key, value) {
    try {
      localStorage.setItem(PREFIX + key, JSON.stringify(value));
    } catch {
      toast(
        "This browser has no more room: export and delete conversations, or new words are lost with this tab.",
      );
    }
  },
  drop(key) {
    try {
      localStorage.removeItem(PREFIX + key);
    } catch {
      /* then nothing was kept */
    }
  },
  keys() {
    try {
      return Object.keys(localStorage)
        .filter((key) => key.startsWith(PREFIX))
        .map((key) => key.slice(PREFIX.length));
    } catch {
      return [];
    }
  },
};

const prefs = {
  theme: "auto",
  sampling: {},
  model: "",
  open: "",
  draft: "",
  isPanelOpen: false,
  ...store.get("prefs"),
};
if (!isObject(prefs.sampling)) prefs.sampling = {};
const keepPrefs = () => store.put("prefs", prefs);

const chats = new Map(); // id -> conversation that has been kept
let chat = null; // the one that is shown; kept or still blank

function blankChat() {
  const now = Date.now();
  return {
    id: makeId(),
    title: "",
    created: now,
    updated: now,
    system: "",
    tools: "",
    schema: "",
    draft: "",
    messages: [],
    pick: {},
  };
}

/* ---- reading what is foreign ---- */

function readCall(call) {
  const f = isObject(call.function) ? call.function : call;
  const given = f.arguments;
  return {
    id: asText(call.id) || makeId(),
    name: asText(f.name),
    draft: asText(call.draft),
    arguments: isObject(given) ? JSON.stringify(given) : asText(given),
  };
}

function readMessage(m) {
  const message = {
    id: asText(m.id) || makeId(),
    parent: m.parent,
    role: m.role,
    content: asText(m.content),
  };
  if (m.role === "tools")
    message.results = (Array.isArray(m.results) ? m.results : [])
      .filter(isObject)
      .map((r) => ({ id: asText(r.id), name: asText(r.name), content: asText(r.content) }));
  if (m.role !== "assistant") return message;
  const list = (value) => (Array.isArray(value) ? value : []);
  message.reasoning = asText(m.reasoning ?? m.reasoning_content);
  message.calls = list(m.calls ?? m.tool_calls)
    .filter(isObject)
    .map(readCall);
  message.notes = list(m.notes).filter((note) => typeof note === "string");
  message.model = asText(m.model);
  message.isJson = m.isJson === true;
  message.finish = m.isLive ? "interrupted" : asText(m.finish);
  if (isObject(m.error)) message.error = { text: asText(m.error.text), request: asText(m.error.request) };
  if (isObject(m.stats))
    message.stats = Object.fromEntries(Object.entries(m.stats).filter(([, value]) => Number.isFinite(value)));
  return message;
}

/** A conversation: our own, or a list of messages as the chat API has them; null if it is none. */
function readChat(value) {
  const source = Array.isArray(value) ? { messages: value } : value;
  if (!isObject(source) || !Array.isArray(source.messages)) return null;
  const read = blankChat();
  if (asText(source.id)) read.id = source.id;
  for (const key of ["title", "system", "tools", "schema", "draft"]) read[key] = asText(source[key]);
  if (Array.isArray(source.tools)) read.tools = JSON.stringify(source.tools, null, 2);
  for (const key of ["created", "updated"]) if (Number.isFinite(source[key])) read[key] = source[key];
  const seen = new Set();
  let last = ROOT;
  for (const m of source.messages) {
    if (!isObject(m)) return null;
    if (m.role === "system" || m.role === "developer") {
      read.system = asText(m.content);
      continue;
    }
    const before = read.messages.at(-1);
    if (m.role === "tool") {
      // the chat API has a message for each result
      const result = { id: asText(m.tool_call_id), name: asText(m.name), content: asText(m.content) };
      if (before?.role === "tools" && before.id === last) {
        before.results.push(result);
        continue;
      }
      read.messages.push({ id: makeId(), parent: last, role: "tools", content: "", results: [result] });
    } else if (["user", "assistant", "tools"].includes(m.role)) {
      const message = readMessage(m);
      if (message.parent === undefined) message.parent = last;
      if (seen.has(message.id) || (message.parent !== ROOT && !seen.has(message.parent))) return null;
      read.messages.push(message);
    } else {
      return null;
    }
    last = read.messages.at(-1).id;
    seen.add(last);
  }
  for (const [parent, child] of Object.entries(isObject(source.pick) ? source.pick : {}))
    if (seen.has(child) && (parent === ROOT || seen.has(parent))) read.pick[parent] = child;
  return read;
}

/** Conversations of a file's text; throws one line that says what is wrong. */
function readFileText(text) {
  const value = parseJson(text);
  if (value === undefined) throw new Error("This file is not JSON.");
  const list = Array.isArray(value?.conversations) ? value.conversations : [value];
  const read = list.map(readChat);
  if (read.length === 0 || read.includes(null))
    throw new Error("This file holds no conversation: messages were expected.");
  return read;
}

function fileText(list) {
  const out =
    list.length === 1
      ? { format: "weir conversation", ...list[0] }
      : { format: "weir conversations", conversations: list };
  return `${JSON.stringify(out, null, 2)}\n`;
}

/* ---- keeping ---- */

function loadChats() {
  for (const key of store.keys().filter((name) => name.startsWith("chat."))) {
    const read = readChat(store.get(key));
    if (read) chats.set(read.id, read);
  }
}

/** Keeps it, unless it says nothing yet. True: it is new in the list. */
function keepChat(which) {
  const isBlank =
    which.messages.length === 0 && !which.system && !which.tools && !which.schema && !which.title;
  if (isBlank && !chats.has(which.id)) return false;
  const isNew = !chats.has(which.id);
  chats.set(which.id, which);
  store.put(`chat.${which.id}`, which);
  return isNew;
}

function forgetChat(which) {
  chats.delete(which.id);
  store.drop(`chat.${which.id}`);
}

function titleOf(which) {
  if (which.title) return which.title;
  const first = which.messages
    .find((message) => message.role === "user")
    ?.content.trim()
    .replace(/\s+/g, " ");
  if (!first) return "New conversation";
  return first.length > 60 ? `${first.slice(0, 57).trimEnd()}…` : first;
}

/** A piece of text around the words in a conversation; "": only the title has them; null: nothing has. */
function findIn(which, words) {
  const lower = words.toLowerCase();
  for (const message of which.messages) {
    const at = message.content.toLowerCase().indexOf(lower);
    if (at >= 0) return message.content.slice(Math.max(0, at - 24), at + 90).replace(/\s+/g, " ");
  }
  return titleOf(which).toLowerCase().includes(lower) ? "" : null;
}

/* ---- the tree ---- */

/** The messages that are shown, from the first to the last, each with those it could be exchanged for. */
function pathOf(which) {
  const children = new Map();
  for (const message of which.messages) {
    if (!children.has(message.parent)) children.set(message.parent, []);
    children.get(message.parent).push(message);
  }
  const path = [];
  for (let at = ROOT; children.has(at); at = path.at(-1).message.id) {
    const siblings = children.get(at);
    path.push({ siblings, message: siblings.find((m) => m.id === which.pick[at]) ?? siblings.at(-1) });
  }
  return path;
}

const lastOf = (which) => pathOf(which).at(-1)?.message;

function addMessage(which, parent, role, fields) {
  const message = { id: makeId(), parent, role, content: "", ...fields };
  which.messages.push(message);
  which.pick[parent] = message.id;
  which.updated = Date.now();
  return message;
}

/** Takes a message away with all that follows it, on every branch; what is returned puts it back. */
function dropMessage(which, message) {
  const { messages, pick } = which;
  const gone = new Set([message.id]);
  for (const m of messages) if (gone.has(m.parent)) gone.add(m.id);
  which.messages = messages.filter((m) => !gone.has(m.id));
  which.pick = Object.fromEntries(
    Object.entries(pick).filter(([parent, child]) => !gone.has(parent) && !gone.has(child)),
  );
  which.updated = Date.now();
  return () => {
    // What was said in the meantime stays.
    const here = new Set(messages.map((m) => m.id));
    which.messages = [...messages, ...which.messages.filter((m) => !here.has(m.id))];
    which.pick = { ...which.pick, ...pick };
  };
}

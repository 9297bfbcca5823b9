// page_main.js: the frame: list of conversations, composer, key, keyboard, and how it all starts.

let afterKey = null; // what to do once a key was given

/* ---- which conversation is shown ---- */

function openChat(which) {
  flush();
  chat = which;
  edited = null;
  prefs.open = chats.has(which.id) ? which.id : "";
  keepPrefs();
  followed = true;
  setDraft(which, which.draft);
  drawConversation();
  drawChat(which);
  drawList();
  follow(true);
}

function newChat() {
  const which = Object.assign(blankChat(), { draft: asText(prefs.draft) });
  showSide(false);
  $("find").value = "";
  openChat(which);
  $("input").focus();
}

let soonTimer = 0;
let soon = null;
/** Keeps a conversation once its writer pauses. */
function keepSoon(which) {
  if (soon !== which) flush();
  soon = which;
  clearTimeout(soonTimer);
  soonTimer = setTimeout(flush, 300);
}
function flush() {
  clearTimeout(soonTimer);
  if (soon && keepChat(soon)) {
    if (soon === chat) prefs.open = soon.id;
    drawList();
  }
  soon = null;
  keepPrefs();
}

function setDraft(which, text) {
  which.draft = text;
  if (!chats.has(which.id)) prefs.draft = text;
  if (which !== chat) return;
  $("input").value = text;
  grow($("input"));
  drawComposer();
}

/* ---- the list ---- */

const DAY = 86400000;

function ageOf(time) {
  const today = new Date().setHours(0, 0, 0, 0);
  if (time >= today) return "Today";
  if (time >= today - DAY) return "Yesterday";
  return time >= today - 7 * DAY ? "Last seven days" : "Earlier";
}

function drawList() {
  const words = $("find").value.trim();
  const groups = new Map();
  for (const which of [...chats.values()].sort((a, b) => b.updated - a.updated)) {
    const found = words ? findIn(which, words) : "";
    if (found === null) continue;
    const age = words ? "Found" : ageOf(which.updated);
    if (!groups.has(age)) groups.set(age, []);
    groups.get(age).push(chatRow(which, found, words));
  }
  const nothing = words ? "Nothing found." : "Conversations are kept in this browser.";
  $("list").replaceChildren(
    ...(groups.size === 0 ? [h("p", { class: "nothing" }, nothing)] : []),
    ...[...groups].flatMap(([age, rows]) => [h("h2", null, age), h("ul", null, rows)]),
  );
  $("export-all").disabled = chats.size === 0;
}

function chatRow(which, found, words) {
  const isOpen = which === chat;
  const open = h(
    "button",
    {
      type: "button",
      class: "open",
      title: titleOf(which),
      "aria-current": isOpen && "page",
      click: () => {
        showSide(false);
        openChat(which);
        if (!isTouch) $("input").focus();
      },
      dblclick: () => rename(which, row),
    },
    h("span", null, titleOf(which)),
    found && h("small", null, marked(found, words)),
  );
  const row = h(
    "li",
    { class: `chat ${isOpen ? "is-open" : ""}` },
    open,
    runs.has(which.id) && h("span", { class: "live", role: "img", "aria-label": "being answered" }),
    h(
      "span",
      { class: "tools" },
      iconButton("edit", "Rename", () => rename(which, row)),
      iconButton("trash", "Delete", () => removeChat(which)),
    ),
  );
  return row;
}

function marked(text, words) {
  const at = text.toLowerCase().indexOf(words.toLowerCase());
  return at < 0
    ? text
    : [text.slice(0, at), h("mark", null, text.slice(at, at + words.length)), text.slice(at + words.length)];
}

function rename(which, row) {
  const input = h("input", {
    value: titleOf(which),
    "aria-label": "Name of the conversation",
    maxlength: 200,
  });
  let isDone = false;
  const leave = (isKept) => {
    if (isDone) return;
    isDone = true;
    if (isKept && input.value.trim() !== titleOf(which)) {
      which.title = input.value.trim();
      keepChat(which);
    }
    drawList();
    drawTitle();
    $("list").querySelector(".is-open .open")?.focus();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") leave(true);
    if (event.key === "Escape") {
      event.stopPropagation();
      leave(false);
    }
  });
  input.addEventListener("blur", () => leave(true));
  row.replaceChildren(input);
  input.focus();
  input.select();
}

function removeChat(which) {
  stop(which);
  if (soon === which) soon = null;
  forgetChat(which);
  if (which === chat) newChat();
  drawList();
  toast("Conversation deleted.", "Undo", () => {
    keepChat(which);
    openChat(which);
  });
}

function drawTitle() {
  const title = titleOf(chat);
  $("title").textContent = title;
  document.title = chat.messages.length > 0 ? `${title} - weir` : "weir";
  $("export").disabled = chat.messages.length === 0;
}

function showSide(isOpen) {
  $("app").classList.toggle("with-side", isOpen);
  $("menu").setAttribute("aria-expanded", String(isOpen));
}

/* ---- files ---- */

function saveFile(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function exportChat(which) {
  const name = titleOf(which)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 50);
  saveFile(`${name || "conversation"}.json`, fileText([which]));
}

async function importFiles(files) {
  let last = null;
  try {
    for (const file of files) {
      for (const read of readFileText(await file.text())) {
        if (chats.has(read.id)) read.id = makeId();
        last = read;
        keepChat(read);
      }
    }
  } catch (error) {
    toast(error.message);
  }
  if (last) openChat(last);
}

/* ---- the composer ---- */

const isSendKey = (event) =>
  event.key === "Enter" &&
  !event.shiftKey &&
  !event.isComposing &&
  !event.altKey &&
  (!isTouch || event.ctrlKey || event.metaKey);

function drawComposer() {
  const isBusy = runs.has(chat.id);
  const button = $("send");
  if (button.dataset.shape !== String(isBusy)) {
    button.dataset.shape = String(isBusy);
    button.replaceChildren(icon(isBusy ? "stop" : "up", 20));
    button.setAttribute("aria-label", isBusy ? "Stop" : "Send");
    button.title = isBusy ? "Stop (Esc)" : "Send (Enter)";
  }
  button.disabled = !isBusy && !$("input").value.trim();
  $("words").textContent = isTouch ? "" : isBusy ? "Esc stops" : "Enter sends, Shift Enter begins a new line";
}

function send() {
  if (runs.has(chat.id)) return;
  const text = $("input").value.trim();
  if (!text) return;
  const which = chat;
  const asked = addMessage(which, lastOf(which)?.id ?? ROOT, "user", { content: text });
  setDraft(which, "");
  edited = null;
  followed = true;
  if (!answer(which, asked.id)) {
    // the words go back to where they can be sent again
    dropMessage(which, asked);
    setDraft(which, text);
    drawChat(which);
    return;
  }
  prefs.open = which.id;
  keepPrefs();
}

const EXAMPLES = [
  {
    shape: "book",
    label: "Tell me a story",
    about: "about a brave little mouse",
    text: "Tell me a story about a brave little mouse.",
  },
  {
    shape: "tool",
    label: "Call a tool",
    about: "and answer it by hand",
    text: "What is the weather in Oslo?",
    tools: asExample(TOOLS_EXAMPLE),
  },
  {
    shape: "braces",
    label: "Answer in JSON",
    about: "of a form you give",
    text: "Describe a cat.",
    schema: asExample(SCHEMA_EXAMPLE),
  },
];

function makeExamples() {
  $("examples").replaceChildren(
    ...EXAMPLES.map((example) =>
      h(
        "button",
        {
          type: "button",
          click: () => {
            if (example.tools) setWish("tools", example.tools);
            if (example.schema) setWish("schema", example.schema);
            setDraft(chat, example.text);
            send();
            $("input").focus();
          },
        },
        icon(example.shape, 20),
        h("b", null, example.label),
        h("span", null, example.about),
      ),
    ),
  );
}

/* ---- the key ---- */

function askForKey() {
  if ($("key").open) return;
  $("key-why").textContent = apiKey
    ? "The server does not take the key it was given. It is kept only in this tab."
    : "This server answers only those who have a key. It is kept only in this tab.";
  $("key-value").value = "";
  $("key").returnValue = "";
  $("key").showModal();
}

function startKey() {
  $("key-cancel").onclick = () => $("key").close();
  $("key").addEventListener("close", () => {
    const given = $("key-value").value.trim();
    $("key-value").value = "";
    if ($("key").returnValue !== "ok") return;
    setKey(given);
    lookAtServer();
    afterKey?.();
    afterKey = null;
    $("input").focus();
  });
}

/* ---- the keyboard ---- */

function onKey(event) {
  const isCommand = isMac ? event.metaKey : event.ctrlKey;
  if (isCommand && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    showSide(true);
    $("find").focus();
    $("find").select();
  } else if (isCommand && event.shiftKey && event.key.toLowerCase() === "o") {
    event.preventDefault();
    newChat();
  } else if (event.key === "Escape" && !$("key").open) {
    onEscape();
  }
}

/** The nearest thing that can be ended. */
function onEscape() {
  if ($("app").classList.contains("with-side")) {
    showSide(false);
    $("menu").focus();
  } else if (!$("panel").hidden && (!isWide() || $("panel").contains(document.activeElement))) {
    showPanel(false);
  } else if (runs.has(chat.id)) {
    stop(chat);
    $("input").focus();
  }
}

function onComposerKey(event) {
  if (isSendKey(event)) {
    event.preventDefault();
    send();
  } else if (event.key === "ArrowUp" && !$("input").value && !event.isComposing) {
    const last = pathOf(chat)
      .map((entry) => entry.message)
      .filter((m) => m.role === "user")
      .at(-1);
    if (!last || runs.has(chat.id)) return;
    event.preventDefault();
    startEdit(chat, last);
  }
}

function onFindKey(event) {
  const rows = [...$("list").querySelectorAll(".open")];
  if (event.key === "Enter") {
    event.preventDefault();
    if ($("find").value.trim()) rows[0]?.click();
    else newChat();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    rows[0]?.focus();
  } else if (event.key === "Escape" && $("find").value) {
    event.stopPropagation();
    $("find").value = "";
    drawList();
  }
}

function onListKey(event) {
  const rows = [...$("list").querySelectorAll(".open")];
  const at = rows.indexOf(document.activeElement);
  if (at < 0 || !["ArrowDown", "ArrowUp", "F2", "Delete"].includes(event.key)) return;
  event.preventDefault();
  const row = rows[at].closest(".chat");
  if (event.key === "ArrowDown") rows[at + 1]?.focus();
  else if (event.key === "ArrowUp") (rows[at - 1] ?? $("find")).focus();
  else row.querySelector(event.key === "F2" ? ".tools button" : ".tools button:last-child").click();
}

/* ---- start ---- */

function startFrame() {
  for (const node of document.querySelectorAll("[data-icon]"))
    node.prepend(icon(node.dataset.icon, Number(node.dataset.size ?? 18)));
  $("new-key").textContent = isMac ? "⌘K" : "Ctrl K";
  $("input").enterKeyHint = isTouch ? "enter" : "send";
  $("input").placeholder = "Write a message";
  $("new").onclick = newChat;
  $("menu").onclick = () => {
    showSide(true);
    $("side-close").focus();
  };
  $("side-close").onclick = onEscape;
  $("shade").onclick = onEscape;
  $("find").addEventListener("input", drawList);
  $("find").addEventListener("keydown", onFindKey);
  $("list").addEventListener("keydown", onListKey);
  $("export").onclick = () => exportChat(chat);
  $("export-all").onclick = () => saveFile("weir-conversations.json", fileText([...chats.values()]));
  $("import").onclick = () => $("file").click();
  $("file").onchange = () => {
    importFiles([...$("file").files]);
    $("file").value = "";
  };
  $("input").addEventListener("input", () => {
    grow($("input"));
    chat.draft = $("input").value;
    if (!chats.has(chat.id)) prefs.draft = chat.draft;
    drawComposer();
    keepSoon(chat);
  });
  $("input").addEventListener("keydown", onComposerKey);
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (runs.has(chat.id)) stop(chat);
    else send();
  });
  $("latest").onclick = () => follow(true);
  $("scroll").addEventListener(
    "scroll",
    () => {
      const rest = $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight;
      followed = rest < 60;
      $("latest").hidden = followed || $("log").hidden;
      $("main").classList.toggle("is-scrolled", $("scroll").scrollTop > 4);
    },
    { passive: true },
  );
  document.addEventListener("keydown", onKey);
  for (const [name, value] of [
    ["beforeunload", true],
    ["pagehide", true],
    ["pageshow", false],
  ])
    addEventListener(name, () => {
      isLeaving = value;
    });
  addEventListener("pagehide", flush);
  new ResizeObserver(() => follow()).observe($("scroll"));
  addEventListener("resize", () => grow($("input")));
  addEventListener("storage", onOtherTab);
}

/** Another tab of this browser kept or dropped a conversation. */
function onOtherTab(event) {
  const id = event.key?.startsWith(`${PREFIX}chat.`) ? event.key.slice(PREFIX.length + 5) : null;
  if (!id || runs.has(id)) return;
  const read = readChat(parseJson(event.newValue ?? "null"));
  if (read) {
    chats.set(id, read);
    if (chat.id === id) openChat(Object.assign(read, { draft: chat.draft }));
  } else {
    chats.delete(id);
  }
  drawList();
}

loadChats();
chat = Object.assign(blankChat(), { draft: asText(prefs.draft) });
startFrame();
startSettings();
startKey();
makeExamples();
openChat(chats.get(prefs.open) ?? chat);
if (!isTouch) $("input").focus();
lookAtServer();

// page_settings.js: the panel at the side: what this conversation wants, how answers are drawn,
// and what is known of the server.
//
// Owns prefs.sampling: a knob that nobody touched is no member of it and so not part of a request.

const KNOBS = [
  { name: "temperature", label: "Temperature", most: 2, step: 0.05, about: "0: always the likeliest token" },
  { name: "top_p", label: "Top p", most: 1, step: 0.01, about: "keep the likeliest that sum to this share" },
  { name: "top_k", label: "Top k", most: 200, step: 1, about: "keep this many of the likeliest; 0: all" },
  { name: "min_p", label: "Min p", most: 1, step: 0.01, about: "keep what has this share of the likeliest" },
  {
    name: "repetition_penalty",
    label: "Repetition penalty",
    least: 1,
    most: 2,
    step: 0.01,
    about: "1: none",
  },
  { name: "max_tokens", label: "Max tokens", least: 1, step: 1, about: "the most that one answer may have" },
  { name: "seed", label: "Seed", step: 1, about: "the same seed gives the same answer" },
];

const TOOLS_EXAMPLE = [
  {
    name: "get_weather",
    description: "Tells the weather of a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city"],
    },
  },
];
const SCHEMA_EXAMPLE = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 20 },
    legs: { type: "integer", minimum: 0, maximum: 100 },
    tame: { type: "boolean" },
  },
  required: ["name", "legs", "tame"],
  additionalProperties: false,
};
const asExample = (value) => JSON.stringify(value, null, 2);

const isWide = () => matchMedia("(min-width: 1180px)").matches;

function showPanel(isOpen, isFocused = true) {
  $("panel").hidden = !isOpen;
  $("app").classList.toggle("with-panel", isOpen);
  $("settings").setAttribute("aria-expanded", String(isOpen));
  prefs.isPanelOpen = isOpen && isWide();
  keepPrefs();
  if (isOpen) {
    showSide(false);
    for (const area of $("panel").querySelectorAll("textarea")) grow(area);
    lookAtLoad();
  }
  if (isFocused) (isOpen ? $("panel-close") : $("settings")).focus();
}

/* ---- sampling ---- */

function makeKnobs() {
  $("knobs").replaceChildren(
    ...KNOBS.map((knob) => {
      const { name, label, least = 0, most, step, about } = knob;
      const bounds = { min: name === "seed" ? undefined : least, max: name.endsWith("_p") ? 1 : undefined };
      knob.number = h("input", {
        id: `knob-${name}`,
        class: "value",
        type: "number",
        inputmode: "decimal",
        ...bounds,
        step: step === 1 ? 1 : "any",
        "aria-describedby": `about-${name}`,
        input: () => turnKnob(knob, knob.number),
      });
      knob.range =
        most &&
        h("input", {
          type: "range",
          min: least,
          max: most,
          step,
          tabindex: -1,
          "aria-hidden": "true",
          input: () => turnKnob(knob, knob.range),
        });
      knob.clear = h(
        "button",
        {
          type: "button",
          class: "clear",
          "aria-label": `${label}: the model's default`,
          title: "The model's default",
          click: () => {
            clearKnob(knob);
            knob.number.focus();
          },
        },
        icon("close", 12),
      );
      knob.node = h(
        "div",
        { class: "knob" },
        h("label", { for: `knob-${name}` }, label),
        h("span", { class: "cell" }, knob.number, knob.clear),
        knob.range,
        h("div", { class: "say", id: `about-${name}` }, about),
      );
      return knob.node;
    }),
  );
  drawKnobs();
}

function turnKnob(knob, input) {
  const isEmpty = knob.number.value === "" && !knob.number.validity.badInput && input === knob.number;
  const isGood = input === knob.range || knob.number.checkValidity();
  knob.number.setAttribute("aria-invalid", String(!isEmpty && !isGood));
  if (isEmpty || !isGood) delete prefs.sampling[knob.name];
  else prefs.sampling[knob.name] = Number(input.value);
  keepPrefs();
  drawKnob(knob, input);
}

function clearKnob(knob) {
  delete prefs.sampling[knob.name];
  knob.number.value = "";
  knob.number.setAttribute("aria-invalid", "false");
  keepPrefs();
  drawKnob(knob);
}

function drawKnob(knob, input) {
  const value = prefs.sampling[knob.name];
  const usual = server.facts.defaults?.[knob.name];
  if (input !== knob.number) knob.number.value = value ?? "";
  if (knob.range && input !== knob.range)
    knob.range.value = value ?? usual ?? (knob.name === "top_p" ? 1 : (knob.least ?? 0));
  knob.number.placeholder =
    usual === undefined ? (knob.name === "seed" ? "random" : "default") : String(usual);
  knob.node.classList.toggle("is-set", value !== undefined);
  $("reset").disabled = Object.keys(prefs.sampling).length === 0;
}

const drawKnobs = () => KNOBS.forEach((knob) => drawKnob(knob));

/* ---- the conversation ---- */

const WISHES = {
  tools: {
    read: readTools,
    words: (list) => `The model may call ${list.map((tool) => tool.function.name).join(", ")}.`,
  },
  schema: { read: readSchema, words: () => "Answers will be JSON of this form." },
};

function checkWish(name) {
  const area = $(name);
  const line = $(`${name}-say`);
  let fault = "";
  let words = "";
  try {
    const value = WISHES[name].read(area.value);
    if (area.value.trim()) words = WISHES[name].words(value);
  } catch (error) {
    fault = error.message;
  }
  area.setAttribute("aria-invalid", String(Boolean(fault)));
  line.classList.toggle("is-bad", Boolean(fault));
  line.textContent = fault || words;
}

function setWish(name, text) {
  $(name).value = text;
  chat[name] = text;
  grow($(name));
  if (WISHES[name]) checkWish(name);
  if (keepChat(chat)) drawList();
  drawWishes();
}

function drawConversation() {
  for (const name of ["system", "tools", "schema"]) $(name).value = chat[name];
  for (const name of Object.keys(WISHES)) checkWish(name);
  if (!$("panel").hidden) for (const area of $("panel").querySelectorAll("textarea")) grow(area);
  drawWishes();
}

/** What holds for the next answer, said where it is asked for. */
function drawWishes() {
  const chips = [];
  const add = (label, shape, id) =>
    chips.push(
      h(
        "button",
        {
          type: "button",
          class: "chip",
          click: () => {
            showPanel(true);
            $(id).focus();
          },
        },
        icon(shape, 13),
        label,
      ),
    );
  const count = (() => {
    try {
      return readTools(chat.tools).length;
    } catch {
      return -1;
    }
  })();
  if (chat.system.trim()) add("System prompt", "book", "system");
  if (count !== 0) add(count < 0 ? "Tools: not JSON" : plural(count, "tool"), "tool", "tools");
  if (chat.schema.trim()) add("JSON schema", "braces", "schema");
  const set = Object.keys(prefs.sampling).length;
  if (set > 0) add(plural(set, "setting"), "sliders", `knob-${Object.keys(prefs.sampling)[0]}`);
  $("wishes").replaceChildren(...chips);
}

/* ---- the server ---- */

function drawServer() {
  const { state, words, models } = server;
  $("state").dataset.state = state;
  $("state").lastElementChild.textContent = words;
  $("state").setAttribute("aria-label", `Server: ${words}`);
  const BANNERS = {
    loading: "The server is loading its model. You can write already.",
    draining: "The server takes no questions at the moment. Trying again.",
    away: "The server cannot be reached. Trying again.",
    locked: "This server answers only those who have a key.",
  };
  $("banner").hidden = !BANNERS[state];
  $("banner").classList.toggle("is-bad", state === "away");
  $("banner").replaceChildren(
    BANNERS[state] ?? "",
    state === "locked" ? textButton("Enter a key", askForKey, "link") : "",
  );
  $("model-field").hidden = models.length < 2;
  $("model").replaceChildren(...models.map((model) => h("option", { value: model.id }, model.id)));
  $("model").value = prefs.model || models[0]?.id || "";
  $("hello").textContent = state === "ready" ? `Talk to ${words}` : "Talk to a model of your own";
  drawKnobs();
  drawFacts();
  drawContext(pathOf(chat));
  drawComposer();
}

function meter(share, label) {
  const bar = h("i");
  bar.style.width = `${Math.min(100, share * 100)}%`;
  return h(
    "span",
    {
      class: `meter ${meterKind(share)}`,
      role: "meter",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": Math.round(share * 100),
    },
    bar,
  );
}
const meterKind = (share) => (share > 0.97 ? "is-full" : share > 0.8 ? "is-high" : "");

function drawFacts() {
  const { facts, live } = server;
  const rows = [];
  const add = (name, ...value) => rows.push(h("dt", null, name), h("dd", null, ...value));
  if (server.models.length > 0) add("Model", prefs.model || server.models[0].id);
  if (facts.params)
    add(
      "Parameters",
      shortCount(facts.params) +
        (facts.active && facts.active !== facts.params ? `, ${shortCount(facts.active)} active` : ""),
    );
  if (facts.weights) add("Weights", `${bytes(facts.weights)}${facts.type ? `, ${facts.type}` : ""}`);
  if (facts.context) add("Context", plural(facts.context, "token"));
  if (live.share !== undefined)
    add(
      "K/V tokens",
      meter(live.share, "K/V tokens in use"),
      ` ${Math.round(live.share * 100)} %${live.room ? ` of ${count(live.room)}` : ""}`,
    );
  if (live.running !== undefined)
    add("Answers", `${live.running} running${live.waiting ? `, ${live.waiting} waiting` : ""}`);
  if (facts.version) add("Version", facts.version);
  $("facts").replaceChildren(...rows);
}

const shortCount = (n) =>
  n >= 1e9 ? `${(n / 1e9).toFixed(1)} B` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : count(n);

/** How much of the context the conversation takes: known after each answer, guessed while it comes. */
function drawContext(path, run) {
  const size = server.facts.context;
  const before = (path ?? pathOf(chat)).map((entry) => entry.message).filter((m) => m.stats?.prompt);
  const last = before.at(-1)?.stats;
  const used = (last ? last.prompt + last.tokens : 0) + (run ? run.n : 0);
  $("context").hidden = !size || !used;
  if (!size || !used) return;
  $("context").replaceChildren(
    meter(used / size, "Context in use"),
    h("span", { class: "count" }, `${count(used)} of ${count(size)}`),
  );
  $("context").title = `${count(used)} of ${count(size)} tokens of context in use`;
}

/* ---- appearance ---- */

const THEMES = { auto: "System", light: "Light", dark: "Dark" };

function setTheme(theme) {
  prefs.theme = THEMES[theme] ? theme : "auto";
  keepPrefs();
  if (prefs.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = prefs.theme;
  for (const button of $("themes").children)
    button.setAttribute("aria-pressed", String(button.dataset.theme === prefs.theme));
  const next = { auto: "light", light: "dark", dark: "auto" }[prefs.theme];
  $("theme").replaceChildren(icon(prefs.theme));
  $("theme").title = `Theme: ${THEMES[prefs.theme]}`;
  $("theme").setAttribute("aria-label", `Theme: ${THEMES[prefs.theme]}. Change to ${THEMES[next]}`);
  $("theme").onclick = () => setTheme(next);
}

function startSettings() {
  makeKnobs();
  $("themes").replaceChildren(
    ...Object.entries(THEMES).map(([theme, label]) =>
      h("button", { type: "button", "data-theme": theme, click: () => setTheme(theme) }, label),
    ),
  );
  setTheme(prefs.theme);
  for (const name of ["system", "tools", "schema"]) {
    $(name).addEventListener("input", () => {
      grow($(name));
      chat[name] = $(name).value;
      if (WISHES[name]) checkWish(name);
      drawWishes();
      keepSoon(chat);
    });
  }
  $("tools-example").onclick = () => setWish("tools", asExample(TOOLS_EXAMPLE));
  $("schema-example").onclick = () => setWish("schema", asExample(SCHEMA_EXAMPLE));
  $("reset").onclick = () => {
    KNOBS.forEach(clearKnob);
    drawWishes();
  };
  $("knobs").addEventListener("input", drawWishes);
  $("knobs").addEventListener("click", drawWishes);
  $("model").onchange = () => {
    prefs.model = $("model").value;
    keepPrefs();
    setServer("ready", prefs.model);
  };
  $("settings").onclick = () => showPanel($("panel").hidden);
  $("state").onclick = () => showPanel($("panel").hidden);
  $("panel-close").onclick = () => showPanel(false);
  $("key-open").onclick = askForKey;
  setInterval(() => {
    if (!$("panel").hidden && !document.hidden) lookAtLoad();
  }, 3000);
  if (prefs.isPanelOpen && isWide()) showPanel(true, false);
}

// page_base.js: what all parts of the page stand on: elements, icons, words, notices.
//
// Owns the only way in which nodes are made. Invariant: text becomes text nodes and attributes,
// never markup; the headers of the page forbid anything else (Trusted Types).

const $ = (id) => document.getElementById(id);

/** An element: functions are listeners, the rest attributes. Children that are nothing are left out. */
function h(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "value" || name === "hidden") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

const SHAPES = {
  weir: "M2 7c3.3-3 6.7-3 10 0s6.7 3 10 0M2 13c3.3-3 6.7-3 10 0s6.7 3 10 0M5 19h14",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  menu: "M4 7h16M4 12h16M4 17h10",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 1 0 0-13M15.5 15.5L20 20",
  sliders: "M4 8h9M17 8h3M4 16h3M11 16h9M15 6v4M9 14v4",
  up: "M12 19V6M6 12l6-6 6 6",
  down: "M12 5v13M6 12l6 6 6-6",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5 12.5l4.5 4.5L19 7.5",
  edit: "M5 19l.8-3.6L16 5.2 18.8 8 8.6 18.2zM13.5 7.7l2.8 2.8",
  again: "M19 12a7 7 0 1 1-2.1-5M19 4v4h-4",
  back: "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 0 10",
  trash: "M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12",
  upload: "M12 15V4M7 9l5-5 5 5M5 19h14",
  download: "M12 4v11M7 10l5 5 5-5M5 19h14",
  tool: "M8 5c-3 0-1 7-4 7 3 0 1 7 4 7M16 5c3 0 1 7 4 7-3 0-1 7-4 7M9.5 12h5",
  book: "M12 7c-2-2-5-2-8-1.5v12c3-.5 6-.5 8 1.5 2-2 5-2 8-1.5v-12c-3-.5-6-.5-8 1.5zM12 7v12",
  braces: "M9 4c-4 0-1 8-5 8 4 0 1 8 5 8M15 4c4 0 1 8 5 8-4 0-1 8-5 8",
  fault: "M12 8v5M12 16v.1M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 1 0 0-17",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 1 0 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4" +
    "M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  dark: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10",
  auto: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
};

function icon(name, size = 18) {
  const make = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const svg = make("svg", {
    viewBox: "0 0 24 24",
    width: size,
    height: size,
    fill: "none",
    stroke: "currentColor",
    "stroke-width": name === "weir" ? 2.2 : 1.8,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
    "aria-hidden": "true",
  });
  svg.append(
    name === "stop"
      ? make("rect", { x: 6.5, y: 6.5, width: 11, height: 11, rx: 2.5, fill: "currentColor", stroke: "none" })
      : make("path", { d: SHAPES[name] }),
  );
  return svg;
}

function iconButton(name, label, act, kind = "") {
  return h(
    "button",
    { type: "button", class: `icon small ${kind}`, "aria-label": label, title: label, click: act },
    icon(name, 16),
  );
}

function textButton(label, act, kind = "button") {
  return h("button", { type: "button", class: kind, click: act }, label);
}

const makeId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, "0")).join(
    "",
  );
const count = (number) => Number(number).toLocaleString("en");
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const asText = (value) => (typeof value === "string" ? value : "");
const isTouch = matchMedia("(hover: none)").matches;
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

function seconds(s) {
  return s < 10
    ? `${s.toFixed(s < 1 ? 2 : 1)} s`
    : s < 90
      ? `${Math.round(s)} s`
      : `${Math.round(s / 60)} min`;
}

function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let i = 0;
  for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
  return `${n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Lets a text field be as high as its text, where the style sheet cannot (field-sizing). */
const growsAlone = CSS.supports("field-sizing", "content");
function grow(area) {
  if (growsAlone) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
}

/** Said by screen readers, seen by nobody. */
function say(text) {
  $("live").textContent = text;
}

let toastTimer = 0;
function toast(text, label, act) {
  const close = () => {
    $("toast").hidden = true;
  };
  clearTimeout(toastTimer);
  $("toast").replaceChildren(h("span", null, text));
  if (label)
    $("toast").append(
      textButton(
        label,
        () => {
          close();
          act();
        },
        "",
      ),
    );
  $("toast").hidden = false;
  toastTimer = setTimeout(close, label ? 9000 : 5000);
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // no permission, or no secure context: the old way
    const area = h("textarea", { value: text, class: "sr" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  if (button.dataset.done) return;
  const before = [...button.childNodes];
  button.dataset.done = "1";
  button.replaceChildren(button.classList.contains("icon") ? icon("check", 16) : "Copied");
  say("Copied");
  setTimeout(() => {
    button.replaceChildren(...before);
    delete button.dataset.done;
  }, 1400);
}

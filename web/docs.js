// Shows /openapi.json to people: every operation, its fields, and a line for curl.

const KEY = "$TONEWISE_TOKEN";
const DEPTH = 4; // shapes within shapes, which are opened one by one

let doc;

/** An element; texts are never read as HTML. */
function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside.filter((one) => one !== null && one !== undefined && one !== ""));
  return made;
}

/** A sentence whose `words` in backquotes are code. */
function prose(text) {
  const pieces = String(text).split("`");
  return element("p", {}, ...pieces.map((one, at) => (at % 2 ? element("code", {}, one) : one)));
}

// ------------------------------------------------------------ shapes

function nameOf(schema) {
  return schema.$ref ? schema.$ref.split("/").pop() : "";
}

function resolved(schema) {
  return schema.$ref ? doc.components.schemas[nameOf(schema)] : schema;
}

/** What a value may be, in a few words. */
function kind(schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" · ");
  if (schema.type === "array") return `list of ${kind(schema.items ?? {})}`;
  const type = [schema.type ?? "anything"].flat().join(" or ");
  return type.replace("string", "text").replace("integer", "whole number") + bounds(schema);
}

function bounds(schema) {
  const { minimum: least, maximum: most, maxLength: longest } = schema;
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` from ${least}`;
  return longest === undefined ? "" : ` of at most ${longest} characters`;
}

/** The shapes with fields of their own that a schema leads to. */
function within(schema) {
  const found = [schema, ...(schema.anyOf ?? [])].map((one) => (one.type === "array" ? one.items ?? {} : one));
  return found.filter((one) => resolved(one)?.properties);
}

function fields(schema, depth = 0) {
  const { properties = {}, required = [] } = resolved(schema);
  const list = element("dl");
  for (const [name, one] of Object.entries(properties)) {
    const needed = required.includes(name) ? { class: "needed" } : {};
    list.append(element("dt", needed, name, " ", element("em", {}, kind(one))), explained(one, depth));
  }
  return list;
}

function explained(schema, depth) {
  const told = element("dd");
  if (schema.description) told.append(prose(schema.description));
  if (depth < DEPTH) told.append(...within(schema).map((one) => shape(one, depth + 1)));
  return told;
}

/** A shape that is drawn when it is opened: they may hold each other. */
function shape(schema, depth) {
  const about = resolved(schema).description;
  const box = element("details", { class: "shape" }, element("summary", {}, nameOf(schema) || "its fields"));
  box.addEventListener("toggle", () => {
    if (box.open && box.childElementCount === 1) box.append(about ? prose(about) : "", fields(schema, depth));
  });
  return box;
}

// ------------------------------------------------------------ curl

/** A word as a shell reads it, whatever is in it. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(method, path, operation) {
  const line = ["curl"];
  if (method !== "get") line.push(`-X ${method.toUpperCase()}`);
  line.push(quoted(location.origin + path));
  if (operation.security) line.push(`-H "Authorization: Bearer ${KEY}"`);
  const [media, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (media) line.push(`-H 'Content-Type: ${media}'`);
  if (content?.example) line.push(`-d ${quoted(JSON.stringify(content.example))}`);
  else if (media) line.push("-d @offer");
  return line.join(" \\\n  ");
}

function copyable(text) {
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    const said = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Select it instead");
    button.textContent = said;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return element("div", { class: "curl" }, element("pre", { tabindex: "0" }, text), button);
}

// ------------------------------------------------------------ operations

function heading(text) {
  return element("h3", {}, text);
}

function parameters(operation) {
  const list = element("dl");
  for (const { name, in: place, required, schema } of operation.parameters) {
    const told = [name, " ", element("em", {}, `${kind(schema)}, in the ${place}`)];
    list.append(element("dt", required ? { class: "needed" } : {}, ...told), explained(schema, DEPTH));
  }
  return list;
}

function answers(operation) {
  const list = element("dl");
  for (const [status, { description, content = {}, headers = {} }] of Object.entries(operation.responses)) {
    const told = element("dd", {}, prose(description));
    for (const [name, { description: about }] of Object.entries(headers)) {
      told.append(prose(`\`${name}\`: ${about}`));
    }
    for (const [media, { schema }] of Object.entries(content)) {
      const drawn = within(schema).map((one) => shape(one, 1));
      if (status < 300) told.append(element("p", { class: "aside" }, media));
      told.append(...drawn);
    }
    list.append(element("dt", {}, status), told);
  }
  return list;
}

function inside(method, path, operation) {
  const box = element("div", { class: "inside" });
  box.append(heading("With curl"), copyable(curl(method, path, operation)));
  if (operation.parameters) box.append(heading("Parameters"), parameters(operation));
  for (const [media, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
    box.append(heading(`Body, ${media}`), fields(schema));
  }
  box.append(heading("Answers"), answers(operation));
  return box;
}

function drawn(method, path, operation) {
  const summary = element(
    "summary",
    {},
    element("span", { class: `method ${method}` }, method.toUpperCase()),
    element("span", { class: "path" }, path),
    element("span", { class: "what" }, operation.summary),
  );
  const box = element("details", { class: "operation", id: operation.operationId }, summary);
  box.addEventListener("toggle", () => {
    if (box.open && box.childElementCount === 1) box.append(inside(method, path, operation));
  });
  box.dataset.words = `${method} ${path} ${operation.summary}`.toLowerCase();
  return box;
}

function draw(main) {
  const tags = new Map();
  for (const [path, methods] of Object.entries(doc.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const [tag] = operation.tags;
      if (!tags.has(tag)) tags.set(tag, element("section", { "aria-label": tag }, element("h2", {}, tag)));
      tags.get(tag).append(drawn(method, path, operation));
    }
  }
  main.append(...tags.values());
}

// ------------------------------------------------------------ the page

function openNamed() {
  const box = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (box instanceof HTMLDetailsElement) {
    box.open = true;
    box.scrollIntoView();
  }
}

function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const section of document.querySelectorAll("#operations section")) {
    const boxes = [...section.querySelectorAll(".operation")];
    for (const box of boxes) {
      box.hidden = !words.every((word) => box.dataset.words.includes(word));
      count += !box.hidden;
    }
    section.hidden = boxes.every((box) => box.hidden);
  }
  document.getElementById("found").textContent = words.length ? `${count} found` : "";
}

function clients() {
  const key = doc.components.securitySchemes ? 'os.environ["TONEWISE_TOKEN"]' : '"none is asked for"';
  return [
    "from openai import OpenAI",
    "from anthropic import Anthropic",
    "",
    `OpenAI(base_url="${location.origin}/v1", api_key=${key})`,
    `Anthropic(base_url="${location.origin}", api_key=${key})`,
  ].join("\n");
}

async function show() {
  const about = document.getElementById("about");
  try {
    const answer = await fetch("openapi.json");
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    doc = await answer.json();
  } catch (error) {
    about.textContent = `openapi.json cannot be read (${error.message}). Is the server running?`;
    return;
  }
  about.replaceWith(prose(doc.info.description));
  document.getElementById("version").textContent = doc.info.version;
  document.getElementById("clients").textContent = clients();
  draw(document.getElementById("operations"));
  openNamed();
  window.addEventListener("hashchange", openNamed);
  document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
  const all = document.getElementById("all");
  all.addEventListener("click", () => {
    const open = all.getAttribute("aria-pressed") !== "true";
    all.setAttribute("aria-pressed", String(open));
    all.textContent = open ? "Close all" : "Open all";
    for (const box of document.querySelectorAll(".operation")) box.open = open;
  });
}

show();

// Elements made by calls. Whatever comes from outside becomes a text node or an attribute's value,
// never markup: names of persons and cameras are given by strangers.

import { t } from "./translate.js";

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("button", {class: "plain", onclick: go}, "Go", other). null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (["value", "checked", "selected", "disabled", "open"].includes(name))
      element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Words in which `what is typed` stands between backticks, for an element. */
export function worded(text) {
  return text.split("`").map((part, number) => (number % 2 ? h("code", {}, part) : part));
}

/** Put these in place of all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

/** Say a sentence to people who do not see the page change. */
export function announce(text) {
  const region = document.getElementById("said");
  region.textContent = "";
  // A region that is set twice to one text says it once: an empty moment lies between.
  setTimeout(() => (region.textContent = text), 60);
}

/** Something is being done: words and a moving bar. */
export function working(text) {
  announce(text);
  return h("div", { class: "working" }, h("progress", { "aria-label": text }), h("p", {}, text));
}

let number = 0;

/** An id that no other element has. */
export function freshId(word) {
  number += 1;
  return `${word}-${number}`;
}

/** A control with its label, and a line of explanation where there is one. */
export function field(label, control, help = "") {
  control.id ||= freshId("field");
  const note = help && h("span", { class: "help", id: `${control.id}-help` }, help);
  if (help) control.setAttribute("aria-describedby", `${control.id}-help`);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

/** A checkbox or a radio button with its label behind it. */
export function choice(label, attributes, ...more) {
  const control = h("input", { type: "checkbox", ...attributes });
  return h("label", { class: "choice" }, control, h("span", {}, label, ...more));
}

/** A select of [value, label] pairs. */
export function select(pairs, value, attributes = {}) {
  const options = pairs.map(([each, label]) =>
    h("option", { value: each, selected: each === value }, label),
  );
  return h("select", attributes, options);
}

/** A button; kind: "", "main", "plain" or "danger". */
export function button(label, onclick, kind = "", attributes = {}) {
  return h("button", { type: "button", class: kind, onclick, ...attributes }, label);
}

/** The heading of a view, which is focused when the view is shown. */
export function heading(text, ...beside) {
  return h("div", { class: "heading" }, h("h1", { tabindex: "-1" }, text), ...beside);
}

/** Remarks of the server, as it said them. */
export function notes(list) {
  if (!list?.length) return null;
  return h(
    "ul",
    { class: "notes", "aria-label": t("notes") },
    list.map((note) => h("li", {}, note)),
  );
}

/** A table: head: titles; rows: lists of cells. */
export function table(caption, head, rows) {
  const titles = h(
    "tr",
    {},
    head.map((title) => h("th", { scope: "col" }, title)),
  );
  const lines = rows.map(([first, ...others]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, first),
      others.map((cell) => h("td", {}, cell)),
    ),
  );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, titles),
      h("tbody", {}, lines),
    ),
  );
}

/** After a pause without another call, once. */
export function settled(act, pause = 250) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), pause);
  };
}

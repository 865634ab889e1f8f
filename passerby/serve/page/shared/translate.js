// The words of texts.js with what belongs into their gaps.

import { language, texts } from "../texts.js";

const plural = new Intl.PluralRules(language);

/** The text of a key; {count} chooses between its singular and plural. */
export function t(key, values = {}) {
  const text = texts[key];
  if (text === undefined) throw new Error(`texts.js has no ${key}`);
  const form = typeof text === "string" ? text : (text[plural.select(values.count)] ?? text.other);
  return form.replace(/\{(\w+)\}/g, (gap, name) => (name in values ? shown(values[name]) : gap));
}

function shown(value) {
  return typeof value === "number" ? value.toLocaleString(language) : String(value);
}

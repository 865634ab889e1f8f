// Questions that stop everything else: <dialog> keeps the focus inside and gives it back.

import { api, keepKey } from "./api.js";
import { button, field, freshId, h, settled, worded } from "./dom.js";
import { problemPanel } from "./problems.js";
import { t } from "./translate.js";

/**
 * Ask something. body: elements; act(): done on the main button, a Problem or Error that it throws
 * is shown inside. Promises what act gave, or null where it was left.
 */
export function ask({ title, body, label, act, kind = "main" }) {
  return new Promise((resolve) => {
    const id = freshId("dialog");
    const trouble = h("div", { role: "alert" });
    const go = h("button", { type: "submit", class: kind }, label);
    let result = null;
    const form = h(
      "form",
      { method: "dialog", novalidate: true },
      h("h2", { id }, title),
      h("div", { class: "body" }, body),
      trouble,
      h(
        "div",
        { class: "actions" },
        button(t("cancel"), () => dialog.close(), "plain"),
        go,
      ),
    );
    const dialog = h("dialog", { "aria-labelledby": id }, form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      go.setAttribute("aria-busy", "true");
      try {
        result = await act();
        dialog.close();
      } catch (error) {
        trouble.replaceChildren(problemPanel(error));
      } finally {
        go.disabled = false;
        go.removeAttribute("aria-busy");
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("input, textarea, select")?.focus();
  });
}

/** A text field that offers names of persons as one types. */
export function personField(label, value = "", help = "") {
  const list = h("datalist", { id: freshId("names") });
  const input = h("input", {
    type: "text",
    value,
    list: list.id,
    autocomplete: "off",
    maxlength: 200,
  });
  const suggest = settled(async () => {
    const found = await api.persons({ like: input.value, limit: 20 }).catch(() => null);
    if (found)
      list.replaceChildren(...found.persons.map(({ name }) => h("option", { value: name })));
  });
  input.addEventListener("input", suggest);
  suggest();
  return { input, node: h("div", {}, field(label, input, help), list) };
}

/** Ask for a name; act(name). */
export function askName({ title, help = "", value = "", label, act, optional = false }) {
  const name = personField(t("name.label"), value, help);
  return ask({
    title,
    label,
    body: name.node,
    act: () => {
      const given = name.input.value.trim();
      if (!given && !optional) throw new Error(t("name.missing"));
      return act(given);
    },
  });
}

/** Ask for a yes to something that cannot be taken back: the count must be typed. */
export function confirmCount({ title, body, count, label, act }) {
  const typed = h("input", { type: "text", inputmode: "numeric", autocomplete: "off" });
  return ask({
    title,
    label,
    kind: "danger",
    body: [body, field(t("confirm.count", { count }), typed)],
    act: () => {
      if (typed.value.replace(/\D/g, "") !== String(count))
        throw new Error(t("confirm.wrong", { count }));
      return act();
    },
  });
}

/** Ask for the server's key; words: why the one before was refused. Promises the key. */
export async function askKey(words) {
  const input = h("input", { type: "password", autocomplete: "off", spellcheck: "false" });
  const key = await ask({
    title: t("key.title"),
    label: t("key.use"),
    body: [
      words && h("p", { class: "warn" }, words),
      h("p", {}, worded(t("key.what"))),
      field(t("key.label"), input),
    ],
    act: () => {
      // A header takes printable ASCII alone; anything else is a slip of the hand.
      if (!/^[\x21-\x7e]+$/.test(input.value.trim())) throw new Error(t("key.missing"));
      return input.value.trim();
    },
  });
  if (key === null) throw new Error(t("key.none"));
  return key;
}

/** Say what went wrong, and wait until it was read. */
export function tell(error) {
  const dialog = h(
    "dialog",
    { "aria-label": t("problem.title"), onclose: () => dialog.remove() },
    problemPanel(error),
    h(
      "div",
      { class: "actions" },
      button(t("close"), () => dialog.close(), "main"),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** Forget the key of this window. */
export function leave() {
  keepKey("");
  location.reload();
}

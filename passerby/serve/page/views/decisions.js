// The ledger: who decided what and when, and a way back from each.

import { api, can } from "../shared/api.js";
import { announce, button, fill, h, heading } from "../shared/dom.js";
import { when } from "../shared/format.js";
import { problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const PAGE = 50;

export async function show({ signal, reload }) {
  const { decisions } = await api.decisions({ newest: PAGE }, signal);
  const list = h(
    "ol",
    { class: "ledger", "aria-label": t("decisions.title") },
    decisions.map((event) => line(event, reload)),
  );
  const place = h("div", { class: "actions" });
  const more = (page) =>
    page.length === PAGE &&
    button(t("more"), async () => {
      const older = (await api.decisions({ newest: PAGE, before: page.at(-1).number }, signal))
        .decisions;
      list.append(...older.map((event) => line(event, reload)));
      fill(place, more(older));
    });
  fill(place, more(decisions));
  return [
    heading(t("decisions.title")),
    h("p", { class: "lead" }, t("decisions.what")),
    decisions.length ? list : h("p", { class: "empty" }, t("decisions.none")),
    place,
  ];
}

function line(event, reload) {
  const { number, by, at, said, kind, undone_by: undoneBy } = event;
  const trouble = h("div", {});
  const back = button(
    t("undo"),
    async () => {
      back.disabled = true;
      try {
        const undone = await api.undo(number);
        announce(undone.said);
        reload();
      } catch (error) {
        back.disabled = false;
        fill(trouble, problemPanel(error));
      }
    },
    "",
    { "aria-label": t("decisions.undo", { number, said }) },
  );
  const state = undoneBy
    ? h("span", { class: "tag" }, t("decisions.undone", { number: undoneBy }))
    : null;
  const open = kind !== "undo" && !undoneBy && can("write");
  return h(
    "li",
    { class: undoneBy ? "undone" : "" },
    h("span", { class: "number" }, number),
    h(
      "div",
      { class: "about" },
      h("p", {}, said, " ", state),
      h("p", { class: "faint" }, when(at), by ? ` · ${t("decisions.by", { by })}` : ""),
      trouble,
    ),
    open ? back : null,
  );
}

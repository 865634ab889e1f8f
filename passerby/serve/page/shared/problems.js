// What went wrong: what happened, what to do, and a way to try again.

import { Problem } from "./api.js";
import { button, h, worded } from "./dom.js";
import { t } from "./translate.js";

/** The failure as a panel; again(): where it may be tried again. */
export function problemPanel(error, again = null) {
  const known = error instanceof Problem;
  const title = known ? error.title : t("problem.title");
  const places = known
    ? error.errors.map(({ where, detail }) => h("li", {}, `${where}: ${detail}`))
    : [];
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("h2", {}, title),
    h("p", {}, worded(error.message)),
    places.length ? h("ul", {}, places) : null,
    again && button(t("again"), again, "main"),
  );
}

/** Whether it is only that nobody waits for the answer any more. */
export function left(error) {
  return error.name === "AbortError";
}

// The frame around the views: who is asking, which gallery, and which view is shown.

import { api, can, chooseGallery, session } from "./shared/api.js";
import { askKey, leave, tell } from "./shared/dialogs.js";
import { announce, button, fill, h, heading, select, working } from "./shared/dom.js";
import { left, problemPanel } from "./shared/problems.js";
import { t } from "./shared/translate.js";
import { language } from "./texts.js";
import * as alerts from "./views/alerts.js";
import * as decisions from "./views/decisions.js";
import * as forget from "./views/forget.js";
import * as overview from "./views/overview.js";
import * as people from "./views/people.js";
import * as person from "./views/person.js";
import * as review from "./views/review.js";
import * as search from "./views/search.js";
import * as visitors from "./views/visitors.js";

// In the order of the navigation; all are loaded at once, so that a server that is gone is told of
// by the page. scope: what a key needs to be shown the way there.
const VIEWS = {
  search: { view: search, scope: "read" },
  people: { view: people, scope: "read" },
  review: { view: review, scope: "write" },
  visitors: { view: visitors, scope: "read" },
  alerts: { view: alerts, scope: "read" },
  overview: { view: overview, scope: "read" },
  decisions: { view: decisions, scope: "read" },
  forget: { view: forget, scope: "delete" },
  person: { view: person, scope: "read", hidden: true },
};

const main = document.getElementById("main");
let shown = new AbortController(); // aborted when its view is left

/** The view of the address and its parameters: "#/person?name=Anna". */
function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: path in VIEWS ? path : "search", params: new URLSearchParams(query) };
}

async function show({ focus = true } = {}) {
  shown.abort();
  shown = new AbortController();
  const { signal } = shown;
  const { name, params } = route();
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = t(`${name}.title`); // stands while the view loads, and above what went wrong
  document.title = `${title} · Passerby`;
  const waiting = setTimeout(() => fill(main, [heading(title), working(t("loading"))]), 150);
  try {
    const nodes = await VIEWS[name].view.show({
      params,
      signal,
      reload: () => show({ focus: false }),
    });
    if (!signal.aborted) fill(main, nodes);
  } catch (error) {
    if (signal.aborted || left(error)) return;
    fill(main, [heading(title), problemPanel(error, () => show())]);
  } finally {
    clearTimeout(waiting);
  }
  if (focus && !signal.aborted) main.querySelector("h1, h2")?.focus({ preventScroll: true });
}

function navigation() {
  const ways = Object.entries(VIEWS).filter(([, { scope, hidden }]) => !hidden && can(scope));
  const links = ways.map(([name]) =>
    h("li", {}, h("a", { href: `#/${name}` }, t(`${name}.title`))),
  );
  const nav = document.getElementById("nav");
  nav.setAttribute("aria-label", t("nav"));
  fill(nav, h("ul", {}, links));
}

function asker() {
  const { galleries, key } = session.server;
  const choose = (event) => {
    chooseGallery(event.target.value);
    announce(t("gallery.chosen", { name: session.gallery }));
    show();
  };
  const pairs = galleries.map((name) => [name, name]);
  const chosen =
    galleries.length > 1
      ? select(pairs, session.gallery, { "aria-label": t("gallery"), onchange: choose })
      : h("span", { class: "faint" }, galleries[0] ?? "");
  const out = session.key ? button(t("key.leave", { name: key ?? "" }), leave, "plain") : null;
  fill(document.getElementById("who"), chosen, out);
}

async function start() {
  fill(main, working(t("loading")));
  try {
    session.server = await api.server();
  } catch (error) {
    fill(main, problemPanel(error, start));
    return;
  }
  if (!session.server.galleries.includes(session.gallery))
    session.gallery = session.server.galleries[0] ?? "";
  navigation();
  asker();
  await show({ focus: false }); // the first Tab leads to the skip link
}

document.documentElement.lang = language;
const skip = document.getElementById("skip");
skip.textContent = t("skip");
skip.addEventListener("click", (event) => {
  event.preventDefault(); // the address is the view's
  main.focus();
});
session.askForKey = askKey;
addEventListener("hashchange", () => show());
addEventListener("undone", () => show({ focus: false }));
// Whatever fails where nobody waits for it (a button's act) is told, and not only to the console.
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  if (!left(event.reason)) tell(event.reason);
});
// A file dropped beside the place for it must not replace the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
start();

// Everybody who has a name: searched, and several made one.

import { api, can, session } from "../shared/api.js";
import { mergePersons, tellApart } from "../shared/deciding.js";
import { announce, button, field, fill, h, heading, settled, working } from "../shared/dom.js";
import { cameraName, span } from "../shared/format.js";
import { roving } from "../shared/keys.js";
import { picture } from "../shared/pictures.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const PAGE = 60;

const state = { like: "", gallery: null }; // outlives the view

export async function show({ signal, reload }) {
  if (state.gallery !== session.gallery)
    Object.assign(state, { like: "", gallery: session.gallery });
  const chosen = new Set();
  const bar = h("div", { class: "chosen", hidden: true });
  const place = h("div", {});
  const choose = (name, on) => {
    if (on) chosen.add(name);
    else chosen.delete(name);
    fill(bar, acts([...chosen], reload));
    bar.hidden = !chosen.size;
    announce(t("people.chosen", { count: chosen.size }));
  };
  const list = async () => {
    const waiting = setTimeout(() => fill(place, working(t("loading"))), 150);
    try {
      const found = await api.persons({ like: state.like, limit: PAGE }, signal);
      fill(place, persons(found, choose, signal));
      announce(t("people.count", { count: found.total }));
    } catch (error) {
      if (!left(error)) fill(place, problemPanel(error, list));
    } finally {
      clearTimeout(waiting);
    }
  };
  const again = settled(list);
  const search = h("input", {
    type: "search",
    value: state.like,
    autocomplete: "off",
    oninput: (event) => {
      state.like = event.target.value.trim();
      again();
    },
  });
  await list();
  return [
    heading(t("people.title")),
    h("p", { class: "lead" }, t("people.what")),
    field(t("people.search"), search),
    bar,
    place,
  ];
}

function persons(found, choose, signal) {
  if (!found.total)
    return h(
      "p",
      { class: "empty" },
      state.like ? t("people.nobodylike", { like: state.like }) : t("people.nobody"),
    );
  const list = h(
    "ol",
    { class: "people", "aria-label": t("people.title") },
    found.persons.map((one) => card(one, choose)),
  );
  roving(list);
  const place = h("div", { class: "actions" });
  const more = (next) =>
    next &&
    button(t("more"), async () => {
      const page = await api.persons({ like: state.like, limit: PAGE, after: next }, signal);
      list.append(...page.persons.map((one) => card(one, choose)));
      roving(list);
      fill(place, more(page.next));
    });
  fill(place, more(found.next));
  return [h("p", { class: "faint" }, t("people.count", { count: found.total })), list, place];
}

function card({ name, linked, sightings, cameras, first, last, picture: url }, choose) {
  const address = `#/person?${new URLSearchParams({ name })}`;
  const item = h(
    "li",
    { class: "card person", tabindex: "-1", "aria-label": name },
    h(
      "a",
      { href: address, class: "face", tabindex: "-1" },
      picture(url, t("people.alt", { name })),
    ),
    h(
      "div",
      { class: "about" },
      h(
        "p",
        {},
        h("a", { href: address }, name),
        linked
          ? h("span", { class: "tag", title: t("people.linkedwhat") }, t("people.linked"))
          : null,
      ),
      h(
        "p",
        { class: "faint" },
        t("people.seen", { count: sightings }),
        " · ",
        cameras.map(cameraName).join(", "),
      ),
      h("p", { class: "faint" }, first ? span(first, last) : t("time.unknown")),
    ),
    can("write")
      ? h(
          "label",
          { class: "choice" },
          h("input", { type: "checkbox", onchange: (event) => choose(name, event.target.checked) }),
          h("span", {}, t("choose"), h("span", { class: "unseen" }, ` ${name}`)),
        )
      : null,
  );
  item.addEventListener("keydown", (event) => {
    if (event.target !== item) return;
    if (event.key === "Enter") location.hash = address;
    if (event.key === " ") {
      event.preventDefault();
      item.querySelector("input")?.click();
    }
  });
  return item;
}

function acts(names, reload) {
  return [
    h("b", {}, t("people.chosen", { count: names.length })),
    names.length > 1 ? button(t("merge.open"), () => mergePersons(names, reload), "main") : null,
    names.length === 2 ? button(t("apart.open"), () => tellApart(names, reload)) : null,
    names.length < 2 ? h("span", { class: "faint" }, t("people.choosemore")) : null,
  ];
}

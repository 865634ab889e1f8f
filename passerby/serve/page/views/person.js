// One person: passages in lanes of cameras, what of it cannot be, and what can be decided.

import { api, can } from "../shared/api.js";
import {
  exportCase,
  mergeInto,
  nameSightings,
  notAPerson,
  removeSightings,
  rename,
  sightingsOf,
  splitOff,
} from "../shared/deciding.js";
import { lanes } from "../shared/charts.js";
import { announce, button, fill, h, heading, notes } from "../shared/dom.js";
import { cameraName, duration, span, zone } from "../shared/format.js";
import { roving } from "../shared/keys.js";
import { strip } from "../shared/pictures.js";
import { t } from "../shared/translate.js";

export async function show({ params, signal, reload }) {
  const name = params.get("name") ?? "";
  const path = await api.path({ person: name }, signal).catch((error) => {
    if (error.status !== 422 && error.status !== 404) throw error;
    return null; // nobody bears this name any more
  });
  if (!path) {
    return [
      heading(name || t("person.title")),
      h("p", { class: "empty" }, t("person.gone")),
      h("a", { href: "#/people", class: "button" }, t("people.title")),
    ];
  }
  const goTo = (other) => {
    const address = `#/person?${new URLSearchParams({ name: other })}`;
    if (location.hash === address) reload();
    else location.replace(address);
  };
  return [
    heading(name, tag(name)),
    h("p", { class: "lead" }, summary(path)),
    notes(path.notes),
    tools(name, path, reload, goTo),
    passages(name, path, reload),
  ];
}

function tag(name) {
  return name.startsWith("linked/")
    ? h("span", { class: "tag", title: t("people.linkedwhat") }, t("people.linked"))
    : null;
}

function summary({ stays, impossible }) {
  const cameras = new Set(stays.map(({ source, camera }) => `${source}/${camera}`)).size;
  const words = t("path.summary", {
    count: stays.length,
    cameras: t("path.cameras", { count: cameras }),
  });
  return impossible ? `${words} ${t("path.impossible", { count: impossible })}` : words;
}

function tools(name, path, reload, goTo) {
  const total = path.stays.reduce((sum, { sightings }) => sum + sightings, 0);
  const away = () => (location.hash = "#/people");
  return h(
    "div",
    { class: "actions" },
    can("write")
      ? [
          button(t("rename.open"), () => rename(name, goTo), "main"),
          button(t("merge.intoopen"), () => mergeInto(name, goTo)),
          button(t("noperson.open"), () => notAPerson({ person: name }, away)),
        ]
      : null,
    button(t("case.open"), () => exportCase({}, { person: name })),
    can("delete")
      ? button(t("delete.open"), () => removeSightings({ person: name }, total, away), "danger")
      : null,
    can("delete")
      ? h(
          "a",
          { class: "button", href: `#/forget?${new URLSearchParams({ name })}` },
          t("forget.open"),
        )
      : null,
  );
}

function passages(name, { stays }, reload) {
  const chosen = new Set();
  const bar = h("div", { class: "chosen", hidden: true });
  const choose = (stay, on) => {
    if (on) chosen.add(stay);
    else chosen.delete(stay);
    fill(bar, acts(name, [...chosen], stays.length, reload));
    bar.hidden = !chosen.size;
    announce(t("chosen", { count: chosen.size }));
  };
  const cards = stays.map((stay, index) => card(stay, index, choose));
  const list = h("ol", { class: "stays", "aria-label": t("path.list") }, cards);
  roving(list);
  const chart = lanes(stays, t("path.chart", { name, count: stays.length }), (index) => {
    cards[index].scrollIntoView({ block: "center" });
    cards[index].focus();
  });
  return [
    h(
      "section",
      { class: "panel" },
      h("h2", {}, t("path.title")),
      chart,
      h("p", { class: "faint" }, t("time.zone", { zone })),
    ),
    h("h2", {}, t("path.list")),
    can("write") ? h("p", { class: "faint hint" }, t("path.hint")) : null,
    bar,
    list,
  ];
}

function card(stay, index, choose) {
  const number = index + 1;
  const label = t("path.label", {
    number,
    camera: cameraName(stay.camera),
    time: span(stay.first, stay.last),
  });
  const box = h("input", {
    type: "checkbox",
    onchange: (event) => choose(stay, event.target.checked),
  });
  const item = h(
    "li",
    { class: stay.impossible ? "card impossible" : "card", tabindex: "-1", "aria-label": label },
    strip({ ...stay, rank: number }),
    h(
      "div",
      { class: "about" },
      h(
        "p",
        { class: "where" },
        h("b", {}, cameraName(stay.camera)),
        " ",
        span(stay.first, stay.last),
      ),
      stay.impossible
        ? h("p", { class: "warn" }, t("path.cannot", { why: stay.impossible }))
        : null,
      stay.seconds_before === null
        ? null
        : h("p", { class: "faint" }, t("path.after", { duration: duration(stay.seconds_before) })),
      stay.sightings > 1
        ? h("p", { class: "faint" }, t("found.sightings", { count: stay.sightings }))
        : null,
    ),
    h(
      "div",
      { class: "actions" },
      h(
        "a",
        { class: "button", href: `#/search?${new URLSearchParams({ sighting: stay.sighting })}` },
        t("found.like"),
      ),
      can("write")
        ? h(
            "label",
            { class: "choice" },
            box,
            h("span", {}, t("choose"), h("span", { class: "unseen" }, ` ${number}`)),
          )
        : null,
    ),
  );
  item.addEventListener("keydown", (event) => {
    if (event.target !== item || event.key !== " ") return;
    event.preventDefault();
    if (can("write")) box.click();
  });
  return item;
}

function acts(name, stays, all, reload) {
  const withAll = (act) => async () => act(await sightingsOf(stays));
  const remove = (ids) => removeSightings({ sighting: ids }, ids.length, reload);
  return [
    h("b", {}, t("chosen", { count: stays.length })),
    stays.length < all
      ? button(
          t("split.open"),
          withAll((ids) => splitOff(ids, name, reload)),
          "main",
        )
      : null,
    button(
      t("name.other"),
      withAll((ids) => nameSightings(ids, reload)),
    ),
    button(
      t("noperson.open"),
      withAll((sightings) => notAPerson({ sightings }, reload)),
    ),
    can("delete") ? button(t("delete.open"), withAll(remove), "danger") : null,
  ];
}

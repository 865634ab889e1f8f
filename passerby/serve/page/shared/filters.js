// What a search is told beside its picture: the filter (cameras, time, known or unknown) and how it
// is judged. Of each one object, one form, one query.

import { choice, field, freshId, h, select, settled } from "./dom.js";
import { cameraName, count } from "./format.js";
import { t } from "./translate.js";

/** off: names of the cameras that are left out. */
export function noFilter() {
  return { off: new Set(), since: "", until: "", known: "", person: "" };
}

/** How many conditions there are. */
export function conditions(filter) {
  return (
    (filter.off.size > 0) +
    ["since", "until", "known", "person"].filter((name) => filter[name]).length
  );
}

/** As the server takes it; cameras: of the gallery, "" for sightings of no known camera. */
export function filterQuery(filter, cameras) {
  const { off } = filter;
  const query = {
    known: filter.known,
    person: filter.person,
    since: instant(filter.since),
    until: instant(filter.until),
  };
  // Naming cameras leaves out sightings of no known camera, leaving some out keeps them.
  if (off.has(""))
    query.camera = cameras.map(({ name }) => name).filter((name) => name && !off.has(name));
  else query.not_camera = [...off];
  return query;
}

/** The moment that a field of date and time names on the reader's clock. */
export function instant(local) {
  return local ? new Date(local).toISOString() : "";
}

/** Controls of a filter, which they change; changed() after each change. */
export function filterForm(filter, cameras, changed) {
  const later = settled(changed, 400);
  const set =
    (name, act = changed) =>
    (event) => {
      filter[name] = event.target.value.trim();
      act();
    };
  const all = cameras.map(({ name, sightings }) =>
    choice(
      cameraName(name),
      {
        checked: !filter.off.has(name),
        onchange: (event) => {
          if (event.target.checked) filter.off.delete(name);
          else filter.off.add(name);
          changed();
        },
      },
      h("small", {}, ` ${count(sightings)}`),
    ),
  );
  const known = [
    ["", t("filter.anybody")],
    ["true", t("filter.known")],
    ["false", t("filter.unknown")],
  ];
  const moment = (name) =>
    h("input", { type: "datetime-local", step: 1, value: filter[name], onchange: set(name) });
  const person = h("input", {
    type: "text",
    value: filter.person,
    autocomplete: "off",
    oninput: set("person", later),
    id: freshId("person"),
  });
  return h(
    "div",
    { class: "filters" },
    h("fieldset", {}, h("legend", {}, t("filter.cameras")), h("div", { class: "choices" }, all)),
    field(t("filter.since"), moment("since")),
    field(t("filter.until"), moment("until")),
    field(t("filter.who"), select(known, filter.known, { onchange: set("known") })),
    field(t("filter.person"), person),
  );
}

/** How a search is judged, as long as nobody says otherwise. */
export function usualJudging() {
  return {
    k: 12,
    query_camera: "",
    elsewhere: false,
    taken: "",
    prior_absent: 0.5,
    fpir: 0.01,
    exact: false,
  };
}

/** The same as the server takes it. */
export function judgingQuery({ taken, ...options }) {
  // How long the way takes says something only where both its ends are known.
  const way = taken && options.query_camera ? { query_time: instant(taken), transits: true } : {};
  return { ...options, ...way };
}

/** Controls of how it is judged, which they change; changed() after each change. */
export function judgingForm(options, cameras, changed) {
  const number = (name, step, max) =>
    h("input", {
      type: "number",
      min: step,
      max,
      step,
      value: options[name],
      onchange: (event) => {
        options[name] = Number(event.target.value);
        changed();
      },
    });
  const takers = [
    ["", t("option.cameraunknown")],
    ["*", t("option.elsewhere")],
    ...cameras.filter(({ name }) => name).map(({ name }) => [name, cameraName(name)]),
  ];
  const taken = select(takers, options.elsewhere ? "*" : options.query_camera, {
    onchange: (event) => {
      const { value } = event.target;
      Object.assign(options, {
        elsewhere: value === "*",
        query_camera: value === "*" ? "" : value,
      });
      changed();
    },
  });
  const moment = h("input", {
    type: "datetime-local",
    step: 1,
    value: options.taken,
    onchange: (event) => {
      options.taken = event.target.value;
      changed();
    },
  });
  const exact = choice(t("option.exact"), {
    checked: options.exact,
    onchange: (event) => {
      options.exact = event.target.checked;
      changed();
    },
  });
  return h(
    "div",
    { class: "options" },
    field(t("option.camera"), taken, t("option.camerahelp")),
    field(t("option.taken"), moment, t("option.takenhelp")),
    field(t("option.prior"), number("prior_absent", 0.01, 0.99), t("option.priorhelp")),
    field(t("option.fpir"), number("fpir", 0.001, 0.5), t("option.fpirhelp")),
    exact,
  );
}

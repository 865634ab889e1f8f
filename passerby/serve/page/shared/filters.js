// The filter of a search: cameras, time, known or unknown. One object, one form, one query.

import { choice, field, freshId, h, select, settled } from "./dom.js";
import { cameraName, count } from "./format.js";
import { t } from "./translate.js";

/** off: names of the cameras that are left out. */
export function noFilter() {
  return { off: new Set(), since: "", until: "", known: "", person: "" };
}

/** How many conditions there are. */
export function conditions(filter) {
  return (filter.off.size > 0) + ["since", "until", "known", "person"].filter((name) => filter[name]).length;
}

/** As the server takes it; cameras: of the gallery, "" for sightings of no known camera. */
export function filterQuery(filter, cameras) {
  const { off } = filter;
  const query = { known: filter.known, person: filter.person, since: instant(filter.since), until: instant(filter.until) };
  // Naming cameras leaves out sightings of no known camera, leaving some out keeps them.
  if (off.has("")) query.camera = cameras.map(({ name }) => name).filter((name) => name && !off.has(name));
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
  const set = (name, act = changed) => (event) => {
    filter[name] = event.target.value.trim();
    act();
  };
  const all = cameras.map(({ name, sightings }) =>
    choice(cameraName(name), {
      checked: !filter.off.has(name),
      onchange: (event) => {
        if (event.target.checked) filter.off.delete(name);
        else filter.off.add(name);
        changed();
      },
    }, h("small", {}, ` ${count(sightings)}`)));
  const known = [["", t("filter.anybody")], ["true", t("filter.known")], ["false", t("filter.unknown")]];
  const moment = (name) => h("input", { type: "datetime-local", step: 1, value: filter[name], onchange: set(name) });
  const person = h("input", { type: "text", value: filter.person, autocomplete: "off", oninput: set("person", later), id: freshId("person") });
  return h("div", { class: "filters" },
    h("fieldset", {}, h("legend", {}, t("filter.cameras")), h("div", { class: "choices" }, all)),
    field(t("filter.since"), moment("since")), field(t("filter.until"), moment("until")),
    field(t("filter.who"), select(known, filter.known, { onchange: set("known") })),
    field(t("filter.person"), person));
}

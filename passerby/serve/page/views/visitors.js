// How many different persons: a count with its interval, by hour, day or camera.

import { api, session } from "../shared/api.js";
import { intervals } from "../shared/charts.js";
import { field, fill, h, heading, notes, select, table, working } from "../shared/dom.js";
import { instant } from "../shared/filters.js";
import { cameraName, count, estimate, zone } from "../shared/format.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const state = { day: "", since: "", until: "", by: "hour", without: "", back: "", gallery: null };

export async function show({ signal }) {
  const summary = await api.summary(signal);
  if (state.gallery !== session.gallery) {
    const days = summary.days.map(({ day }) => day).filter(Boolean);
    Object.assign(state, {
      day: days.at(-1) ?? "",
      since: "",
      until: "",
      by: "hour",
      without: "",
      back: "",
      gallery: session.gallery,
    });
  }
  const place = h("div", {});
  return [
    heading(t("visitors.title")),
    h("p", { class: "lead" }, t("visitors.what")),
    form(() => counted(place, signal)),
    place,
  ];
}

function form(count) {
  const set = (name) => (event) => (state[name] = event.target.value.trim());
  const input = (name, type, attributes = {}) =>
    h("input", { type, value: state[name], oninput: set(name), ...attributes });
  const by = ["hour", "day", "camera"].map((each) => [each, t(`visitors.${each}`)]);
  const back = ["", "24h", "7d", "30d"].map((each) => [
    each,
    each ? t(`visitors.back${each}`) : t("visitors.noback"),
  ]);
  return h(
    "form",
    { class: "box filters", onsubmit: (event) => (event.preventDefault(), count()) },
    field(t("visitors.onday"), input("day", "date"), t("visitors.ondayhelp")),
    field(t("filter.since"), input("since", "datetime-local")),
    field(t("filter.until"), input("until", "datetime-local")),
    field(t("visitors.by"), select(by, state.by, { onchange: set("by") })),
    field(t("visitors.back"), select(back, state.back, { onchange: set("back") })),
    field(
      t("visitors.without"),
      input("without", "text", { autocomplete: "off" }),
      t("visitors.withouthelp"),
    ),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "main" }, t("visitors.count")),
    ),
  );
}

function query() {
  const { day, since, until, by, back } = state;
  const time = since || until ? { since: instant(since), until: instant(until) } : { day };
  const without = state.without
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  return { ...time, by, back, without, zone };
}

async function counted(place, signal) {
  fill(place, working(t("visitors.counting")));
  try {
    fill(place, result(await api.visitors(query(), signal)));
  } catch (error) {
    if (!left(error))
      fill(
        place,
        problemPanel(error, () => counted(place, signal)),
      );
  }
}

function result({ whole, parts, by, notes: said }) {
  const { low, middle, high } = whole.persons;
  const head = h(
    "p",
    { class: "big", role: "status" },
    h("b", {}, count(middle)),
    " ",
    low === high
      ? t("visitors.exact", { count: middle })
      : t("visitors.whole", { low, high, count: middle }),
  );
  const day = parts[0]?.name.slice(0, 10);
  const oneDay = by === "hour" && parts.every((part) => part.name.startsWith(day));
  const name = (part) =>
    by === "camera" ? cameraName(part.name) : oneDay ? part.name.slice(11) : part.name;
  const rows = parts.map((part) => ({
    label: name(part),
    ...part.persons,
    said: estimate(part.persons),
  }));
  const back = parts.some((part) => part.new);
  const cells = parts.map((part) => [
    name(part),
    count(part.passages),
    estimate(part.persons),
    ...(back
      ? [part.new ? estimate(part.new) : "–", part.returning ? estimate(part.returning) : "–"]
      : []),
  ]);
  const titles = [
    t(`visitors.${by ?? "day"}`),
    t("visitors.passages"),
    t("visitors.persons"),
    ...(back ? [t("visitors.new"), t("visitors.returning")] : []),
  ];
  return h(
    "section",
    { "aria-label": t("visitors.result") },
    head,
    notes(said),
    rows.length ? h("div", { class: "panel" }, intervals(rows, t("visitors.chart"))) : null,
    rows.length
      ? h(
          "details",
          {},
          h("summary", {}, t("visitors.table")),
          table(t("visitors.table"), titles, cells),
        )
      : null,
    h("p", { class: "faint" }, t("visitors.interval"), " ", t("time.zone", { zone })),
  );
}

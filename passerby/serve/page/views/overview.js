// What the gallery holds: counts, cameras, days, size, how well distances are understood, what is due.

import { api, can } from "../shared/api.js";
import { bars } from "../shared/charts.js";
import { removeSightings } from "../shared/deciding.js";
import { button, field, fill, h, heading, table, working } from "../shared/dom.js";
import { cameraName, count, percent, size, when } from "../shared/format.js";
import { left, problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const DAYS = "passerby.retention"; // how long sightings are kept here, in days
const SHOWN = 60;

export async function show({ signal, reload }) {
  const summary = await api.summary(signal);
  return [
    heading(t("overview.title"), h("span", { class: "tag" }, summary.gallery)),
    tiles(summary),
    h("div", { class: "columns" }, calibration(summary), model(summary)),
    cameras(summary),
    days(summary),
    retention(signal, reload),
    sources(summary),
  ];
}

function tiles(summary) {
  const { sightings, known, persons, cameras: seen, answers, alerts, bytes } = summary;
  const { set_aside: aside } = summary;
  const nameless = sightings - known - aside;
  const tile = (value, label) =>
    h("div", { class: "tile" }, h("b", {}, value), h("span", {}, label));
  const named = seen.filter(({ name }) => name).length;
  return h(
    "div",
    { class: "tiles" },
    tile(count(sightings), t("overview.sightings", { count: sightings })),
    tile(count(persons), t("overview.persons", { count: persons })),
    tile(count(nameless), t("overview.unknown", { count: nameless })),
    aside ? tile(count(aside), t("overview.aside")) : null,
    tile(count(named), t("overview.cameras", { count: named })),
    tile(size(bytes), t("overview.size")),
    tile(count(answers), t("overview.answers", { count: answers })),
    tile(count(alerts), t("overview.alerts", { count: alerts })),
  );
}

function calibration({ calibrations, adapted, answers }) {
  const known = calibrations.length > 0;
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("calibration.title")),
    h("p", { class: known ? "" : "warn" }, known ? t("calibration.known") : t("calibration.none")),
    answers < 40
      ? h("p", {}, t("calibration.review"), " ", h("a", { href: "#/review" }, t("review.title")))
      : null,
    adapted?.length
      ? h(
          "ul",
          { class: "notes" },
          adapted.map((words) => h("li", {}, words)),
        )
      : null,
  );
}

function model({ model: about, index, created }) {
  const searched = index?.kind
    ? t("overview.indexed", {
        kind: index.kind,
        indexed: index.indexed,
        rows: index.rows,
        recall: index.recall ? percent(index.recall) : t("unknown"),
      })
    : t("overview.noindex");
  const facts = [
    [t("overview.model"), `${about.name || t("unknown")} (${about.fingerprint})`],
    [t("overview.pooling"), `${about.pooling}, ${about.dimensions}`],
    [t("overview.search"), searched],
    [t("overview.created"), created ? when(created) : t("unknown")],
  ];
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("overview.technical")),
    h(
      "dl",
      { class: "facts" },
      facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    ),
  );
}

function cameras({ cameras: seen }) {
  if (!seen.length) return null;
  const rows = seen.map(({ name, sightings }) => ({ label: cameraName(name), value: sightings }));
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("overview.bycamera")),
    bars(rows, t("overview.bycamera")),
  );
}

function days({ days: seen }) {
  const timed = seen.filter(({ day }) => day);
  const without = seen.filter(({ day }) => !day).reduce((sum, { sightings }) => sum + sightings, 0);
  const rows = timed.slice(-SHOWN).map(({ day, sightings }) => ({ label: day, value: sightings }));
  const left = timed.length - rows.length;
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("overview.byday")),
    rows.length ? bars(rows, t("overview.byday")) : null,
    left ? h("p", { class: "faint" }, t("overview.earlier", { count: left })) : null,
    without ? h("p", { class: "faint" }, t("overview.timeless", { count: without })) : null,
  );
}

function sources({ sources: seen }) {
  if (!seen?.length || (seen.length === 1 && !seen[0].name)) return null;
  const rows = seen.map(({ name, sightings }) => [name || t("unknown"), count(sightings)]);
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("overview.sources")),
    table(t("overview.sources"), [t("overview.source"), t("overview.kept")], rows),
  );
}

/** What is older than it may be, by the days that are kept in this browser. */
function retention(signal, reload) {
  const place = h("div", {});
  const days = h("input", {
    type: "number",
    min: 1,
    max: 3650,
    value: localStorage.getItem(DAYS) ?? "",
    onchange: () => {
      localStorage.setItem(DAYS, days.value);
      due();
    },
  });
  const due = async () => {
    if (!(Number(days.value) >= 1)) {
      fill(place, h("p", {}, t("retention.none")));
      return;
    }
    const until = new Date(Date.now() - 86_400_000 * Number(days.value)).toISOString();
    fill(place, working(t("loading")));
    try {
      const { total } = await api.sightings({ until, limit: 1 }, signal);
      const remove = () => removeSightings({ until }, total, reload);
      fill(
        place,
        h(
          "p",
          { class: total ? "warn" : "" },
          t("retention.due", { count: total, time: when(until) }),
        ),
        total && can("delete") ? button(t("retention.delete"), remove, "danger") : null,
      );
    } catch (error) {
      if (!left(error)) fill(place, problemPanel(error, due));
    }
  };
  due();
  return h(
    "section",
    { class: "panel" },
    h("h2", {}, t("retention.title")),
    field(t("retention.days"), days, t("retention.help")),
    place,
  );
}

// Alerts and what they told of: right or wrong, so that the next ones are fewer and truer.

import { api, can } from "../shared/api.js";
import { announce, button, fill, h, heading, worded } from "../shared/dom.js";
import { cameraName, count, when } from "../shared/format.js";
import { picture } from "../shared/pictures.js";
import { problemPanel } from "../shared/problems.js";
import { t } from "../shared/translate.js";

const PAGE = 30;

export async function show({ params, signal }) {
  const alert = params.get("alert") ?? "";
  const [{ alerts }, page] = await Promise.all([
    api.alerts(signal),
    api.hits({ alert, limit: PAGE }, signal),
  ]);
  const list = h("ol", { class: "hits", "aria-label": t("alerts.hits") }, page.hits.map(hit));
  const place = h("div", { class: "actions" });
  const more = (next) =>
    next &&
    button(t("more"), async () => {
      const older = await api.hits({ alert, limit: PAGE, before: next }, signal);
      list.append(...older.hits.map(hit));
      fill(place, more(older.next));
    });
  fill(place, more(page.next));
  return [
    heading(t("alerts.title")),
    h("p", { class: "lead" }, t("alerts.what")),
    alerts.length
      ? h("ul", { class: "alerts" }, alerts.map(contract))
      : h("p", { class: "empty" }, worded(t("alerts.none"))),
    alerts.length
      ? h("h2", {}, alert ? t("alerts.hitsof", { name: alert }) : t("alerts.hits"))
      : null,
    alert ? h("a", { href: "#/alerts" }, t("alerts.all")) : null,
    page.hits.length ? list : alerts.length ? h("p", { class: "empty" }, t("alerts.nohits")) : null,
    place,
  ];
}

function contract({
  name,
  at_most_a_week: most,
  confirmed,
  denied,
  open,
  standing,
  paused,
  to,
  hits,
}) {
  return h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "about" },
      h(
        "p",
        {},
        h("b", {}, name),
        paused ? h("span", { class: "tag warn" }, t("alerts.paused")) : null,
      ),
      h("p", {}, standing),
      h(
        "p",
        { class: "faint" },
        t("alerts.contract", { most: count(most) }),
        " · ",
        t("alerts.judged", {
          confirmed: count(confirmed),
          denied: count(denied),
          open: count(open),
        }),
      ),
      h(
        "p",
        { class: "faint" },
        to.length ? t("alerts.to", { to: to.join(", ") }) : t("alerts.nowhere"),
      ),
    ),
    hits
      ? h(
          "div",
          { class: "actions" },
          h(
            "a",
            { class: "button", href: `#/alerts?${new URLSearchParams({ alert: name })}` },
            t("alerts.show", { count: hits }),
          ),
        )
      : null,
  );
}

function hit(about) {
  const { number, alert, sighting, camera, time, distance, picture: url } = about;
  const trouble = h("div", {});
  const verdict = h("div", { class: "actions" });
  const judge = async (right) => {
    try {
      const judged = await api.judge(number, right);
      fill(trouble);
      draw(judged.right);
      announce(t("alerts.said", { verdict: words(judged.right) }));
      verdict.querySelector("button")?.focus();
    } catch (error) {
      fill(trouble, problemPanel(error));
    }
  };
  const draw = (right) => {
    const choose = (value, key) =>
      button(t(key), () => judge(value), "", { "aria-pressed": String(right === value) });
    fill(
      verdict,
      can("write")
        ? [
            choose(true, "alerts.right"),
            choose(false, "alerts.wrong"),
            right === null ? null : button(t("alerts.reopen"), () => judge(null), "plain"),
          ]
        : h("span", {}, words(right)),
      sighting
        ? h(
            "a",
            { class: "button", href: `#/search?${new URLSearchParams({ sighting })}` },
            t("found.like"),
          )
        : null,
    );
  };
  draw(about.right);
  return h(
    "li",
    { class: "card" },
    h(
      "div",
      { class: "strip" },
      picture(
        url,
        t("picture.alt", { rank: number, camera: cameraName(camera), time: when(time) }),
      ),
    ),
    h(
      "div",
      { class: "about" },
      h(
        "p",
        { class: "where" },
        h("b", {}, alert ?? t("unknown")),
        " ",
        cameraName(camera),
        " ",
        when(time),
      ),
      distance === null
        ? null
        : h("p", { class: "faint" }, t("found.distance", { distance: distance.toFixed(3) })),
      trouble,
    ),
    verdict,
  );
}

function words(right) {
  if (right === null) return t("alerts.unjudged");
  return right ? t("alerts.right") : t("alerts.wrong");
}

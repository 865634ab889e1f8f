// What a search found: the answer in words, and passages as cards that can be walked through.

import { can } from "../shared/api.js";
import {
  nameSightings,
  notAPerson,
  removeSightings,
  sightingsOf,
  splitOff,
} from "../shared/deciding.js";
import { announce, button, h, notes } from "../shared/dom.js";
import { cameraName, likely, percent, ratio, ratioWithEnds, span } from "../shared/format.js";
import { roving } from "../shared/keys.js";
import { strip } from "../shared/pictures.js";
import { t } from "../shared/translate.js";

/** acts: again(), more() or null, notCamera(name), like(id), evidence() or null. */
export function foundList(found, seconds, acts) {
  const chosen = new Set();
  const bar = h("div", { class: "chosen", hidden: true });
  const cards = found.matches.map((match) =>
    card(match, found, acts, (on) => {
      if (on) chosen.add(match);
      else chosen.delete(match);
      bar.replaceChildren(...chosenBar([...chosen], acts));
      bar.hidden = !chosen.size;
      announce(t("chosen", { count: chosen.size }));
    }),
  );
  const list = h("ol", { class: "found", "aria-label": t("found.list") }, cards);
  roving(list);
  return h(
    "section",
    { "aria-label": t("found.title") },
    verdict(found),
    notes(found.notes),
    h(
      "div",
      { class: "found-head" },
      h("h2", {}, t("found.count", { count: found.matches.length })),
      h(
        "p",
        { class: "faint" },
        t("found.among", { count: found.searched, seconds: seconds.toFixed(2) }),
        found.exact ? "" : ` ${t("found.approximate")}`,
        found.timeless ? ` ${t("found.timeless", { count: found.timeless })}` : "",
      ),
      acts.evidence && button(t("case.open"), acts.evidence, "plain"),
    ),
    found.matches.length
      ? h("p", { class: "faint hint" }, t("found.keys"))
      : h("p", { class: "empty" }, t("found.none")),
    bar,
    list,
    acts.more && h("div", { class: "actions" }, button(t("found.more"), acts.more)),
  );
}

/** Who it is, or that nobody in the gallery is. */
function verdict(found) {
  const { decision, posterior } = found;
  if (!decision && !posterior) {
    return h(
      "div",
      { class: "verdict none" },
      h("h2", {}, t("verdict.uncalibrated")),
      h("p", {}, t("verdict.uncalibratedwhy")),
    );
  }
  const answer = decision?.answer;
  const chance =
    posterior &&
    h(
      "p",
      {},
      t("verdict.absent", { words: likely(posterior.absent), percent: percent(posterior.absent) }),
    );
  const why =
    decision?.reason && h("p", { class: "faint" }, t("verdict.why", { why: decision.reason }));
  if (!answer) {
    return h(
      "div",
      { class: "verdict absent" },
      h("h2", {}, t("verdict.unknown")),
      h("p", {}, t("verdict.unknownwhy")),
      chance,
      why,
    );
  }
  const words =
    answer.probability === undefined
      ? ""
      : t("verdict.probability", {
          words: likely(answer.probability),
          percent: percent(answer.probability),
        });
  const who = answer.person
    ? h("a", { href: personAddress(answer.person) }, answer.person)
    : t("verdict.unnamed");
  return h(
    "div",
    { class: "verdict there" },
    h("h2", {}, t("verdict.there"), " ", who),
    words && h("p", {}, words),
    chance,
    why,
  );
}

function personAddress(name) {
  return `#/person?${new URLSearchParams({ name })}`;
}

function card(match, found, acts, select) {
  const { person, camera } = match;
  const label = t("found.label", {
    rank: match.rank,
    camera: cameraName(camera),
    time: span(match.first ?? match.time, match.last),
  });
  const who = person
    ? h("a", { href: personAddress(person) }, person)
    : h("span", { class: "faint" }, t("person.unnamed"));
  const like = () => acts.like(match.sighting);
  const long = match.pictures?.length > 1;
  const item = h(
    "li",
    { class: long ? "card long" : "card", tabindex: "-1", "aria-label": label },
    strip(match),
    h(
      "div",
      { class: "about" },
      h(
        "p",
        { class: "where" },
        h("span", { class: "rank", "aria-hidden": "true" }, match.rank),
        h("b", {}, cameraName(camera)),
        " ",
        span(match.first ?? match.time, match.last),
      ),
      h("p", {}, who),
      worth(match, found),
      more(match),
    ),
    h(
      "div",
      { class: "actions" },
      button(t("found.like"), like),
      camera
        ? button(t("found.notcamera"), () => acts.notCamera(camera), "", {
            "aria-label": t("found.notthiscamera", { camera }),
          })
        : null,
      can("write")
        ? button(t("name.open"), async () =>
            nameSightings(await sightingsOf([match]), acts.again, person),
          )
        : null,
      can("write") && person
        ? button(t("split.this"), async () =>
            splitOff(await sightingsOf([match]), person, acts.again),
          )
        : null,
      choice(select, match),
    ),
  );
  item.addEventListener("keydown", (event) => {
    if (event.target !== item) return;
    if (event.key === "Enter") item.querySelector(".actions button").click();
    if (event.key === " ") {
      event.preventDefault();
      item.querySelector("input[type=checkbox]").click();
    }
  });
  return item;
}

function choice(select, match) {
  const box = h("input", { type: "checkbox", onchange: (event) => select(event.target.checked) });
  return h(
    "label",
    { class: "choice" },
    box,
    h("span", {}, t("choose"), h("span", { class: "unseen" }, ` ${match.rank}`)),
  );
}

/** How sure: probability in words and number, ratio with its interval, distance. */
function worth(match, found) {
  const lines = [];
  if (match.person_probability !== null && found.posterior) {
    const chance = match.person_probability;
    const meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span", {}));
    meter.firstChild.style.width = `${100 * chance}%`;
    lines.push(
      h("p", { class: "chance" }, meter, h("b", {}, likely(chance)), ` ${percent(chance)}`),
    );
  }
  if (match.likelihood_ratio !== null) {
    const ends = ratioWithEnds(match.likelihood_ratio, match.likelihood_ratio_interval);
    lines.push(
      h(
        "p",
        {},
        t("found.ratio", { ratio: ends }),
        match.support ? h("small", {}, `: ${match.support}`) : null,
      ),
    );
    if (match.transit_likelihood_ratio !== null) {
      const [way, both] = [match.transit_likelihood_ratio, match.joint_likelihood_ratio].map(ratio);
      lines.push(h("p", { class: "faint" }, t("found.way", { way, both })));
    }
  } else if (match.false_match_rate !== null) {
    lines.push(h("p", {}, t("found.rate", { percent: percent(match.false_match_rate) })));
  }
  return lines;
}

function more(match) {
  const facts = [
    t("found.distance", { distance: Math.max(match.distance, 0).toFixed(3) }),
    match.sightings > 1 && t("found.sightings", { count: match.sightings }),
    match.source && t("found.source", { source: match.source }),
    match.seconds &&
      t("found.seconds", { from: match.seconds[0].toFixed(1), to: match.seconds[1].toFixed(1) }),
  ].filter(Boolean);
  return h("p", { class: "faint" }, facts.join(" · "));
}

function chosenBar(matches, { again }) {
  if (!matches.length) return [];
  const withAll = (act) => async () => act(await sightingsOf(matches));
  const remove = (ids) => removeSightings({ sighting: ids }, ids.length, again);
  return [
    h("b", {}, t("chosen", { count: matches.length })),
    can("write")
      ? button(
          t("name.open"),
          withAll((ids) => nameSightings(ids, again)),
        )
      : "",
    can("write")
      ? button(
          t("noperson.open"),
          withAll((sightings) => notAPerson({ sightings }, again)),
        )
      : "",
    can("delete") ? button(t("delete.open"), withAll(remove), "danger") : "",
  ];
}

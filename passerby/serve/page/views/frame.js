// A person in a picture of a whole scene: clicked where a detector found some, or drawn as a box.

import { api, session } from "../shared/api.js";
import { announce, button, h, working } from "../shared/dom.js";
import { left as nobodyWaits } from "../shared/problems.js";
import { percent } from "../shared/format.js";
import { t } from "../shared/translate.js";

const LEAST = 8; // pixels of a box
const STEP = 0.01; // of the picture, for an arrow key

/** Whether a picture looks like a scene and not like one person, who stands upright. */
export function likeScene({ width, height }) {
  return width > 0.85 * height && width >= 200;
}

/** Boxes over a picture ({file, url, width, height}); picked(box), box null for the whole picture. */
export function framePicker(picture, picked, signal) {
  const stage = h(
    "div",
    { class: "stage" },
    h("img", { src: picture.url, alt: t("frame.alt"), draggable: "false" }),
  );
  const said = h("div", {});
  const choose = (box) => picked(box && box.map(Math.round));
  const draw = button(t("frame.draw"), () => drawn(stage, picture, choose).focus());
  draws(stage, picture, choose);
  if (session.server.detector) find(stage, said, picture, choose, signal);
  else said.replaceChildren(h("p", {}, t("frame.nodetector")));
  return h(
    "section",
    { class: "frame", "aria-label": t("frame.title") },
    h("h2", {}, t("frame.title")),
    said,
    stage,
    h(
      "div",
      { class: "actions" },
      draw,
      button(t("frame.whole"), () => choose(null), "plain"),
    ),
  );
}

async function find(stage, said, picture, choose, signal) {
  said.replaceChildren(working(t("frame.looking")));
  try {
    const { persons, width, height } = await api.detect(picture.file, signal);
    persons.forEach(({ box, score }, index) => {
      const label = t("frame.person", { number: index + 1, score: percent(score) });
      const found = button("", () => choose(box), "box", { "aria-label": label, title: label });
      place(found, box, width, height);
      stage.append(found);
    });
    const words = t("frame.found", { count: persons.length });
    said.replaceChildren(h("p", {}, words));
    announce(words);
  } catch (error) {
    if (nobodyWaits(error)) return;
    const words = [404, 409].includes(error.status)
      ? t("frame.nodetector")
      : t("frame.failed", { why: error.message });
    said.replaceChildren(h("p", {}, words));
  }
}

function place(element, [left, top, right, bottom], width, height) {
  const share = (value, of) => `${(100 * value) / of}%`;
  Object.assign(element.style, {
    left: share(left, width),
    top: share(top, height),
    width: share(right - left, width),
    height: share(bottom - top, height),
  });
}

/** A box by keys: arrows move it, with Shift they change its size, Enter takes it. */
function drawn(stage, picture, choose) {
  stage.querySelector(".drawn")?.remove();
  const { width, height } = picture;
  const box = [0.4 * width, 0.2 * height, 0.6 * width, 0.8 * height];
  const shown = button("", () => choose(box), "box drawn", {
    "aria-label": t("frame.keys"),
    title: t("frame.keys"),
  });
  place(shown, box, width, height);
  shown.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      event.key
    ];
    if (!move) return;
    event.preventDefault();
    const [x, y] = [move[0] * STEP * width, move[1] * STEP * height];
    const bound = (value, most) => Math.min(Math.max(value, 0), most);
    if (!event.shiftKey) {
      const dx = bound(box[0] + x, width - (box[2] - box[0])) - box[0];
      const dy = bound(box[1] + y, height - (box[3] - box[1])) - box[1];
      box.splice(0, 4, box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy);
    } else {
      box[2] = Math.min(Math.max(box[2] + x, box[0] + LEAST), width);
      box[3] = Math.min(Math.max(box[3] + y, box[1] + LEAST), height);
    }
    place(shown, box, width, height);
  });
  stage.append(shown);
  announce(t("frame.keys"));
  return shown;
}

/** A box by the pointer. */
function draws(stage, { width, height }, choose) {
  let from = null;
  const shown = h("div", { class: "box drawing", hidden: true });
  stage.append(shown);
  const at = (event) => {
    const { left, top, width: wide, height: high } = stage.getBoundingClientRect();
    const share = (value) => Math.min(Math.max(value, 0), 1);
    return [
      share((event.clientX - left) / wide) * width,
      share((event.clientY - top) / high) * height,
    ];
  };
  const box = (to) => [
    Math.min(from[0], to[0]),
    Math.min(from[1], to[1]),
    Math.max(from[0], to[0]),
    Math.max(from[1], to[1]),
  ];
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest("button") || event.button !== 0) return;
    event.preventDefault();
    from = at(event);
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from) return;
    shown.hidden = false;
    place(shown, box(at(event)), width, height);
  });
  stage.addEventListener("pointercancel", () => ((from = null), (shown.hidden = true)));
  stage.addEventListener("pointerup", (event) => {
    if (!from) return;
    const made = box(at(event));
    from = null;
    shown.hidden = true;
    if (made[2] - made[0] >= LEAST && made[3] - made[1] >= LEAST) choose(made);
  });
}

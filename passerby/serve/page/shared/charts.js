// Charts by SVG elements, drawn for the width that there is: lanes of cameras, numbers with intervals.

import { h, s } from "./dom.js";
import { cameraName, count, span, when } from "./format.js";
import { t } from "./translate.js";

const LETTER = 7.4; // width of one, in pixels
const LANE = 36;
const ROW = 26;

/** Draw again whenever the width changes: draw(width) gives the SVG. */
function fitted(draw) {
  const frame = h("div", { class: "chart" });
  let before = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.max(Math.floor(contentRect.width), 260);
    if (width === before) return;
    before = width;
    frame.replaceChildren(draw(width));
  }).observe(frame);
  return frame;
}

function labelled(words, width, height, ...parts) {
  const attributes = {
    role: "img",
    "aria-label": words,
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
  };
  return s("svg", attributes, parts);
}

function text(x, y, words, room, anchor = "start") {
  const most = Math.max(Math.floor(room / LETTER), 3);
  const shown = words.length > most ? `${words.slice(0, most - 1)}…` : words;
  return s("text", { x, y, "text-anchor": anchor }, s("title", {}, words), shown);
}

function line(x1, y1, x2, y2, kind) {
  return s("line", { x1, y1, x2, y2, class: kind });
}

function labelWidth(names, width) {
  return Math.min(Math.max(...names.map((name) => name.length)) * LETTER + 14, width * 0.32);
}

/** Stays of a person in lanes of their cameras; chosen(index) when one is clicked. */
export function lanes(stays, words, chosen) {
  const timed = stays.map((stay, index) => ({ ...stay, index })).filter((stay) => stay.first);
  if (!timed.length) return h("p", { class: "faint" }, t("path.timeless"));
  const names = [...new Set(timed.map(({ camera }) => cameraName(camera)))];
  const [begin, end] = [
    Math.min(...timed.map((stay) => Date.parse(stay.first))),
    Math.max(...timed.map((stay) => Date.parse(stay.last ?? stay.first))),
  ];
  return fitted((width) => {
    const left = labelWidth(names, width);
    const right = width - 14;
    const bottom = LANE * names.length + 8;
    const x = (time) =>
      left + ((Date.parse(time) - begin) / Math.max(end - begin, 1000)) * (right - left);
    const y = ({ camera }) => LANE * (names.indexOf(cameraName(camera)) + 0.5) + 6;
    const parts = names.flatMap((name, row) => [
      line(left, LANE * (row + 0.5) + 6, width, LANE * (row + 0.5) + 6, "rule"),
      text(left - 8, LANE * (row + 0.5) + 10, name, left - 8, "end"),
    ]);
    timed.slice(1).forEach((stay, row) => {
      const before = timed[row];
      parts.push(line(x(before.last ?? before.first), y(before), x(stay.first), y(stay), "way"));
    });
    for (const stay of timed) parts.push(block(stay, x, y, chosen));
    const several = new Date(begin).toDateString() !== new Date(end).toDateString();
    parts.push(
      line(left, bottom, right, bottom, "rule"),
      ...moments(begin, end, left, right, bottom, several),
    );
    return labelled(words, width, bottom + 24, parts);
  });
}

function block(stay, x, y, chosen) {
  const words = [cameraName(stay.camera), span(stay.first, stay.last), stay.impossible]
    .filter(Boolean)
    .join(", ");
  const width = Math.max(x(stay.last ?? stay.first) - x(stay.first), 7);
  const place = { x: x(stay.first), y: y(stay) - 11, width, height: 22, rx: 4 };
  const flag =
    stay.impossible &&
    s(
      "text",
      { x: x(stay.first) + width / 2, y: y(stay) + 5, class: "flag", "text-anchor": "middle" },
      "!",
    );
  const attributes = {
    class: stay.impossible ? "block impossible" : "block",
    onclick: () => chosen(stay.index),
  };
  return s("g", attributes, s("title", {}, words), s("rect", place), flag);
}

function moments(begin, end, left, right, y, several) {
  const steps = Math.max(Math.min(Math.floor((right - left) / (several ? 130 : 100)), 5), 1);
  return Array.from({ length: steps + 1 }, (_, step) => {
    const at = when(new Date(begin + ((end - begin) * step) / steps));
    const anchor = step === 0 ? "start" : step === steps ? "end" : "middle";
    const x = left + ((right - left) * step) / steps;
    return text(x, y + 17, several ? at.slice(5, 16) : at.slice(11), 200, anchor);
  });
}

/** Numbers with their intervals: rows of {label, middle, low, high, said}. */
export function intervals(rows, words) {
  return fitted((width) => {
    const left = labelWidth(
      rows.map(({ label }) => label),
      width,
    );
    const right = width - Math.max(...rows.map(({ said }) => said.length)) * LETTER - 14;
    const full = Math.max(...rows.map(({ high }) => high), 1);
    const x = (value) => left + (value / full) * (right - left);
    const parts = rows.flatMap(({ label, middle, low, high, said }, row) => {
      const y = ROW * row + 6;
      return [
        text(left - 8, y + 13, label, left - 8, "end"),
        s("rect", {
          x: left,
          y: y + 1,
          width: Math.max(x(middle) - left, 1),
          height: 16,
          class: "bar",
        }),
        ...(low === high
          ? []
          : [
              line(x(low), y + 9, x(high), y + 9, "whisker"),
              line(x(low), y + 4, x(low), y + 14, "whisker"),
              line(x(high), y + 4, x(high), y + 14, "whisker"),
            ]),
        text(x(Math.max(high, middle)) + 7, y + 13, said, 400),
      ];
    });
    return labelled(
      words,
      width,
      ROW * rows.length + 12,
      line(left, 2, left, ROW * rows.length + 6, "rule"),
      parts,
    );
  });
}

/** Counts as bars without an interval: rows of {label, value}. */
export function bars(rows, words) {
  return intervals(
    rows.map(({ label, value }) => ({
      label,
      middle: value,
      low: value,
      high: value,
      said: count(value),
    })),
    words,
  );
}

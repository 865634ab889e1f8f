// Pictures that somebody gives: chosen as files, dropped or pasted; looked at before they are sent.

import { session } from "./api.js";
import { h } from "./dom.js";
import { t } from "./translate.js";

const TYPES = ["image/jpeg", "image/png", "image/webp"];
// Megapixels that the server decodes of each whatever way it is turned; of an upright JPEG more.
const SENT_AS_THEY_ARE = { "image/jpeg": 4.5, "image/png": 2.8, "image/webp": 1.7 };
const MADE_SMALLER = 8; // megapixels, as an upright JPEG: enough to point at a person in it

/** A button that chooses files; take(files). */
export function fileChoice(id, label, take, kind = "") {
  const input = h("input", {
    type: "file",
    accept: TYPES.join(),
    multiple: true,
    class: "unseen",
    id,
    onchange: (event) => {
      const files = [...event.target.files];
      event.target.value = ""; // the same file may be chosen again
      take(files);
    },
  });
  return [input, h("label", { for: id, class: `button ${kind}` }, label)];
}

/** A place to choose pictures, drop or (while signal lasts) paste them; others: what else is in it;
 * nothing(): where what was pasted is no picture. */
export function dropZone(id, take, signal, others, nothing = () => {}) {
  const choosing = fileChoice(id, t("search.choose"), take, "main");
  const zone = h("div", { class: "drop" }, choosing, others);
  zone.addEventListener("dragover", () => zone.classList.add("over"));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    zone.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  const pasted = (event) => {
    if (document.querySelector("dialog[open]")) return;
    const files = [...event.clipboardData.files];
    if (!files.length && event.target.matches?.("input, textarea")) return;
    event.preventDefault();
    if (files.length) take(files);
    else nothing();
  };
  document.addEventListener("paste", pasted, { signal });
  return zone;
}

/** Read all files that were given at once; throws an Error in words. */
export async function allOpened(files) {
  const most = session.server.limits?.images ?? files.length;
  if (files.length > most) throw new Error(t("search.toomany", { most, count: files.length }));
  return Promise.all(files.map(opened));
}

/** {file, url, width, height, image, box} of a file; throws an Error in words. */
async function opened(file) {
  const { limits } = session.server;
  const name = file.name || t("picture.pasted");
  if (!TYPES.includes(file.type)) {
    throw new Error(t("picture.kind", { name, type: file.type || t("unknown") }));
  }
  if (limits?.bytes && file.size > limits.bytes) {
    const [has, most] = [file.size, limits.bytes].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`);
    throw new Error(t("picture.large", { name, has, most }));
  }
  const picture = await decoded(file);
  if (!picture) throw new Error(t("picture.broken", { name }));
  const { width, height } = picture;
  if (width * height <= 1e6 * SENT_AS_THEY_ARE[file.type]) return picture;
  URL.revokeObjectURL(picture.url);
  return decoded(await smaller(picture));
}

/** {file, url, image, width, height, box}, upright; null for what is no picture. */
async function decoded(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    return null;
  }
  return { file, url, image, width: image.naturalWidth, height: image.naturalHeight, box: null };
}

/** A photo of a telephone, which has more pixels than the server decodes, as one that it takes. */
async function smaller({ file, image, width, height }) {
  const scale = Math.min(1, Math.sqrt((1e6 * MADE_SMALLER) / (width * height)));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  return new File([blob], file.name, { type: "image/jpeg" });
}

/** A part of a picture as a file of its own, pixel by pixel. */
export async function cut({ image, file, box }) {
  const [left, top, right, bottom] = box;
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  canvas.getContext("2d").drawImage(image, -left, -top);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new File([blob], file.name, { type: "image/png" });
}

/** The picture, or its part, small; number: from 1. */
export function preview({ url, box, width, height }, number) {
  const image = h("img", { src: url, alt: t("asked.alt", { number }) });
  if (!box) return h("div", { class: "preview" }, image);
  const [wide, high] = [box[2] - box[0], box[3] - box[1]];
  const scale = 120 / high;
  const window = h("div", { class: "preview part" }, image);
  Object.assign(window.style, { width: `${wide * scale}px`, height: "120px" });
  Object.assign(image.style, {
    width: `${width * scale}px`,
    height: `${height * scale}px`,
    left: `${-box[0] * scale}px`,
    top: `${-box[1] * scale}px`,
  });
  return window;
}

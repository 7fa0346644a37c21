// What is shown of the photos: a preview of each, and the visible part in more detail where the view is close.

import { boxWidth, common, outwards, wholeBox } from "./geometry.js";
import { previewAddress } from "./api.js";

const PREVIEW_SIDE = 2048; // the most pixels on the longer side of a preview
const MOST_KEPT = 16;
const MILLISECONDS_AT_REST = 160; // before details are asked for

/** @param changed is called when a picture has arrived */
export function createPictures(changed) {
  const previews = new Map(); // from a photo's id to an image, the last used last
  const coming = new Map();
  let detail = null; // { id, box, image }
  let waiting = null;

  /** The preview of a photo, null while it is on its way. */
  function preview(photo) {
    const image = previews.get(photo.id);
    if (image === undefined) {
      load(photo).catch(() => {}); // whoever opens or fills a photo waits for it, and says so
      return null;
    }
    previews.delete(photo.id);
    previews.set(photo.id, image);
    return image;
  }

  function load(photo) {
    if (previews.has(photo.id)) return Promise.resolve(previews.get(photo.id));
    if (!coming.has(photo.id)) coming.set(photo.id, fetchPreview(photo));
    return coming.get(photo.id);
  }

  async function fetchPreview(photo) {
    try {
      const image = await loadImage(previewAddress(photo, { side: PREVIEW_SIDE }));
      previews.set(photo.id, image);
      for (const id of [...previews.keys()].slice(0, -MOST_KEPT)) previews.delete(id);
      changed();
      return image;
    } finally {
      coming.delete(photo.id);
    }
  }

  /** A close view's part of a photo in its own pixels, { box, image }; null where the preview is enough or it comes. */
  function details(photo, visible, pixelsPerPixel) {
    const image = previews.get(photo.id);
    const box = common(outwards(visible), wholeBox(photo));
    const enough = !image || image.naturalWidth >= Math.min(photo.width, photo.width * pixelsPerPixel);
    if (enough || box === null) return null;
    if (detail === null || detail.id !== photo.id || !holds(detail, box, pixelsPerPixel)) askFor(photo, box);
    return detail !== null && detail.id === photo.id ? detail : null;
  }

  function holds({ box, image }, wanted, pixelsPerPixel) {
    const shared = common(box, wanted);
    const sharp = image.naturalWidth >= Math.min(1, 0.9 * pixelsPerPixel) * boxWidth(box);
    return sharp && shared !== null && shared.every((edge, i) => edge === wanted[i]);
  }

  function askFor(photo, box) {
    const key = `${photo.id} ${box}`;
    if (waiting?.key === key) return;
    clearTimeout(waiting?.timer);
    waiting = { key, timer: setTimeout(fetchDetail, MILLISECONDS_AT_REST, photo, box, key) };
  }

  async function fetchDetail(photo, box, key) {
    const image = await loadImage(previewAddress(photo, { side: PREVIEW_SIDE, box: box.join(",") })).catch(() => null);
    if (image === null || waiting?.key !== key) return;
    detail = { id: photo.id, box, image };
    changed();
  }

  return { preview, load, details };
}

export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    throw new Error("The server's picture did not arrive: try again.");
  }
  return image;
}

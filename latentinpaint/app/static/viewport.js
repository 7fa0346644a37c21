// Where the photo is on the screen. A view is { scale, x, y, fitted }: a point p of the photo is at p * scale + (x, y),
// in CSS pixels of the canvas. `fitted` views follow the size of the window.

import { clamp } from "./geometry.js";

const MARGIN = 12; // CSS pixels around a fitted photo
const NARROW = 700; // CSS pixels of a canvas that has none to spare
const SCALE_TO_EXPAND = 0.7;
const LARGEST_FITTED = 4;
const LARGEST_SCALE = 32;

/** The view of the whole photo; with room around it where handles are to be dragged outwards. */
export function fitted(photo, size, toExpand = false) {
  const margin = size.width > NARROW ? MARGIN : 0;
  const across = Math.max(size.width - 2 * margin, 1) / photo.width;
  const down = Math.max(size.height - 2 * margin, 1) / photo.height;
  const scale = Math.min(across, down, LARGEST_FITTED) * (toExpand ? SCALE_TO_EXPAND : 1);
  return {
    scale,
    x: (size.width - photo.width * scale) / 2,
    y: (size.height - photo.height * scale) / 2,
    fitted: true,
  };
}

/** The view with the photo `factor` times as large, the point under `at` (on the screen) staying where it is. */
export function zoomed(view, photo, size, factor, at) {
  const least = fitted(photo, size).scale / 4;
  const scale = clamp(view.scale * factor, least, LARGEST_SCALE);
  const ratio = scale / view.scale;
  const moved = { scale, x: at[0] - (at[0] - view.x) * ratio, y: at[1] - (at[1] - view.y) * ratio, fitted: false };
  return kept(moved, photo, size);
}

export function panned(view, photo, size, dx, dy) {
  return kept({ ...view, x: view.x + dx, y: view.y + dy, fitted: false }, photo, size);
}

/** Some of the photo stays in sight. */
function kept(view, photo, size) {
  const reach = 64;
  return {
    ...view,
    x: clamp(view.x, reach - photo.width * view.scale, size.width - reach),
    y: clamp(view.y, reach - photo.height * view.scale, size.height - reach),
  };
}

export function toPhoto(view, [x, y]) {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

export function toScreen(view, [x, y]) {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

/** The part of the photo's plane that the canvas shows. */
export function visibleBox(view, size) {
  return [...toPhoto(view, [0, 0]), ...toPhoto(view, [size.width, size.height])];
}

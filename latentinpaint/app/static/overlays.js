// What is drawn over the photo in CSS pixels of the screen: two lines, dark and light, are seen on any picture.

import { boxAround, boxHeight, boxWidth } from "./geometry.js";
import { toScreen } from "./viewport.js";

const LIGHT = "rgb(255 255 255 / 0.95)";
const DARK = "rgb(0 0 0 / 0.7)";

function strokeTwice(context, dash = []) {
  context.setLineDash([]);
  context.lineWidth = 3;
  context.strokeStyle = DARK;
  context.stroke();
  context.setLineDash(dash);
  context.lineWidth = 1.25;
  context.strokeStyle = LIGHT;
  context.stroke();
  context.setLineDash([]);
}

/** The edge of the brush, or a cross where there is no brush. */
export function drawCursor(context, [x, y], radius) {
  context.beginPath();
  if (radius > 3) {
    context.arc(x, y, radius, 0, 2 * Math.PI);
  } else {
    context.moveTo(x - 7, y);
    context.lineTo(x + 7, y);
    context.moveTo(x, y - 7);
    context.lineTo(x, y + 7);
  }
  strokeTwice(context);
}

/** What is drawn to select a thing: a box, or a line round it. */
export function drawRegion(context, draft, view) {
  const points = draft.points.map((point) => toScreen(view, point));
  context.beginPath();
  if (draft.round) {
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
  } else {
    const box = boxAround([points[0], points[points.length - 1]]);
    context.rect(box[0], box[1], boxWidth(box), boxHeight(box));
  }
  strokeTwice(context, [6, 4]);
}

/** The frame of the photo with the margins that are to be added. */
export function drawMargins(context, margins, photo, view) {
  const [left, top] = toScreen(view, [-(margins?.left ?? 0), -(margins?.top ?? 0)]);
  const [right, bottom] = toScreen(view, [photo.width + (margins?.right ?? 0), photo.height + (margins?.bottom ?? 0)]);
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  strokeTwice(context, [8, 5]);
}

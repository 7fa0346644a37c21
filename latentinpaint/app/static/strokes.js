// A stroke is a line of points with round ends, in pixels of the photo: { kind, points, radius, erase }. It is kept as
// it was drawn, so that it is sharp at every zoom and in the photo's full size.

import { boxAround, distance, grown } from "./geometry.js";

export function newStroke(point, radius, erase) {
  return { kind: "stroke", points: [point], radius, erase };
}

/** Add a point; the one before it goes if it is too close to its own predecessor to be seen. */
export function extend({ points, radius }, point) {
  const near = Math.max(radius / 16, 0.25);
  if (points.length > 1 && distance(points[points.length - 2], points[points.length - 1]) < near) points.pop();
  points.push(point);
}

export function strokeBox(stroke) {
  return grown(boxAround(stroke.points), stroke.radius);
}

export function drawStroke(context, stroke) {
  const [first, ...others] = stroke.points;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = 2 * stroke.radius;
  context.beginPath();
  context.moveTo(...first);
  context.lineTo(first[0] + 0.001, first[1]); // a line of no length would not be drawn
  for (const point of others) context.lineTo(...point);
  context.stroke();
}

/**
 * Set the pixels whose centre is in the stroke.
 *
 * A canvas would do this as well, but browsers that guard against fingerprinting change what is read from one.
 *
 * @param grid { width, height, pixels, place }: `place` maps a point of the photo to one of the grid
 * @param scale pixels of the grid per pixel of the photo
 */
export function rasteriseStroke(grid, stroke, scale) {
  const points = stroke.points.map(grid.place);
  const radius = stroke.radius * scale;
  const value = stroke.erase ? 0 : 255;
  for (let i = 0; i < points.length; i++) {
    fillCapsule(grid, points[Math.max(i - 1, 0)], points[i], radius, value);
  }
}

/** Set the pixels at most `radius` from the line between two points: in each row they are one run. */
function fillCapsule(grid, [ax, ay], [bx, by], radius, value) {
  const length = Math.hypot(bx - ax, by - ay);
  const normalX = length > 0 ? (-(by - ay) / length) * radius : 0;
  const normalY = length > 0 ? ((bx - ax) / length) * radius : 0;
  const firstRow = Math.max(Math.ceil(Math.min(ay, by) - radius - 0.5), 0);
  const lastRow = Math.min(Math.floor(Math.max(ay, by) + radius - 0.5), grid.height - 1);
  for (let row = firstRow; row <= lastRow; row++) {
    const run = { from: Infinity, to: -Infinity };
    const y = row + 0.5;
    widenByDisc(run, ax, ay, radius, y);
    widenByDisc(run, bx, by, radius, y);
    widenBySide(run, ax + normalX, ay + normalY, bx + normalX, by + normalY, y);
    widenBySide(run, ax - normalX, ay - normalY, bx - normalX, by - normalY, y);
    const from = Math.max(Math.ceil(run.from - 0.5), 0);
    const to = Math.min(Math.floor(run.to - 0.5), grid.width - 1);
    if (from <= to) grid.pixels.fill(value, row * grid.width + from, row * grid.width + to + 1);
  }
}

function widenByDisc(run, x, y, radius, height) {
  const square = radius * radius - (height - y) * (height - y);
  if (square < 0) return;
  const half = Math.sqrt(square);
  run.from = Math.min(run.from, x - half);
  run.to = Math.max(run.to, x + half);
}

function widenBySide(run, ax, ay, bx, by, height) {
  if (ay === by || (height - ay) * (height - by) > 0) return;
  const x = ax + ((bx - ax) * (height - ay)) / (by - ay);
  run.from = Math.min(run.from, x);
  run.to = Math.max(run.to, x);
}

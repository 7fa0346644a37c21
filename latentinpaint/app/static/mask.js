// A mask is a list of parts in the order in which they were made: strokes of the brush and the eraser (strokes.js),
// bitmaps (a selected thing, an example's mask, a file), and inversions of all before. The list is never changed in
// place, so that each step of the history keeps its own.

import { boxHeight, boxWidth, common, outwards, union, wholeBox } from "./geometry.js";
import { drawStroke, rasteriseStroke, strokeBox } from "./strokes.js";

const MOST_PIXELS = 12e6; // of a mask that is sent; a larger one is sent smaller
const TINT = "rgb(255 46 99)";
const THRESHOLD = 128; // what is at least as bright is filled

export const INVERSION = { kind: "inversion" };

/** A part of the mask: an image of any size that covers a box of the photo; white is filled. */
export function bitmapPart(image, box) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height);
  for (let i = 0; i < pixels.length; i++) {
    const filled = data[4 * i] >= THRESHOLD && data[4 * i + 3] >= THRESHOLD;
    pixels[i] = filled ? 255 : 0;
    data[4 * i + 3] = pixels[i];
  }
  context.putImageData(new ImageData(data, width, height), 0, 0);
  return { kind: "bitmap", box, width, height, pixels, canvas };
}

/** Parts in a photo to which columns on the left and rows at the top were added. */
export function movedParts(parts, [dx, dy]) {
  return parts.map((part) => {
    if (part.kind === "stroke") return { ...part, points: part.points.map(([x, y]) => [x + dx, y + dy]) };
    if (part.kind === "bitmap") return { ...part, box: part.box.map((edge, i) => edge + (i % 2 === 0 ? dx : dy)) };
    return part;
  });
}

/** The box of all that can be filled, within the photo; null if that is nothing. */
function boxOf(parts, photo) {
  let box = null;
  for (const part of parts) {
    if (part.kind === "inversion") box = wholeBox(photo);
    else if (part.kind === "bitmap") box = union(box, part.box);
    else if (!part.erase) box = union(box, strokeBox(part));
  }
  return box && common(outwards(box), wholeBox(photo));
}

/**
 * The mask in pixels, at the photo's full size up to 12 megapixels.
 *
 * @returns { box, width, height, pixels }, 255 where the photo is to be filled; null if it is so nowhere
 */
export function rasterise(parts, photo) {
  const box = boxOf(parts, photo);
  if (box === null) return null;
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (boxWidth(box) * boxHeight(box))));
  const grid = {
    width: Math.max(Math.round(boxWidth(box) * scale), 1),
    height: Math.max(Math.round(boxHeight(box) * scale), 1),
    place: ([x, y]) => [(x - box[0]) * scale, (y - box[1]) * scale],
  };
  grid.pixels = new Uint8Array(grid.width * grid.height);
  for (const part of parts) {
    if (part.kind === "inversion") invert(grid.pixels);
    else if (part.kind === "bitmap") rasteriseBitmap(grid, part, box, scale);
    else rasteriseStroke(grid, part, scale);
  }
  return trimmed({ box, width: grid.width, height: grid.height, pixels: grid.pixels }, scale);
}

function invert(pixels) {
  for (let i = 0; i < pixels.length; i++) pixels[i] = 255 - pixels[i];
}

/** Set the pixels of the grid whose centre is in a filled pixel of the bitmap. */
function rasteriseBitmap(grid, bitmap, box, scale) {
  const across = bitmap.width / boxWidth(bitmap.box);
  const down = bitmap.height / boxHeight(bitmap.box);
  for (let row = 0; row < grid.height; row++) {
    const y = Math.floor((box[1] + (row + 0.5) / scale - bitmap.box[1]) * down);
    if (y < 0 || y >= bitmap.height) continue;
    for (let column = 0; column < grid.width; column++) {
      const x = Math.floor((box[0] + (column + 0.5) / scale - bitmap.box[0]) * across);
      if (x < 0 || x >= bitmap.width) continue;
      if (bitmap.pixels[y * bitmap.width + x] > 0) grid.pixels[row * grid.width + column] = 255;
    }
  }
}

/** The raster without empty borders; a raster that is smaller than its box keeps them. */
function trimmed(raster, scale) {
  const { width, height, pixels } = raster;
  const rows = { first: height, last: -1 };
  const columns = { first: width, last: -1 };
  for (let row = 0; row < height; row++) {
    const line = pixels.subarray(row * width, (row + 1) * width);
    const first = line.indexOf(255);
    if (first < 0) continue;
    rows.first = Math.min(rows.first, row);
    rows.last = row;
    columns.first = Math.min(columns.first, first);
    columns.last = Math.max(columns.last, line.lastIndexOf(255));
  }
  if (rows.last < 0) return null;
  if (scale < 1) return raster;
  return cut(raster, columns.first, rows.first, columns.last + 1, rows.last + 1);
}

function cut(raster, left, top, right, bottom) {
  const width = right - left;
  const pixels = new Uint8Array(width * (bottom - top));
  for (let row = top; row < bottom; row++) {
    const start = row * raster.width;
    pixels.set(raster.pixels.subarray(start + left, start + right), (row - top) * width);
  }
  const [x, y] = raster.box;
  return { box: [x + left, y + top, x + right, y + bottom], width, height: bottom - top, pixels };
}

/** Draw the mask, opaque where it fills, into a context whose units are pixels of the photo. */
export function drawMask(context, parts, photo) {
  context.strokeStyle = TINT;
  context.fillStyle = TINT;
  for (const part of parts) {
    context.globalCompositeOperation = "source-over";
    if (part.kind === "inversion") {
      context.globalCompositeOperation = "xor";
      context.fillRect(0, 0, photo.width, photo.height);
    } else if (part.kind === "bitmap") {
      drawBitmap(context, part);
    } else {
      if (part.erase) context.globalCompositeOperation = "destination-out";
      drawStroke(context, part);
    }
  }
  // Bitmaps have colours of their own.
  context.globalCompositeOperation = "source-in";
  context.fillRect(0, 0, photo.width, photo.height);
  context.globalCompositeOperation = "source-over";
}

function drawBitmap(context, { canvas, box }) {
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, box[0], box[1], boxWidth(box), boxHeight(box));
}

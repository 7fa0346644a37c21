// Points are [x, y] and boxes [left, top, right, bottom], in pixels of the photo unless something else is said.

export function distance([ax, ay], [bx, by]) {
  return Math.hypot(bx - ax, by - ay);
}

export function middle([ax, ay], [bx, by]) {
  return [(ax + bx) / 2, (ay + by) / 2];
}

export function boxWidth([left, , right]) {
  return right - left;
}

export function boxHeight([, top, , bottom]) {
  return bottom - top;
}

export function boxAround(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

export function grown([left, top, right, bottom], by) {
  return [left - by, top - by, right + by, bottom + by];
}

/** The smallest box of whole pixels that holds a box. */
export function outwards([left, top, right, bottom]) {
  return [Math.floor(left), Math.floor(top), Math.ceil(right), Math.ceil(bottom)];
}

/** What two boxes share, null if it is nothing. */
export function common(one, other) {
  const box = [
    Math.max(one[0], other[0]),
    Math.max(one[1], other[1]),
    Math.min(one[2], other[2]),
    Math.min(one[3], other[3]),
  ];
  return box[0] < box[2] && box[1] < box[3] ? box : null;
}

/** The smallest box that holds two, of which one may be null. */
export function union(one, other) {
  if (one === null || other === null) return one ?? other;
  return [
    Math.min(one[0], other[0]),
    Math.min(one[1], other[1]),
    Math.max(one[2], other[2]),
    Math.max(one[3], other[3]),
  ];
}

export function wholeBox(photo) {
  return [0, 0, photo.width, photo.height];
}

export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

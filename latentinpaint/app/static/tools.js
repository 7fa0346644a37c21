// What a gesture of the pointer does, by the name of the tool: each has down(point), move(point, straight), up(more)
// and abandon(), points in pixels of the photo; `more` is whether another stroke is to come before the fill. A gesture
// is the `draft` in the store until it ends.

import { boxAround, clamp, distance, wholeBox } from "./geometry.js";
import { addToMask, currentStep } from "./history.js";
import { extend, newStroke } from "./strokes.js";

const CLOSEST_POINTS = 2; // CSS pixels, of a line round a thing
const SMALLEST_SELECTION = 8; // CSS pixels on the screen
const ROUND = 1.35; // a path so many times as long as its ends are apart is drawn round something

export const TOOLS = ["brush", "eraser", "select", "expand"];

/**
 * @param actions { stroked(): a stroke of the brush has ended, selected(region): see selecting.js }
 */
export function createTools(store, actions) {
  const painters = { brush: painter(store, false, actions.stroked), eraser: painter(store, true, () => {}) };
  return { ...painters, select: selector(store, actions.selected), expand: nothing() };
}

function painter(store, erase, ended) {
  return {
    down(point) {
      const { size, view } = store.get();
      store.set({ draft: newStroke(point, size / 2 / view.scale, erase) });
    },
    move(point, straight) {
      const { draft } = store.get();
      if (straight) draft.points.splice(1, Infinity, point);
      else extend(draft, point);
      store.set({ draft: { ...draft } });
    },
    up(more = false) {
      const { draft } = store.get();
      store.set({ draft: null });
      if (erase && currentStep(store.get()).mask.length === 0) return;
      addToMask(store, draft, erase ? "Erased" : "Painted");
      if (!more) ended();
    },
    abandon: () => store.set({ draft: null }),
  };
}

/** A straight path is the diagonal of a box, any other goes round the thing. */
function selector(store, selected) {
  return {
    down: (point) => store.set({ draft: { kind: "region", points: [point], round: false } }),
    move(point) {
      const { draft, view } = store.get();
      if (distance(draft.points[draft.points.length - 1], point) * view.scale < CLOSEST_POINTS) return;
      const points = [...draft.points, point];
      store.set({ draft: { kind: "region", points, round: draft.round || isRound(points) } });
    },
    up() {
      const { draft, view, size: brush } = store.get();
      store.set({ draft: null });
      const box = boxAround(draft.points);
      const size = Math.min(box[2] - box[0], box[3] - box[1]) * view.scale;
      if (size < SMALLEST_SELECTION) return;
      selected(regionOf(draft, currentStep(store.get()).photo, brush / view.scale));
    },
    abandon: () => store.set({ draft: null }),
  };
}

function isRound(points) {
  let length = 0;
  for (let i = 1; i < points.length; i++) length += distance(points[i - 1], points[i]);
  return length > ROUND * distance(points[0], points[points.length - 1]) && points.length > 8;
}

function regionOf(draft, photo, width) {
  const [left, top, right, bottom] = wholeBox(photo);
  const inside = ([x, y]) => [Math.round(clamp(x, left, right)), Math.round(clamp(y, top, bottom))];
  const points = draft.points.map(inside);
  if (draft.round) return { scribble: points, width: clamp(width, 1, 2000) };
  return { box: boxAround([points[0], points[points.length - 1]]) };
}

function nothing() {
  return { down() {}, move() {}, up() {}, abandon() {} };
}

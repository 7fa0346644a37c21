// The history as a strip of small pictures; a click goes to that step. Screen readers say which step is shown.

import { drawMask } from "./mask.js";

const SIDE = 56; // CSS pixels of a small picture

/** @param go is called with the position of a step */
export function createStrip(store, pictures, go) {
  const list = document.getElementById("strip");
  const announcement = document.getElementById("announcement");
  let shown = []; // the steps that have a button, in order

  function update({ steps, position }, former) {
    if (steps !== former.steps) rebuild(steps);
    if (steps === former.steps && position === former.position) return;
    mark(position);
    announcement.textContent = steps[position]?.label ?? "";
  }

  function rebuild(steps) {
    let same = 0;
    while (same < shown.length && shown[same] === steps[same]) same++;
    while (list.children.length > same) list.lastElementChild.remove();
    for (let i = same; i < steps.length; i++) list.append(entry(steps[i], i));
    shown = steps;
  }

  function entry(step, position) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    button.setAttribute("aria-label", `Step ${position + 1}: ${step.label}`);
    button.title = step.label;
    button.append(canvas);
    button.addEventListener("click", () => go(position));
    item.append(button);
    pictures.load(step.photo).then(
      (image) => drawSmall(canvas, step, image),
      () => {}, // the button works without its picture
    );
    return item;
  }

  function mark(position) {
    for (const [i, item] of [...list.children].entries()) {
      const [button] = item.children;
      if (i === position) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    }
    const current = list.children[position];
    current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  store.listen(update);
}

function drawSmall(canvas, { photo, mask }, image) {
  const ratio = window.devicePixelRatio || 1;
  const scale = (SIDE * ratio) / Math.max(photo.width, photo.height);
  canvas.width = Math.max(Math.round(photo.width * scale), 1);
  canvas.height = Math.max(Math.round(photo.height * scale), 1);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  if (mask.length > 0) {
    context.scale(scale, scale);
    drawMask(context, mask, photo);
    context.resetTransform();
  }
  context.globalCompositeOperation = "destination-over";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}

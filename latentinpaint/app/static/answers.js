// The answers of a model that has several, side by side; one is chosen. The map shows where they differ.

import { previewAddress, resolved } from "./api.js";
import { boxHeight, boxWidth, common, grown, outwards, wholeBox } from "./geometry.js";
import { currentStep, replaceStep } from "./history.js";
import { trying } from "./messages.js";
import { loadImage } from "./pictures.js";

const PREVIEW_SIDE = 360; // pixels
const SURROUNDINGS = 0.25; // of the longer side of the filled box

export function createAnswers(store, pictures) {
  const row = document.getElementById("answers");
  const list = document.getElementById("answers-list");
  const map = document.getElementById("answers-map");

  async function choose(number) {
    const { answers } = currentStep(store.get());
    const photo = answers.photos[number];
    await trying(store, () => pictures.load(photo));
    if (currentStep(store.get()).answers?.photos !== answers.photos) return;
    const { image } = currentStep(store.get()).answers;
    replaceStep(store, { photo, answers: { ...answers, image, chosen: number } });
  }

  async function toggleMap() {
    const { answers } = currentStep(store.get());
    if (!answers.image) {
      const image = await trying(store, () => loadImage(resolved(answers.map)));
      if (image === null || currentStep(store.get()).answers?.photos !== answers.photos) return;
      replaceStep(store, { answers: { ...currentStep(store.get()).answers, image } });
    }
    store.set({ map: !store.get().map });
  }

  function update(state, former) {
    const answers = currentStep(state)?.answers ?? null;
    row.hidden = answers === null;
    map.hidden = !answers?.map;
    map.setAttribute("aria-pressed", state.map);
    if (answers === null) return list.replaceChildren();
    const before = former.steps ? currentStep(former)?.answers : null;
    if (before?.photos !== answers.photos || list.children.length === 0) {
      list.replaceChildren(...answers.photos.map((photo, i) => entry(photo, i, answers.box)));
    }
    for (const [i, item] of [...list.children].entries()) {
      item.firstElementChild.setAttribute("aria-pressed", i === answers.chosen);
    }
  }

  function entry(photo, number, box) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = document.createElement("img");
    const around = Math.max(boxWidth(box), boxHeight(box)) * SURROUNDINGS;
    const shown = common(outwards(grown(box, around)), wholeBox(photo));
    image.src = previewAddress(photo, { side: PREVIEW_SIDE, box: shown.join(",") });
    image.alt = `Answer ${number + 1}`;
    button.append(image);
    button.addEventListener("click", () => choose(number));
    item.append(button);
    return item;
  }

  map.addEventListener("click", toggleMap);
  store.listen(update);
}

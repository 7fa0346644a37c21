// "Select": the thing in a box or inside a line becomes part of the mask; its shadow is offered as well.

import { resolved, select } from "./api.js";
import { addToMask, currentStep } from "./history.js";
import { bitmapPart } from "./mask.js";
import { hush, say, trying } from "./messages.js";
import { loadImage } from "./pictures.js";

const FOUND = "Selected: mend the outline with brush and eraser, then fill.";

export function createSelecting(store) {
  async function selected(region) {
    const { photo } = currentStep(store.get());
    say(store, "Looking for the thing …");
    await trying(store, async () => {
      const found = await select(photo, region);
      const thing = await partOf(found.object);
      const shadow = found.shadow ? await partOf(found.shadow) : null;
      if (currentStep(store.get())?.photo !== photo) return; // undone or filled meanwhile
      addToMask(store, thing, "Selected");
      store.set({ shadow });
      say(store, FOUND, shadow && { label: "Add its shadow", run: addShadow });
    });
  }

  async function partOf({ mask, box }) {
    return bitmapPart(await loadImage(resolved(mask)), box);
  }

  function addShadow() {
    const { shadow } = store.get();
    if (shadow === null) return hush(store);
    addToMask(store, shadow, "Shadow");
    say(store, FOUND);
  }

  return { selected };
}

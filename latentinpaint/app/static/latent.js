// What the model's latent loses of the photo where it was filled, as one drawing.

import { latentDifferenceAddress, readBlob } from "./api.js";
import { currentStep } from "./history.js";
import { trying } from "./messages.js";

export function createLatent(store) {
  const button = document.getElementById("latent-show");
  const sheet = document.getElementById("latent");
  const drawing = document.getElementById("latent-drawing");

  async function show() {
    const step = currentStep(store.get());
    if (step === null || button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", true);
    const blob = await trying(store, () =>
      readBlob(latentDifferenceAddress(step.photo, store.get().options.model)),
    );
    button.removeAttribute("aria-busy");
    if (blob === null || currentStep(store.get())?.photo !== step.photo) return;
    URL.revokeObjectURL(drawing.src);
    drawing.src = URL.createObjectURL(blob);
    await drawing.decode();
    sheet.showPopover();
  }

  button.addEventListener("click", show);
}

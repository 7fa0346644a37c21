// The panel "More": the model and its options, and the mask as a whole.

import { listModels } from "./api.js";
import { wholeBox } from "./geometry.js";
import { addToMask, currentStep } from "./history.js";
import { INVERSION, bitmapPart } from "./mask.js";
import { complain, say, trying } from "./messages.js";
import { loadImage } from "./pictures.js";

const TOLERANCE = 0.02; // of the ratio of width to height, between a mask's file and the photo

export function createOptions(store) {
  const panel = document.getElementById("more");
  const toggle = document.getElementById("more-toggle");
  const form = document.getElementById("options");
  const maskFile = document.getElementById("mask-file");

  async function offerModels() {
    const models = (await trying(store, listModels)) ?? [];
    store.set({ models });
    for (const { name } of models) form.model.append(new Option(name, name));
    chooseModel();
  }

  function chooseModel() {
    const model = store.get().models.find(({ name }) => name === form.model.value);
    form.texture.checked = model?.texture ?? false; // as the model has it, until the visitor decides
    read();
  }

  /** Options that the model does not have are disabled, and not sent. */
  function read() {
    const model = store.get().models.find(({ name }) => name === form.model.value);
    form.samples.disabled = !model?.several_answers;
    form.uncertainty.disabled = !model?.several_answers;
    form.steps.disabled = !model?.steps;
    form.steps.placeholder = model?.steps ?? "";
    form.refine.disabled = !model?.refine;
    const options = {};
    for (const field of form.elements) {
      const value = field.type === "checkbox" ? field.checked : field.value;
      if (!field.disabled && value !== "") options[field.name] = value;
    }
    store.set({ options });
  }

  function nextSeed() {
    form.seed.value = Number(form.seed.value) + 1;
    read();
  }

  async function loadMask() {
    const [file] = maskFile.files;
    const step = currentStep(store.get());
    maskFile.value = "";
    if (!file || step === null) return;
    const url = URL.createObjectURL(file);
    try {
      const image = await loadImage(url);
      const ratio = image.naturalWidth / image.naturalHeight / (step.photo.width / step.photo.height);
      if (Math.abs(Math.log(ratio)) > TOLERANCE) throw new Error(shapeMessage(file, image, step.photo));
      addToMask(store, bitmapPart(image, wholeBox(step.photo)), "Mask");
    } catch (error) {
      complain(store, error);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  function invert() {
    if (currentStep(store.get()) === null) return;
    addToMask(store, INVERSION, "Inverted");
    say(store, "What was painted is kept now, and all else is filled.");
  }

  function togglePanel() {
    panel.hidden = !panel.hidden;
    toggle.setAttribute("aria-expanded", !panel.hidden);
    if (!panel.hidden) form.model.focus();
    else toggle.focus();
  }

  toggle.addEventListener("click", togglePanel);
  document.getElementById("more-close").addEventListener("click", togglePanel);
  form.addEventListener("input", read);
  form.model.addEventListener("change", chooseModel);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("mask-choose").addEventListener("click", () => maskFile.click());
  maskFile.addEventListener("change", loadMask);
  document.getElementById("mask-invert").addEventListener("click", invert);
  offerModels();
  return { nextSeed };
}

function shapeMessage(file, image, photo) {
  const sizes = `${image.naturalWidth} × ${image.naturalHeight}, the photo ${photo.width} × ${photo.height}`;
  return `${file.name} has another shape than the photo (${sizes} pixels): choose a mask of the photo's size.`;
}

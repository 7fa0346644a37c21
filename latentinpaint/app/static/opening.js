// Opening a photo: by the button, by dropping, by pasting, or an example, which comes with a mask.

import { listExamples, openExample, resolved, uploadPhoto } from "./api.js";
import { wholeBox } from "./geometry.js";
import { startHistory } from "./history.js";
import { bitmapPart } from "./mask.js";
import { hush, say, trying } from "./messages.js";
import { loadImage } from "./pictures.js";

export function createOpening(store, pictures, stage, jobs) {
  const chooser = document.getElementById("chooser");
  const welcome = document.getElementById("welcome");
  let latest = 0; // the number of the last photo that was asked for

  async function show(ask) {
    const number = ++latest;
    say(store, "Opening …");
    await trying(store, async () => {
      const { mask_url, ...photo } = await ask();
      const mask = mask_url ? [bitmapPart(await loadImage(resolved(mask_url)), wholeBox(photo))] : [];
      await pictures.load(photo);
      if (number !== latest) return; // another has been chosen meanwhile
      hush(store);
      jobs.stop();
      store.set({ draft: null, margins: null, comparing: "off", map: false });
      startHistory(store, photo, mask);
      welcome.hidden = true;
      document.body.classList.add("opened");
      stage.fit();
    });
  }

  function openFile(file) {
    if (file) show(() => uploadPhoto(file));
  }

  function choose() {
    chooser.click();
  }

  function dropped(event) {
    event.preventDefault();
    document.body.classList.remove("dragging");
    openFile(event.dataTransfer.files[0]);
  }

  function pasted(event) {
    const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (file === undefined) return;
    event.preventDefault();
    openFile(file);
  }

  async function offerExamples() {
    const examples = await listExamples().catch(() => []); // without them the page works as well
    const list = document.getElementById("examples");
    for (const example of examples) list.append(exampleButton(example));
    list.parentElement.hidden = examples.length === 0;
  }

  function exampleButton({ name, title, thumbnail }) {
    const button = document.createElement("button");
    const image = document.createElement("img");
    image.src = resolved(thumbnail);
    image.alt = "";
    button.append(image, title);
    button.addEventListener("click", () => show(() => openExample(name)));
    return button;
  }

  for (const button of document.querySelectorAll("[data-open]")) button.addEventListener("click", choose);
  chooser.addEventListener("change", () => {
    openFile(chooser.files[0]);
    chooser.value = ""; // the same file can be chosen again
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", dropped);
  document.addEventListener("paste", pasted);
  offerExamples();
  return { choose };
}

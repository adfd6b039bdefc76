// The border between real and fake follows the slider.
const slide = input => {
  input.closest(".stage").style.setProperty("--at", `${input.value}%`);
  input.setAttribute("aria-valuetext", `${input.value} % real`);
};
document.addEventListener("input", event => {
  if (event.target.matches(".stage input")) slide(event.target);
});
all(".stage input").forEach(slide);

// Each image is in the page once: layers that are hidden at first take theirs from the small ones.
const fill = (pair, layer, source) => {
  const image = pair.querySelector(layer);
  const known = pair.querySelector(source);
  if (image && known && image.hidden) { image.src = known.src; image.hidden = false; }
};
all("[data-overlay]").forEach(box => box.addEventListener("change", () => {
  const name = box.dataset.overlay;
  document.body.dataset[name] = box.checked ? "on" : "off";
  if (name === "mask") pairs.forEach(pair => fill(pair, ".layer .mask", ".mask-source"));
}));
tools.addEventListener("change", () => {
  if (gallery.dataset.kind === "control") pairs.forEach(pair => fill(pair, ".copy", ".control-source"));
});

const dialog = document.querySelector("dialog");
let enlarged = null;
const enlarge = pair => {
  enlarged = pair;
  fill(pair, ".layer .mask", ".mask-source");
  const stage = pair.querySelector(".stage").cloneNode(true);
  const side = document.createElement("div");
  side.append(pair.querySelector(".small").cloneNode(true), pair.querySelector("dl").cloneNode(true));
  dialog.querySelector(".zoom").replaceChildren(stage, side);
  dialog.querySelector("h3").textContent = `${pair.dataset.method}, ${pair.dataset.pair}`;
  stage.querySelector("input").value = pair.querySelector(".stage input").value;
  if (!dialog.open) dialog.showModal();
};
gallery.addEventListener("click", event => {
  const button = event.target.closest(".zoom-in");
  if (button) enlarge(button.closest(".pair"));
});
dialog.addEventListener("click", event => {
  const step = Number(event.target.dataset.step);
  if (step) {
    const shown = all(".pair", gallery).filter(pair => !pair.hidden);
    enlarge(shown[(shown.indexOf(enlarged) + step + shown.length) % shown.length]);
  }
  if ("close" in event.target.dataset || event.target === dialog) dialog.close();
});

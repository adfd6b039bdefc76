"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const gallery = document.querySelector(".gallery");
const pairs = all(".pair");

const filter = () => {
  const wanted = {};
  all("[data-filter]").forEach(choice => { wanted[choice.dataset.filter] = choice.value; });
  const { kind, ...others } = wanted;
  pairs.forEach(pair => {
    const fits = Object.entries(others).every(([name, value]) => !value || pair.dataset[name] === value);
    pair.hidden = !fits || (kind === "control" && pair.dataset.control !== "yes");
  });
  if (kind) gallery.dataset.kind = kind; else delete gallery.dataset.kind;
  const shown = pairs.filter(pair => !pair.hidden).length;
  document.querySelector(".tools output").textContent =
    (shown === pairs.length ? "" : `${shown} of `) + `${pairs.length} ${pairs.length === 1 ? "pair" : "pairs"}`;
  document.querySelector(".none").hidden = shown > 0;
};

const order = how => {
  const change = pair => Number(pair.dataset.change) * (how === "down" ? -1 : 1);
  gallery.append(...(how ? [...pairs].sort((one, other) => change(one) - change(other)) : pairs));
};

const tools = document.querySelector(".tools");
tools.addEventListener("change", event => {
  if (event.target.dataset.filter) filter();
  if ("order" in event.target.dataset) order(event.target.value);
});
tools.addEventListener("submit", event => event.preventDefault());
tools.reset();  // browsers keep what was chosen when a page is loaded again

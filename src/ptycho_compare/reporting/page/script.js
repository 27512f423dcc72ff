
"use strict";
// Adds to each comparison a place where two of its images lie on each other. All images stand on the page
// without it.
(() => {
  const BLINK_MS = 700; // below three changes a second
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const template = document.getElementById("comparer");

  const fill = (select, names, usual) => {
    const before = select.value;
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = names.includes(before) ? before : usual;
  };

  const add = (place) => {
    const images = [...place.closest("details").querySelectorAll("img[data-arm]")];
    const quantities = [...new Set(images.map((each) => each.dataset.quantity))];
    const of = (quantity) => images.filter((each) => each.dataset.quantity === quantity);
    const usable = quantities.filter((quantity) => of(quantity).length > 1);
    if (!usable.length) return;

    const box = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => box.querySelector(selector);
    const [quantity, left, right] = [find(".quantity"), find(".left"), find(".right")];
    const [stage, under, over] = [find(".stage"), find(".under"), find(".over")];
    const [slider, button, seen] = [find("input"), find("button"), find(".seen")];
    let timer = 0;

    const show = (image, arm) => {
      const source = of(quantity.value).find((each) => each.dataset.arm === arm);
      image.src = source.src;
      image.width = source.width;
      image.height = source.height;
      image.alt = source.alt;
    };
    const tell = () => {
      if (!stage.classList.contains("blinking")) {
        seen.textContent = "";
        slider.setAttribute("aria-valuetext", `${left.value} left of ${slider.value} %, ${right.value} right of it`);
      } else if (!timer) {
        seen.textContent = stage.classList.contains("first") ? left.value : right.value;
      } else {
        seen.textContent = `${left.value} and ${right.value} in turn`;
      }
    };
    const update = () => {
      show(under, left.value);
      show(over, right.value);
      stage.style.setProperty("--split", `${slider.value}%`);
      tell();
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      stage.classList.remove("blinking", "first");
      button.setAttribute("aria-pressed", "false");
      tell();
    };
    const arms = () => {
      const names = of(quantity.value).map((each) => each.dataset.arm);
      fill(left, names, names[0]);
      fill(right, names, names[names.length - 1]);
      if (left.value === right.value) right.value = names.find((name) => name !== left.value);
      update();
    };

    fill(quantity, usable, usable[0]);
    quantity.addEventListener("change", arms);
    left.addEventListener("change", update);
    right.addEventListener("change", update);
    slider.addEventListener("input", () => { stop(); update(); });
    button.addEventListener("click", () => {
      if (still.matches) { // each press changes the image, and nothing moves by itself
        stage.classList.add("blinking");
        stage.classList.toggle("first");
        tell();
      } else if (timer) {
        stop();
      } else {
        stage.classList.add("blinking");
        button.setAttribute("aria-pressed", "true");
        timer = setInterval(() => stage.classList.toggle("first"), BLINK_MS);
        tell();
      }
    });
    box.setAttribute("aria-label", `Two images of ${place.dataset.name} on each other`);
    arms();
    place.append(box);
  };

  const open = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };

  document.querySelectorAll(".comparer-place").forEach(add);
  addEventListener("hashchange", open);
  open();
})();

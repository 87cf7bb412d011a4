/** On pages with something to keep, a new code or a message: copy it, print it. Without JavaScript the words can still be read and selected. */

import { element } from "./page/elements";

const words = document.getElementById("case-code");

if (words) {
  const copy = element("copy", HTMLButtonElement);
  const print = element("print", HTMLButtonElement);
  // Only a secure page may write to the clipboard.
  copy.hidden = !("clipboard" in navigator);
  print.hidden = false;
  copy.addEventListener("click", () => {
    void navigator.clipboard.writeText(words.innerText.trim()).then(() => {
      element("copied", HTMLElement).textContent = copy.dataset["done"] ?? "";
    });
  });
  print.addEventListener("click", () => {
    window.print();
  });
}

/* Samples are copied by a button; where the clipboard is closed (no https), by way of a selection. */
(() => {
  "use strict";
  const selected = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    field.style.cssText = "position:fixed;opacity:0";
    document.body.append(field);
    field.select();
    try { return document.execCommand("copy"); } finally { field.remove(); }
  };
  const copied = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { return selected(text); }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element && event.target.closest("[data-copy]");
    if (!button || button.dataset.was) return;
    const text = button.parentElement.querySelector("code").textContent;
    if (!(await copied(text))) return;
    button.focus();
    button.dataset.was = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = button.dataset.was; delete button.dataset.was; }, 1600);
  });
})();

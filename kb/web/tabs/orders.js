/* Buttons and forms that give an order: what has data-to sends it, as JSON, to the hidden field of that id. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  let orders = 0;
  const order = (to, what) => kb.send(to, JSON.stringify({ ...what, order: ++orders }));

  const values = (form) => {
    const found = Object.fromEntries(new FormData(form));
    for (const box of form.querySelectorAll("input[type='checkbox']")) found[box.name] = box.checked;
    return found;
  };
  const give = (form) => order(form.dataset.to, { do: form.dataset.do, fields: values(form) });

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target.closest("button[data-to][data-do]") : null;
    if (at && !at.disabled) order(at.dataset.to, { do: at.dataset.do, of: at.dataset.of || "" });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-to]");
    if (form) { event.preventDefault(); give(form); }
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-to][data-at-once]");
    if (form) give(form);
  });
})();

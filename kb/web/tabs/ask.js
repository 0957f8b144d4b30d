/* The conversation: examples and filters that ask, answers that are copied and kept. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  let orders = 0;
  const order = (what) => kb.send("kb-order", JSON.stringify({ ...what, order: ++orders }));

  const ask = (form) => {
    const data = new FormData(form);
    const one = (name) => String(data.get(name) || "");
    order({
      turn: Number(form.dataset.turn),
      form: { since: one("since"), until: one("until"), topic: one("topic"), repo: data.getAll("repo"), kind: data.getAll("kind") },
    });
  };

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    const example = at && at.closest("[data-ask]");
    if (example) order({ address: "?q=" + encodeURIComponent(example.dataset.ask) });
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.kb-filter");
    if (form) { event.preventDefault(); ask(form); }
  });
  document.addEventListener("change", (event) => {
    const field = event.target.closest("form.kb-filter input");
    if (field && field.type !== "checkbox") ask(field.form);
  });
})();

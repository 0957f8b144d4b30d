/* Filters above a table or above pictures: each change is sent at once, typing a moment after the last key, as an address. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  const WAIT = 120; /* milliseconds after a key */
  let orders = 0;
  let timer = 0;

  const query = (form) => {
    const values = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) values.append(name, value);
    if (values.get("window") === "custom") values.delete("window");
    return values;
  };

  /* `more` is sent along, but stands in no address. */
  const send = (form, { page = 1, more = {} } = {}) => {
    clearTimeout(timer);
    const values = query(form);
    if (page > 1) values.set("part", page); /* Gradio has a use of its own for "page" */
    const shown = new URLSearchParams([["tab", form.dataset.tab], ...values]);
    if (shown.has("window")) { shown.set("since", shown.get("window")); shown.delete("window"); }
    if (!("bar" in more)) kb.address("?" + shown);
    for (const [name, value] of Object.entries(more)) values.set(name, value);
    values.set("n", ++orders); /* the same may be asked for twice */
    kb.send(form.dataset.order, values.toString());
  };
  kb.narrow = send;

  const told = (menu) => {
    const value = menu.querySelector(".kb-value");
    const names = [...menu.querySelectorAll("input:checked")].map((box) => box.parentElement.textContent.trim());
    value.firstElementChild.textContent = names.join(", ") || value.dataset.all;
  };

  const custom = (form) => {
    const own = form.elements.window.value === "custom";
    for (const field of form.querySelectorAll("[data-custom]")) {
      field.hidden = !own;
      field.querySelector("input").disabled = !own;
    }
    return own;
  };

  const clear = (form, name, value) => {
    const all = name === "all";
    for (const field of form.elements) {
      if (field.type === "checkbox" && (all || (field.name === name && field.value === value))) field.checked = false;
      else if (field.name === "since" || field.name === "until") { if (all || name === "window" || field.name === name) field.value = ""; }
      else if (field.name === "text" && all) field.value = "";
    }
    const empty = !form.elements.since.value && !form.elements.until.value;
    if (all || name === "window" || (empty && form.elements.window.value === "custom")) form.elements.window.value = "";
    custom(form);
    for (const menu of form.querySelectorAll(".kb-menu")) told(menu);
  };

  const formOf = (at) => {
    const own = at.closest("form.kb-narrow") || at.closest("[role=tabpanel]")?.querySelector("form.kb-narrow");
    return own || document.querySelector("form.kb-narrow");
  };

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || field.type !== "search" || !field.closest("form.kb-narrow")) return;
    clearTimeout(timer);
    if (!event.isComposing) timer = setTimeout(() => send(field.form), WAIT);
  });
  document.addEventListener("compositionend", (event) => {
    const form = event.target instanceof Element && event.target.closest("form.kb-narrow");
    if (form) send(form);
  });
  document.addEventListener("change", (event) => {
    const field = event.target;
    const form = field instanceof Element && field.closest("form.kb-narrow");
    if (!form || field.type === "search") return;
    if (field.type === "checkbox") told(field.closest(".kb-menu"));
    if (field.name === "window" && custom(form)) { form.elements.since.focus(); return; }
    send(form);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.kb-narrow");
    if (form) { event.preventDefault(); send(form); }
  });
  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const menu = at.closest(".kb-narrow .kb-menu");
    for (const open of document.querySelectorAll(".kb-narrow .kb-menu[open]")) if (open !== menu) open.open = false;
    const taken = at.closest("[data-clear]");
    if (taken) {
      const form = formOf(taken);
      if (taken.dataset.clear === "docs") { send(form, { more: { all: 1 } }); return; }
      clear(form, taken.dataset.clear, taken.dataset.value);
      send(form);
      form.querySelector("input, select, summary").focus({ preventScroll: true });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector(".kb-narrow .kb-menu[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
    event.preventDefault();
  }, true);
})();

/* What belongs to no tab: the drawer, the keys, the theme. Listens on the document, so that it holds for what comes later. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  const drawer = () => document.getElementById("kb-drawer");
  let opener = null;

  /* Give a hidden field a value, as if it had been typed: its handler on the server hears of it. */
  kb.send = (id, value) => {
    const field = document.querySelector(`#${id} textarea, #${id} input`);
    if (!field) return false;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  };

  kb.address = (search) => history.replaceState(null, "", search || window.location.pathname);

  const mark = (id) => {
    for (const chip of document.querySelectorAll(".kb-chip[aria-expanded='true']")) chip.removeAttribute("aria-expanded");
    if (id) for (const chip of document.querySelectorAll(".kb-chip")) if (chip.dataset.id === id) chip.setAttribute("aria-expanded", "true");
  };

  kb.open = (id, from) => {
    const panel = drawer();
    if (!panel) return;
    if (from && !panel.contains(from)) opener = from;
    if (panel.dataset.id !== id) panel.dataset.state = "loading";
    panel.dataset.id = id;
    document.body.classList.add("kb-beside");
    mark(id);
    kb.send("kb-opened", id);
  };

  kb.close = () => {
    const panel = drawer();
    if (!document.body.classList.contains("kb-beside")) return false;
    document.body.classList.remove("kb-beside");
    panel.dataset.state = "closed";
    mark("");
    if (opener && opener.isConnected) opener.focus();
    opener = null;
    return true;
  };

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const more = at.closest("[data-more]");
    const chip = at.closest(".kb-chip[data-id], [data-open]");
    if (more) kb.send("kb-opened", `${more.dataset.id} #${more.dataset.more}=${4 * Number(more.dataset.shown)}`);
    else if (chip && !(at.closest("a[href]") && at.closest("a[href]") !== chip)) {
      event.preventDefault();
      kb.open(chip.dataset.open || chip.dataset.id, chip);
    } else if (at.closest("#kb-drawer-close")) kb.close();
    else if (at.closest("#kb-help-open")) document.getElementById("kb-help").showModal();
    else if (at.closest("#kb-theme")) kb.theme(document.body.classList.contains("dark") ? "light" : "dark");
  });

  const writes = (at) => at instanceof Element && at.closest("input, textarea, select, [contenteditable='true']");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (!document.querySelector("dialog[open]") && kb.close()) event.preventDefault();
      return;
    }
    if (writes(event.target)) return;
    if (event.key === "/") {
      const field = document.querySelector("#kb-question textarea, [data-focus] input");
      if (field) { event.preventDefault(); field.focus(); }
    } else if (event.key === "?") document.getElementById("kb-help").showModal();
  });

  kb.theme = (name) => {
    document.body.classList.toggle("dark", name === "dark");
    try { localStorage.setItem("kb-theme", name); } catch { /* private windows keep nothing */ }
  };
})();

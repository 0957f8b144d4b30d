/* What belongs to no tab: the drawer, the keys, the theme. It listens on the document, so that it holds for what comes later. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  const byId = (id) => document.getElementById(id);
  const narrow = window.matchMedia("(max-width: 1099px)");
  let opener = null; /* what gets the focus back */
  let wantedId = "";
  let shownName = "";

  document.documentElement.lang = /^zh/i.test(navigator.language) ? navigator.language : "en";

  /* Give a hidden field a value, as if it had been typed: its handler on the server hears of it. */
  kb.send = (id, value) => {
    const field = document.querySelector(`#${id} textarea, #${id} input`);
    if (!field) return;
    const kind = field.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  /* What stands behind the page's address, so that it can be opened again: "?…", or "" for the app's root. */
  kb.address = (search) => history.replaceState(null, "", search || window.location.pathname);

  /* Call back when there is something new in the element of an id; it may not be there yet, and be made anew. */
  const watched = [];
  kb.watch = (id, changed) => {
    watched.push([id, changed]);
    if (byId(id)) changed(byId(id));
  };
  new MutationObserver((mutations) => {
    for (const [id, changed] of watched) {
      const element = byId(id);
      const touched = ({ target, addedNodes }) => element.contains(target) || [...addedNodes].some((node) => node.contains(element));
      if (element && mutations.some(touched)) changed(element);
    }
  }).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["data-id", "data-state"] });

  /* --- the drawer ------------------------------------------------------------------------------------------------------- */

  const marked = (id) => {
    for (const chip of document.querySelectorAll(".kb-chip[aria-expanded]")) chip.removeAttribute("aria-expanded");
    if (!id) return;
    for (const chip of document.querySelectorAll(".kb-chip")) if (chip.dataset.id === id) chip.setAttribute("aria-expanded", "true");
  };

  const state = (name) => {
    const drawer = byId("kb-drawer");
    const before = opener && opener.isConnected ? opener.getBoundingClientRect().top : null;
    drawer.dataset.state = name;
    document.body.classList.toggle("kb-beside", name !== "closed");
    const modal = name !== "closed" && narrow.matches;
    drawer.setAttribute("aria-modal", String(modal));
    drawer.inert = name === "closed";
    for (const rest of document.querySelectorAll("#kb-head, #kb-tabs")) rest.inert = modal;
    /* The content becomes narrower: what was chosen stays where it was. */
    if (before !== null) window.scrollBy({ top: opener.getBoundingClientRect().top - before, behavior: "instant" });
  };

  kb.open = (id, from) => {
    const drawer = byId("kb-drawer");
    if (!drawer || !id) return;
    if (from && !drawer.contains(from)) opener = from;
    const there = drawer.querySelector(".kb-record");
    state(there && there.dataset.id === id ? "open" : "loading");
    wantedId = id;
    marked(id);
    kb.send("kb-opened", id);
    byId("kb-drawer-close")?.focus({ preventScroll: true });
  };

  kb.close = () => {
    const drawer = byId("kb-drawer");
    if (!drawer || drawer.dataset.state === "closed") return false;
    state("closed");
    marked("");
    const back = opener && opener.isConnected ? opener : document.querySelector("#kb-question textarea");
    opener = null;
    if (back) back.focus({ preventScroll: true });
    return true;
  };

  kb.watch("kb-drawer-content", (content) => {
    const drawer = byId("kb-drawer");
    if (!drawer.dataset.state) {
      drawer.setAttribute("role", "dialog");
      drawer.setAttribute("aria-labelledby", "kb-drawer-name");
      state("closed");
    }
    const shown = content.querySelector(".kb-record, .kb-empty, .kb-told");
    const name = shown ? shown.dataset.id || shown.textContent : "";
    const wanted = drawer.dataset.state === "loading" ? wantedId === shown?.dataset.id || !shown?.dataset.id : name !== shownName;
    if (!shown || !wanted) return;
    shownName = name;
    if (drawer.dataset.state !== "open") state("open");
    marked(shown.dataset.id);
    const bar = drawer.querySelector(".kb-drawer-body");
    if (bar) bar.scrollTop = 0;
  });

  narrow.addEventListener("change", () => byId("kb-drawer") && state(byId("kb-drawer").dataset.state));

  /* --- clicks and keys -------------------------------------------------------------------------------------------------- */

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const more = at.closest("[data-more]");
    const chip = at.closest(".kb-chip[data-id], [data-open]");
    if (more) kb.send("kb-opened", `${more.dataset.id} #${more.dataset.more}=${4 * Number(more.dataset.shown)}`);
    else if (chip && !(at.closest("a[href]") && chip.contains(at.closest("a[href]")) && at.closest("a[href]") !== chip)) {
      event.preventDefault();
      kb.open(chip.dataset.open || chip.dataset.id, chip);
    } else if (at.closest("#kb-drawer-close")) kb.close();
    else if (at.closest("#kb-help-open")) byId("kb-help").showModal();
    else if (at.closest("#kb-theme")) kb.theme(document.body.classList.contains("dark") ? "light" : "dark");
    else if (at.closest("#kb-tabs [role=tab]")) {
      const name = /^kb-tab-(.+)-button$/.exec(at.closest("[role=tab]").id);
      if (name) kb.address(name[1] === "ask" ? kb.asked || "" : `?tab=${name[1]}`);
    }
  });

  const writes = (at) => at instanceof Element && at.closest("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });

  const step = (by) => {
    const all = [...document.querySelectorAll("#kb-current .kb-body .kb-chip")].filter(seen);
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by];
    if (next) next.focus();
    return Boolean(next);
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const dialog = document.querySelector("dialog[open]");
    if (event.key === "Escape") {
      const menu = event.target instanceof Element && event.target.closest("details.kb-menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (!dialog && kb.close()) event.preventDefault();
      return;
    }
    if (dialog || writes(event.target)) return;
    if (event.key === "/") {
      const field = [...document.querySelectorAll("#kb-question textarea, [data-focus] input, input[data-focus]")].find(seen);
      if (!field) return;
      event.preventDefault();
      field.focus();
    } else if (event.key === "?") byId("kb-help").showModal();
    else if ((event.key === "j" || event.key === "k") && step(event.key === "j" ? 1 : -1)) event.preventDefault();
  });

  /* --- the theme -------------------------------------------------------------------------------------------------------- */

  kb.theme = (name) => {
    document.body.classList.toggle("dark", name === "dark");
    try { localStorage.setItem("kb-theme", name); } catch { /* a private window keeps nothing */ }
    document.dispatchEvent(new CustomEvent("kb-theme", { detail: name }));
  };

  const kept = () => { try { return localStorage.getItem("kb-theme"); } catch { return null; } };
  if (kept()) {
    const want = () => document.body.classList.contains("dark") !== (kept() === "dark") && document.body.classList.toggle("dark");
    const follow = () => {
      want();
      new MutationObserver(want).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    };
    if (document.body) follow(); else document.addEventListener("DOMContentLoaded", follow);
  }
})();

/* The table of records: a row opens its record, arrows or j and k move, pages turn, tabs that are pointed to open. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  const visible = (element) => Boolean(element && element.offsetParent);
  const links = () => [...document.querySelectorAll("#kb-browse .kb-records .kb-col-title a.kb-link")];
  let last = null;
  const open = (link) => { last = link; kb.open(link.dataset.id, link); };
  const field = () => document.getElementById("kb-browse-text");

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const turn = at.closest("#kb-browse [data-page]");
    const tab = at.closest("[data-tab]:not(form)");
    const back = at.closest("#kb-browse [data-back]");
    const row = at.closest("#kb-browse .kb-records tbody tr");
    if (turn) {
      kb.narrow(document.querySelector("#kb-browse-form form"), { page: Number(turn.dataset.page) });
      document.getElementById("kb-browse-form").scrollIntoView({ block: "start" });
    } else if (back) {
      event.preventDefault();
      kb.narrow(document.querySelector("#kb-browse-form form"));
    } else if (tab) document.getElementById(`kb-tab-${tab.dataset.tab}-button`)?.click();
    else if (row && !at.closest("button") && !String(window.getSelection())) {
      const link = row.querySelector("a.kb-link");
      event.preventDefault();
      open(link);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!visible(document.getElementById("kb-browse"))) return;
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable='true']");
    const steps = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
    const step = steps[event.key];
    const arrow = event.key.startsWith("Arrow");
    if (!step || (typing && !(arrow && event.target === field()))) return;
    const all = links();
    const here = document.activeElement?.closest("#kb-browse tr")?.querySelector("a.kb-link");
    if (arrow && !here && event.target !== field()) return;
    const at = event.target === field() ? -1 : all.indexOf(here || last);
    if (at === 0 && step < 0 && arrow) { event.preventDefault(); field()?.focus(); return; }
    const next = all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)];
    if (!next) return;
    event.preventDefault();
    last = next;
    if (document.body.classList.contains("kb-beside")) open(next);
    else next.focus();
  }, true);
})();

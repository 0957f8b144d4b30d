/* The conversation: examples and filters that ask, answers that are copied and saved. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  let orders = 0;
  const order = (what) => kb.send("kb-order", JSON.stringify({ ...what, order: ++orders }));

  const ask = (form) => {
    const data = new FormData(form);
    const one = (name) => String(data.get(name) || "");
    const wanted = { since: one("since"), until: one("until"), topic: one("topic"), repo: data.getAll("repo"), kind: data.getAll("kind") };
    const sent = JSON.stringify(wanted);
    if (form.dataset.sent === sent) return;
    form.dataset.sent = sent;
    form.closest(".kb-turn").dataset.state = "pending";
    order({ turn: Number(form.dataset.turn), form: wanted });
  };

  kb.save = (name, text) => {
    if (!name) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: name.endsWith(".json") ? "application/json" : "text/markdown" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  kb.anew = () => {
    kb.asked = "";
    kb.address("");
    const field = document.querySelector("#kb-question textarea");
    if (field) field.focus();
  };

  const copy = async (button, text, told) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); /* without https a page may not write the clipboard by itself */
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const before = button.textContent;
    if (before === told) return;
    button.textContent = told;
    setTimeout(() => { button.textContent = before; }, 1500);
  };

  const does = (button) => {
    const turn = button.closest(".kb-turn");
    const actions = button.closest(".kb-actions");
    const source = turn.querySelector(".kb-source");
    const what = button.dataset.do;
    if (what === "copy") copy(button, source.value, actions.dataset.copied);
    else if (what === "link") copy(button, location.origin + location.pathname + actions.dataset.permalink, actions.dataset.copied);
    else if (what === "markdown") kb.save(`answer-${turn.dataset.turn}.md`, `# ${turn.querySelector(".kb-asked").textContent}\n\n${source.value}\n`);
    else if (what === "json") kb.send("kb-wanted", `${turn.dataset.turn} ${++orders}`);
  };

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const example = at.closest("[data-ask], .kb-do[data-address]");
    const button = at.closest(".kb-turn [data-do]");
    if (example) order({ address: example.dataset.address || "?q=" + encodeURIComponent(example.dataset.ask) });
    else if (button) does(button);
    else if (at.closest("#kb-history-clear")) document.querySelector("#kb-forget, #kb-forget button").click();
    for (const menu of document.querySelectorAll("details.kb-menu[open]")) if (!menu.contains(at)) menu.open = false;
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form.kb-filter");
    if (!form) return;
    event.preventDefault();
    ask(form);
  });

  document.addEventListener("change", (event) => {
    const field = event.target.closest("form.kb-filter input");
    if (field && field.type !== "checkbox") ask(field.form);
  });

  /* A menu of checkboxes asks again when it is closed, if anything in it was changed. */
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLDetailsElement) || !menu.matches("form.kb-filter .kb-menu") || menu.open) return;
    const changed = [...menu.querySelectorAll("input")].some((box) => box.checked !== box.defaultChecked);
    if (changed) ask(menu.closest("form"));
  }, true);

  /* A new question comes into view, and stays there until somebody scrolls; an answer gives the page its address. */
  let last = "";
  let moved = true;
  for (const kind of ["wheel", "touchmove", "keydown"]) document.addEventListener(kind, () => { moved = true; }, { passive: true });
  kb.watch("kb-current", (current) => {
    const turn = current.querySelector("article.kb-turn");
    const now = turn ? `${turn.dataset.turn} ${turn.dataset.state}` : "";
    if (now === last) return;
    const fresh = last.split(" ")[0] !== now.split(" ")[0];
    last = now;
    if (!turn) return;
    if (fresh) moved = false;
    if (!moved && Number(turn.dataset.turn) > 1) turn.scrollIntoView({ block: "start", behavior: "instant" });
    const actions = turn.querySelector(".kb-actions");
    if (turn.dataset.state === "done" && actions) {
      kb.asked = actions.dataset.permalink;
      kb.address(kb.asked);
    }
  });
})();

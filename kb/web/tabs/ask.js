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

  /* Questions that were asked before, of all tabs: read at the moment of writing. "" adds none, null forgets all. */
  const MOST = 20;
  const remember = (address) => {
    try {
      if (address === null) localStorage.removeItem("kb-asked");
      const found = JSON.parse(localStorage.getItem("kb-asked") || "[]");
      const kept = Array.isArray(found) ? found : [];
      if (address) localStorage.setItem("kb-asked", JSON.stringify([address, ...kept.filter((one) => one !== address)].slice(0, MOST)));
    } catch { /* a private window keeps nothing */ }
  };
  const recall = () => {
    let kept = "[]";
    try { kept = localStorage.getItem("kb-asked") || kept; } catch { /* nothing is kept */ }
    kb.send("kb-kept", kept);
  };
  window.addEventListener("storage", (event) => { if (event.key === "kb-asked") recall(); });
  let recalled = false;
  kb.watch("kb-kept", (field) => {
    if (recalled || !field.querySelector("textarea, input")) return;
    recalled = true;
    setTimeout(recall, 0); /* once it is listened to */
  });

  /* Turns that are over: they stay in the page, and over a reload in the tab. */
  const TURNS = 11;
  const LARGEST = 1_000_000; /* characters that a tab keeps */
  const past = () => document.querySelector("#kb-past .kb-turns");
  let over = null; /* the last one, as a copy: Gradio changes the one that it drew into the next */
  const leave = (turn) => {
    const place = past();
    if (!place) return;
    place.append(turn);
    while (place.children.length > TURNS) place.firstElementChild.remove();
  };
  const keep = () => {
    const turns = [...(past()?.children || []), ...(over ? [over] : [])];
    const kept = turns.filter((turn) => turn.dataset.state === "done").map((turn) => turn.outerHTML);
    let size = 0;
    const from = kept.findLastIndex((html) => (size += html.length) > LARGEST);
    try { sessionStorage.setItem("kb-turns", JSON.stringify(kept.slice(from + 1))); } catch { /* then they are not kept */ }
  };
  /* After a reload the server does not know them any more: what needs it is left out, and the last one is asked again. */
  const restore = () => {
    let kept = [];
    try { kept = JSON.parse(sessionStorage.getItem("kb-turns") || "[]"); } catch { /* none */ }
    const [navigation] = performance.getEntriesByType("navigation");
    if (!Array.isArray(kept) || navigation?.type !== "reload") return;
    for (const html of kept) {
      const made = document.createElement("template");
      made.innerHTML = html;
      const turn = made.content.querySelector("article.kb-turn");
      if (!turn || turn.querySelector(".kb-actions")?.dataset.permalink === location.search) continue;
      for (const gone of turn.querySelectorAll("form.kb-filter, [data-rest], [data-do=json]")) gone.remove();
      if (!turn.querySelector(".kb-source")) for (const gone of turn.querySelectorAll("[data-do=copy], [data-do=markdown]")) gone.remove();
      turn.querySelector(".kb-asked").removeAttribute("id");
      turn.removeAttribute("aria-labelledby");
      turn.dataset.turn = "0";
      leave(turn);
    }
  };
  let restored = false;
  kb.watch("kb-past", () => {
    if (restored || !past()) return;
    restored = true;
    restore();
  });

  /* More of a long list, in the place of the button that asked for it. */
  kb.unfold = (html, place) => {
    const [number, line] = place.split(" ");
    const button = document.querySelector(`.kb-turn[data-turn="${number}"] [data-rest="${line}"]`);
    if (!html || !button) return;
    const made = document.createElement("template");
    made.innerHTML = html;
    const first = made.content.querySelector(".kb-chip");
    const turn = button.closest(".kb-turn");
    button.parentElement.replaceWith(made.content);
    first?.focus({ preventScroll: true });
    if (turn.closest("#kb-current")) over = turn.cloneNode(true);
  };

  kb.anew = () => {
    kb.asked = "";
    over = null;
    past()?.replaceChildren();
    keep();
    recall();
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
    if (what === "json" || (what !== "link" && !source)) {
      waiting = button;
      kb.send("kb-wanted", `${turn.dataset.turn} ${what} ${++orders}`);
    } else if (what === "copy") copy(button, source.value, actions.dataset.copied);
    else if (what === "link") copy(button, location.origin + location.pathname + actions.dataset.permalink, actions.dataset.copied);
    else if (what === "markdown") kb.save(`answer-${turn.dataset.turn}.md`, `# ${turn.querySelector(".kb-asked").textContent}\n\n${source.value}\n`);
  };

  let waiting = null; /* the button that asked the server for the whole of an answer */
  kb.given = (name, text) => {
    if (name) kb.save(name, text);
    else if (text && waiting) copy(waiting, text, waiting.closest(".kb-actions").dataset.copied);
  };

  const more = (button) => {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    kb.send("kb-more-of", `${button.closest(".kb-turn").dataset.turn} ${button.dataset.rest} ${++orders}`);
  };

  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    if (!at) return;
    const example = at.closest("[data-ask], .kb-do[data-address]");
    const button = at.closest(".kb-turn [data-do]");
    if (example) order({ address: example.dataset.address || "?q=" + encodeURIComponent(example.dataset.ask) });
    else if (button) does(button);
    else if (at.closest("[data-rest]")) more(at.closest("[data-rest]"));
    else if (at.closest("#kb-history-clear")) {
      remember(null);
      recall();
    }
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
    if (over && over.dataset.turn !== turn.dataset.turn) {
      leave(over);
      over = null;
    }
    if (turn.dataset.address) {
      remember(turn.dataset.kept);
      kb.asked = turn.dataset.address;
      kb.address(kb.asked);
    } else if (turn.dataset.state !== "streaming") {
      over = turn.cloneNode(true);
      keep();
      recall();
    }
    if (!moved && Number(turn.dataset.turn) > 1) turn.scrollIntoView({ block: "start", behavior: "instant" });
    const actions = turn.querySelector(".kb-actions");
    if (turn.dataset.state === "done" && actions) {
      kb.asked = actions.dataset.permalink;
      kb.address(kb.asked);
    }
  });
})();

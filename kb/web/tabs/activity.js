/* A bar of a picture, or its count in the table below, leads to the records behind it. */
(() => {
  "use strict";
  const kb = (window.kb = window.kb || {});
  const choose = (picture, bar) => kb.narrow(document.querySelector("#kb-activity-form form"), { more: { picture, bar } });

  const wide = window.matchMedia("(min-width: 2200px)");
  const GROWN = 1.6; /* a picture of a phone's height leaves half of such a screen empty */

  /* A picture follows its panel: it was drawn before that had its place, and the drawer makes it narrower. */
  const fit = new ResizeObserver((entries) => requestAnimationFrame(() => {
    for (const { target } of entries) {
      const plot = target.querySelector(".js-plotly-plot");
      if (plot && target.offsetWidth && window.Plotly) window.Plotly.Plots.resize(plot);
    }
  }));

  const listen = (plot) => {
    const panel = plot.closest(".kb-picture");
    if (!panel || typeof plot.on !== "function" || plot.dataset.kb) return;
    plot.dataset.kb = "1";
    if (wide.matches) window.Plotly.relayout(plot, { height: GROWN * plot.layout.height, "font.size": 15, "margin.b": 54 });
    fit.observe(panel);
    const name = panel.id.replace("kb-picture-", "");
    plot.on("plotly_click", (event) => {
      const bar = event.points && event.points[0] && event.points[0].customdata;
      if (Number.isInteger(bar)) choose(name, bar);
    });
  };

  const watch = () => {
    const place = document.getElementById("kb-pictures");
    if (!place) return;
    for (const plot of place.querySelectorAll(".js-plotly-plot")) listen(plot);
  };
  new MutationObserver(watch).observe(document.documentElement, { childList: true, subtree: true });

  document.addEventListener("click", (event) => {
    const count = event.target instanceof Element && event.target.closest("[data-picture]");
    if (count) choose(count.dataset.picture, Number(count.dataset.bar));
  });
})();

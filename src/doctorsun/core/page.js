"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // Language: ?lang=zh, else the last choice, else what the browser asks for.
  const remembered = (lang) => {
    try {
      if (lang) localStorage.setItem("doctorsun.lang", lang);
      return localStorage.getItem("doctorsun.lang");
    } catch { return null; }
  };
  const asked = () => {
    const known = (lang) => (lang === "zh" || lang === "en" ? lang : null);
    const browser = (navigator.languages || []).map((l) => l.slice(0, 2).toLowerCase()).find(known);
    return known(new URLSearchParams(location.search).get("lang")) || known(remembered()) || browser || root.dataset.ui;
  };
  const use = (lang) => {
    root.dataset.ui = lang;
    root.lang = lang === "zh" ? "zh-Hans" : "en";
    document.title = lang === "zh" ? root.dataset.titleZh : root.dataset.titleEn;
    for (const one of all("[data-label-zh]")) {
      const words = lang === "zh" ? one.dataset.labelZh : one.dataset.labelEn;
      if (one.tagName === "OPTION") one.textContent = words;
      else one.setAttribute("aria-label", words);
    }
    for (const button of all("[data-use]")) button.setAttribute("aria-pressed", String(button.dataset.use === lang));
  };
  for (const button of all("[data-use]")) {
    button.addEventListener("click", () => { remembered(button.dataset.use); use(button.dataset.use); });
  }
  use(asked());

  // Pictures: each stands in the page once, however many cards show it.
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  for (const image of all("img[data-picture]")) {
    image.src = pictures[Number(image.dataset.picture)];
    image.tabIndex = 0;
    const enlarge = () => image.closest("article").classList.toggle("large");
    image.addEventListener("click", enlarge);
    image.addEventListener("keydown", (event) => event.key === "Enter" && enlarge());
  }

  // Tables: a click on a column sorts; what was not measured stays last.
  const key = (cell) => {
    if (cell.dataset.sort === undefined) return cell.textContent.trim();
    return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
  };
  const compare = (a, b, way) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return way * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), root.lang, { numeric: true }));
  };
  for (const table of all(".sortable table")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
      rows.sort((a, b) => compare(a[0], b[0], up ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    }));
  }
  for (const box of all(".sortable > .search input")) {
    box.addEventListener("input", () => {
      const words = box.value.toLowerCase();
      for (const row of all("tbody tr", box.closest(".sortable"))) row.hidden = !row.textContent.toLowerCase().includes(words);
    });
  }

  // Galleries: the chosen value of every facet, and the words searched for.
  for (const gallery of all(".gallery")) {
    const form = gallery.querySelector("form");
    const cards = all("article", gallery).map((card) => [card, JSON.parse(card.dataset.facets), card.textContent.toLowerCase()]);
    const counts = all(".shown-text", gallery).map((count) => [count, count.textContent]);
    const show = () => {
      const chosen = all("input:checked, select", form).filter((one) => one.value !== "").map((one) => [one.dataset.facet, one.value]);
      const words = form.querySelector("[type=search]").value.toLowerCase();
      let shown = 0;
      for (const [card, facets, text] of cards) {
        card.hidden = !(chosen.every(([facet, value]) => [].concat(facets[facet] ?? []).includes(value)) && text.includes(words));
        shown += card.hidden ? 0 : 1;
      }
      for (const [count, template] of counts) count.textContent = template.replace("{n}", String(shown));
    };
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
  }

  // Curves: figures under the pointer.
  const scale = (text) => {
    const [first, last, start, end, kind] = text.split(" ");
    const f = (v) => (kind === "log" ? Math.log10(v) : v);
    const back = (place) => {
      const v = f(Number(first)) + ((place - Number(start)) / (Number(end) - Number(start))) * (f(Number(last)) - f(Number(first)));
      return kind === "log" ? 10 ** v : v;
    };
    return back;
  };
  for (const chart of all("svg.chart[data-x]")) {
    const x = scale(chart.dataset.x), y = scale(chart.dataset.y);
    const cross = chart.querySelector(".cross");
    const curves = all("polyline", chart).map((line) => [
      line.dataset.series, line.getAttribute("points").split(" ").filter(Boolean).map((p) => p.split(",").map(Number)),
    ]).filter(([, points]) => points.length);
    const figures = (name) => chart.parentElement.querySelector(`output[data-series="${name}"]`);
    chart.addEventListener("pointermove", (event) => {
      const frame = chart.getBoundingClientRect();
      const at = ((event.clientX - frame.left) / frame.width) * chart.viewBox.baseVal.width;
      cross.setAttribute("visibility", "visible");
      cross.setAttribute("x1", at);
      cross.setAttribute("x2", at);
      for (const [name, points] of curves) {
        const near = points.reduce((best, p) => (Math.abs(p[0] - at) < Math.abs(best[0] - at) ? p : best));
        figures(name).textContent = `${y(near[1]).toPrecision(4)} @ ${Number(x(near[0]).toPrecision(6))}`;
      }
    });
    chart.addEventListener("pointerleave", () => {
      cross.setAttribute("visibility", "hidden");
      for (const [name] of curves) figures(name).textContent = "";
    });
  }
})();

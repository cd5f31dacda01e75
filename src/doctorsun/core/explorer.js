// Explorers: curves drawn from the numbers in the page, as the controls above them say.
(() => {
  const WIDTH = 1080, HEIGHT = 300, LEFT = 78, RIGHT = 1048, TOP = 12, BOTTOM = 256, COLOURS = 8;
  const root = document.documentElement;
  const element = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  // Exponential mean with its start corrected, so that a short curve does not hang on its first point.
  const smoothed = (values, share) => {
    if (!share) return values;
    let mean = 0, weight = 0;
    return values.map((value) => {
      mean = share * mean + (1 - share) * value;
      weight = share * weight + (1 - share);
      return mean / weight;
    });
  };
  const ticks = (low, high, log) => {
    const found = [];
    if (log) {
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
        for (const factor of high / low < 1000 ? [1, 2, 5] : [1]) found.push(factor * 10 ** power);
      }
      return found.filter((value) => value >= low && value <= high);
    }
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    for (let at = Math.ceil(low / step); at <= Math.floor(high / step); at++) found.push(at * step);
    return found;
  };
  const short = (value) => (Math.abs(value) >= 10000 ? Number((value / 1000).toPrecision(4)) + "k" : String(Number(value.toPrecision(5))));
  const clock = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")}` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
  };
  const scale = (values, start, end, log) => {
    let low = Math.min(...values), high = Math.max(...values);
    if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    const f = log ? Math.log10 : (value) => value;
    return { low, high, at: (value) => start + ((f(value) - f(low)) / (f(high) - f(low))) * (end - start) };
  };

  for (const [number, explorer] of [...document.querySelectorAll(".explorer")].entries()) {
    const data = JSON.parse(explorer.querySelector(".courses").textContent);
    const form = explorer.querySelector("form");
    const control = (name) => form.querySelector(`[data-control="${name}"]:checked`) || form.querySelector(`[data-control="${name}"]`);
    const key = `doctorsun.explorer.${number}`;

    const keep = () => {
      const state = [...form.elements].filter((one) => one.dataset.control).map((one) => (one.type === "range" ? one.value : one.checked));
      try { sessionStorage.setItem(key, JSON.stringify({ runs: data.runs, state })); } catch { /* a page of its own, each time */ }
    };
    const recall = () => {
      try {
        const known = JSON.parse(sessionStorage.getItem(key));
        if (!known || JSON.stringify(known.runs) !== JSON.stringify(data.runs)) return;
        [...form.elements].filter((one) => one.dataset.control).forEach((one, at) => {
          if (one.type === "range") one.value = known.state[at];
          else one.checked = known.state[at];
        });
      } catch { /* nothing was kept */ }
    };

    const chosen = (figure) => {
      const stage = form.querySelector('[data-control="stage"]') ? control("stage").value : "";
      const axis = control("axis").value, log = form.querySelector('[data-control="log"]').checked;
      const share = Number(form.querySelector('[data-control="smooth"]').value);
      const runs = new Set([...form.querySelectorAll('[data-control="run"]:checked')].map((box) => data.runs[Number(box.value)]));
      const found = new Map();
      for (const course of data.courses) {
        if (course.figure !== figure || !runs.has(course.run) || (stage && course.stage !== stage)) continue;
        const joined = found.get(course.run) || { run: course.run, x: [], y: [] };
        const from = stage ? 0 : course.from[axis];
        joined.x.push(...course.x[axis].map((value) => value + from));
        joined.y.push(...course.y);
        found.set(course.run, joined);
      }
      return { axis, log, share, lines: [...found.values()] };
    };

    const draw = (holder) => {
      const svg = holder.querySelector("svg"), legend = holder.querySelector(".legend");
      const { axis, log, share, lines } = chosen(holder.dataset.figure);
      const exact = holder.dataset.exact !== undefined;
      const drawn = lines.map((line) => {
        const places = line.y.map((value, at) => at).filter((at) => !log || line.y[at] > 0);
        const x = places.map((at) => line.x[at]), raw = places.map((at) => line.y[at]);
        return { run: line.run, x, raw, y: smoothed(raw, exact ? 0 : share) };
      }).filter((line) => line.x.length);
      svg.replaceChildren();
      legend.replaceChildren();
      holder.hidden = !drawn.length;
      if (!drawn.length) return;
      const across = scale(drawn.flatMap((line) => line.x), LEFT, RIGHT, false);
      const upward = scale(drawn.flatMap((line) => (line.raw.length > 400 ? line.y : line.raw)), BOTTOM, TOP, log);
      const place = (x, y) => `${across.at(x).toFixed(1)},${Math.min(Math.max(upward.at(y), TOP - 6), BOTTOM).toFixed(1)}`;
      for (const value of ticks(upward.low, upward.high, log)) {
        const y = upward.at(value).toFixed(1);
        svg.append(element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y }));
        svg.append(element("text", { class: "num end", x: LEFT - 8, y, dy: 4 }, short(value)));
      }
      for (const value of ticks(across.low, across.high, false)) {
        const words = axis === "time_s" ? clock(value) : short(value);
        svg.append(element("text", { class: "num mid", x: across.at(value).toFixed(1), y: BOTTOM + 18 }, words));
      }
      for (const [at, lang] of ["zh", "en"].entries()) {
        svg.append(element("text", { class: `name mid t-${lang}`, x: (LEFT + RIGHT) / 2, y: HEIGHT - 8 }, data.axes[axis][at]));
      }
      const cross = element("line", { class: "cross", x1: 0, x2: 0, y1: TOP, y2: BOTTOM, visibility: "hidden" });
      const figures = [];
      for (const line of drawn) {
        const colour = `c${data.runs.indexOf(line.run) % COLOURS}`;
        const points = (values) => line.x.map((x, at) => place(x, values[at])).join(" ");
        if (line.y !== line.raw) svg.append(element("polyline", { class: `curve faint ${colour}`, points: points(line.raw) }));
        svg.append(element("polyline", { class: `curve ${colour}`, points: points(line.y) }));
        if (line.x.length === 1) {
          const [cx, cy] = place(line.x[0], line.y[0]).split(",");
          svg.append(element("circle", { class: `curve ${colour}`, cx, cy, r: 4 }));
        }
        const item = document.createElement("li"), mark = document.createElement("i"), figure = document.createElement("output");
        mark.className = `key ${colour}`;
        figure.textContent = ` ${Number(line.y.at(-1).toPrecision(4))}`;
        item.append(mark, line.run, figure);
        legend.append(item);
        figures.push([line, figure]);
      }
      svg.append(cross);
      svg.onpointermove = (event) => {
        const frame = svg.getBoundingClientRect(), at = ((event.clientX - frame.left) / frame.width) * WIDTH;
        cross.setAttribute("visibility", "visible");
        cross.setAttribute("x1", at);
        cross.setAttribute("x2", at);
        for (const [line, figure] of figures) {
          let near = 0;
          line.x.forEach((x, place) => { if (Math.abs(across.at(x) - at) < Math.abs(across.at(line.x[near]) - at)) near = place; });
          const where = axis === "time_s" ? clock(line.x[near]) : short(line.x[near]);
          figure.textContent = ` ${Number(line.raw[near].toPrecision(4))} @ ${where}`;
        }
      };
      svg.onpointerleave = () => {
        cross.setAttribute("visibility", "hidden");
        for (const [line, figure] of figures) figure.textContent = ` ${Number(line.y.at(-1).toPrecision(4))}`;
      };
    };
    const show = () => { for (const holder of explorer.querySelectorAll("figure")) draw(holder); };
    form.addEventListener("input", () => { keep(); show(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    recall();
    show();
  }

  // A page of a run that lives is written again and again: it is read again, unless somebody is at work in it.
  const refresh = Number(root.dataset.refresh);
  if (refresh) {
    let touched = 0;
    for (const event of ["pointerdown", "keydown", "wheel", "input"]) addEventListener(event, () => { touched = Date.now(); }, { passive: true });
    setInterval(() => { if (!document.hidden && Date.now() - touched > 5000) location.reload(); }, refresh * 1000);
  }
})();

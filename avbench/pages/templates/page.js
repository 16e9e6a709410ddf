"use strict";
(() => {
  const { explorer, claims, media } = JSON.parse(document.getElementById("content").textContent);
  const { rows, filters, names, measures, methods, any, own, baseline, everywhere } = explorer;
  const get = (id) => document.getElementById(id);
  const percent = (share) => (share === null ? "" : (100 * share).toFixed(1));

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // Marks inside a drawing that is one image have no names of their own.
  function asImage(plot) {
    plot.setAttribute("role", "img");
    plot.querySelectorAll("[aria-label]").forEach((part) => part.removeAttribute("aria-label"));
    return plot;
  }

  // ------------------------------------------------------------------------------------------------------- claims

  const sorted = get("claim-table");
  const words = ["text", "verdict"];
  sorted.querySelectorAll("thead button").forEach((button) =>
    button.addEventListener("click", () => {
      const name = button.dataset.sort;
      const head = button.closest("th");
      const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      sorted.querySelectorAll("th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const key = (body) => (words.includes(name) ? body.dataset[name] : parseFloat(body.dataset[name]));
      const compare = (a, b) => {
        if (words.includes(name)) return sign * a.localeCompare(b);
        // what has no number comes last either way
        return Number.isNaN(a) - Number.isNaN(b) || sign * (a - b);
      };
      sorted.append(...[...sorted.tBodies].sort((a, b) => compare(key(a), key(b))));
    })
  );

  function drawClaim(place) {
    const { budgets, published } = claims[place.dataset.claim];
    const measured = budgets.filter((each) => each.effect !== null);
    const y = (each) => (budgets.length > 1 ? each.budget : "measured");
    const told = measured.map((each) => `${y(each)}: ${each.effect.toFixed(1)} (${each.verdict})`).join("; ");
    const marks = [
      Plot.ruleX([0], { strokeOpacity: 0.5 }),
      Plot.ruleY(measured.filter((each) => each.low !== null), { x1: "low", x2: "high", y, strokeWidth: 2 }),
      Plot.dot(measured, { x: "effect", y, r: 5, fill: "currentColor", title: (each) => each.verdict, tip: true }),
    ];
    if (published !== null) {
      const mark = { x: "effect", y: "what", symbol: "diamond", r: 5, stroke: "currentColor" };
      marks.push(Plot.dot([{ effect: published, what: "published" }], mark));
    }
    const domain = [...measured.map(y), ...(published === null ? [] : ["published"])];
    place.replaceChildren(
      asImage(Plot.plot({
        width: Math.max(280, Math.min(640, place.clientWidth || 640)),
        height: 60 + 28 * domain.length,
        marginLeft: 90,
        x: { label: "Effect (percentage points)", grid: true, nice: true },
        y: { label: null, domain },
        ariaLabel: `Effect in percentage points: ${told}${published === null ? "" : `; published: ${published.toFixed(1)}`}`,
        marks,
      }))
    );
  }

  function toggle(button, open) {
    button.setAttribute("aria-expanded", open);
    const behind = get(button.getAttribute("aria-controls"));
    behind.hidden = !open;
    const place = behind.querySelector(".plot");
    if (open && !place.firstChild) drawClaim(place);
  }
  document.querySelectorAll(".opens").forEach((button) => {
    toggle(button, false);
    button.addEventListener("click", () => toggle(button, button.getAttribute("aria-expanded") === "false"));
  });

  // --------------------------------------------------------------------------------------------------- what is paired

  function picture(shown, frames, text) {
    const image = make("img", { src: frames[0], alt: `${shown}: ${text}`, width: 112, height: 112 });
    return make("figure", {}, image, make("figcaption", {}, `${shown}: ${text}`));
  }
  const label = (part) => part.label + (part.taken_for ? ` (taken for: ${part.taken_for})` : "");

  // Both streams of a pair at once: the sound of the anchor, the film of its positive.
  function example(pair) {
    const sound = new Audio(pair.sound);
    const positive = picture(pair.own ? "Positive, its own film" : "Positive, another clip's film", pair.positive.frames, label(pair.positive));
    const film = positive.querySelector("img");
    const button = make("button", { type: "button", class: "play" }, `Play ${pair.method}`);
    let running = null;
    function rest() {
      clearInterval(running);
      running = null;
      sound.pause();
      film.src = pair.positive.frames[0];
      button.textContent = `Play ${pair.method}`;
    }
    button.addEventListener("click", () => {
      if (running !== null) return rest();
      let frame = 0;
      sound.currentTime = 0;
      sound.play().catch(() => {}); // a machine without sound still shows the film
      button.textContent = `Stop ${pair.method}`;
      running = setInterval(() => {
        frame += 1;
        if (frame >= media.seconds * media.frame_rate) return rest();
        film.src = pair.positive.frames[Math.min(frame, pair.positive.frames.length - 1)];
      }, 1000 / media.frame_rate);
    });
    const heard = make("p", {}, `Sound: ${label(pair)}`);
    const negatives = pair.negatives.map((each) => picture("Negative", each.frames, label(each)));
    return make("div", { class: "example" }, make("div", {}, make("h4", {}, pair.method), heard, button), positive, ...negatives);
  }
  if (media) get("examples").replaceChildren(...media.pairs.map(example));

  // ----------------------------------------------------------------------------------------------------- explorer

  const titles = { task: "Task", protocol: "Protocol", modality: "Modality", subset: "Subset", labels: "Labels", budget: "Budget" };
  const columns = ["method", ...Object.keys(titles), "seeds", "clips", "mean", "ci_low", "ci_high"];
  const hidden = new Set();
  const chosen = {};
  const first = () => Object.fromEntries(Object.entries(filters).map(([name, filter]) => [name, filter.first]));

  function options(name) {
    const each = filters[name].values.map((value) => [value, names[name][value]]);
    return [...(name === "labels" ? [[own, "each method's own"]] : []), ...each, [any, "all"]];
  }
  for (const name of Object.keys(titles)) {
    const select = make("select", { id: `filter-${name}` });
    select.append(...options(name).map(([value, text]) => make("option", { value }, text)));
    select.addEventListener("change", () => { chosen[name] = select.value; show(); });
    get("filters").append(make("label", {}, titles[name], select));
  }
  for (const [name, look] of Object.entries(methods)) {
    const box = make("input", { type: "checkbox", value: name });
    box.addEventListener("change", () => { box.checked ? hidden.delete(name) : hidden.add(name); show(); });
    get("methods").append(make("label", {}, box, ` ${look.name}`));
  }

  // What depends on no subset or budget counts for every one; the supervised baseline stands beside every protocol.
  const counts = (row, name, value) =>
    value === any || row[name] === value || row[name] === everywhere[name] || (name === "labels" && value === own && row.own);
  const passes = (row) => !hidden.has(row.method) && Object.entries(chosen).every(([name, value]) => counts(row, name, value));

  function panels(shown) {
    const open = Object.keys(titles).filter((name) => name !== "labels" && chosen[name] === any);
    const found = new Map();
    for (const row of shown) {
      if (open.some((name) => row[name] === everywhere[name])) continue;
      const key = open.map((name) => names[name][row[name]]).join(", ");
      if (!found.has(key)) found.set(key, Object.fromEntries(open.map((name) => [name, row[name]])));
    }
    if (!found.size && shown.length) found.set("", {});
    return [...found].map(([title, at]) => ({
      title: title || Object.keys(titles).filter((name) => chosen[name] !== own).map((name) => names[name][chosen[name]]).join(", "),
      rows: shown.filter((row) => Object.entries(at).every(([name, value]) => counts(row, name, value))),
    }));
  }

  const line = (row) => methods[row.method].name + (chosen.labels === own ? "" : ` · ${names.labels[row.labels]}`);
  const told = (row) =>
    `${line(row)}: ${percent(row.mean)} %` +
    (row.ci_low === null ? "" : ` (95 % interval ${percent(row.ci_low)} to ${percent(row.ci_high)})`) +
    `\n${row.seeds} seed${row.seeds === 1 ? "" : "s"}, ${row.clips} test clips` +
    `\nby seed: ${Object.values(row.values).map(percent).join(", ")}`;

  const measured = (shown) => [...new Set(shown.map((row) => measures[row.protocol] ?? "Accuracy"))].join(" or ") || "Accuracy";

  function draw(panel, span, width) {
    const colour = (row) => methods[row.method].colour;
    const seeds = panel.rows.flatMap((row) => Object.values(row.values).map((value) => ({ ...row, value })));
    const plot = Plot.plot({
      width,
      height: 55 + 24 * new Set(panel.rows.map(line)).size,
      marginLeft: Math.min(width * 0.45, 20 + 6.2 * Math.max(...panel.rows.map((row) => line(row).length))),
      x: { label: `${measured(panel.rows)} (%)`, domain: span, grid: true, nice: true },
      y: { label: null, domain: [...new Set(panel.rows.map(line))] },
      ariaLabel: `${panel.title}: ${measured(panel.rows)} in per cent of ${panel.rows.length} rows, which the table below lists`,
      marks: [
        Plot.ruleY(panel.rows.filter((row) => row.ci_low !== null), {
          x1: (row) => 100 * row.ci_low, x2: (row) => 100 * row.ci_high, y: line, stroke: colour, strokeWidth: 2,
        }),
        Plot.dot(seeds, { x: (row) => 100 * row.value, y: line, r: 2, stroke: colour, strokeOpacity: 0.6 }),
        Plot.dot(panel.rows, { x: (row) => 100 * row.mean, y: line, r: 4.5, fill: colour }),
        Plot.tip(panel.rows, Plot.pointerY({ x: (row) => 100 * row.mean, y: line, title: told, lineWidth: 36 })),
      ],
    });
    return make("figure", {}, make("figcaption", {}, panel.title), asImage(plot));
  }

  const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  const csv = (shown) => [columns, ...shown.map((row) => columns.map((name) => row[name]))].map((cells) => cells.map(quoted).join(",")).join("\n") + "\n";

  function table(shown) {
    const numbers = ["seeds", "clips", "mean", "ci_low", "ci_high"];
    const heads = { method: "Method", ...titles, seeds: "Seeds", clips: "Test clips", mean: `${measured(shown)}, %`, ci_low: "Interval from", ci_high: "to" };
    const kind = (name) => (numbers.includes(name) ? { class: "number" } : {});
    const text = (row, name) => {
      if (name === "method") return methods[row.method].name;
      if (name in titles) return names[name][row[name]];
      return ["seeds", "clips"].includes(name) ? String(row[name]) : percent(row[name]);
    };
    const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col", ...kind(name) }, heads[name])));
    const body = shown.map((row) =>
      make("tr", {}, ...columns.map((name) =>
        name === "method" ? make("th", { scope: "row" }, text(row, name)) : make("td", kind(name), text(row, name))
      ))
    );
    get("numbers").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
  }

  const MOST = 12;
  function show(linked = true) {
    const shown = rows.filter(passes);
    for (const name of Object.keys(titles)) get(`filter-${name}`).value = chosen[name];
    get("methods").querySelectorAll("input").forEach((box) => { box.checked = !hidden.has(box.value); });
    const link = new URLSearchParams({ ...chosen, ...(hidden.size ? { hidden: [...hidden].join(",") } : {}) });
    get("link").href = `#view:${link}`;
    if (linked) history.replaceState(null, "", `#view:${link}`);
    get("csv").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv(shown))}`;
    const all = panels(shown);
    const width = Math.max(300, Math.min(all.length > 1 ? 560 : 720, get("charts").clientWidth || 560));
    const reach = shown.flatMap((row) => [row.ci_low ?? row.mean, row.ci_high ?? row.mean, ...Object.values(row.values)]);
    const span = [0, Math.max(0.05, ...reach) * 100];
    get("charts").replaceChildren(...all.slice(0, MOST).map((panel) => draw(panel, span, width)));
    table(shown);
    const edges = shown.reduce((sum, row) => sum + row.edges, 0);
    const covered = Math.min(...shown.map((row) => row.coverage));
    get("state").textContent = [
      `${shown.length} of ${rows.length} accuracies.`,
      ...(shown.length ? [] : ["Nothing was scored so: choose other filters, or more methods."]),
      ...(all.length > MOST ? [`The first ${MOST} of ${all.length} charts are drawn; the table has all.`] : []),
      ...(edges ? [`${edges} linear probes of these chose a strength at the edge of their grid: they may do better.`] : []),
      ...(covered < 1 ? [`Of some tasks only ${percent(covered)} % of the test clips are stored.`] : []),
      ...(shown.some((row) => row.seeds < 2) ? ["A single seed has no interval."] : []),
    ].join(" ");
  }

  function follow() {
    Object.assign(chosen, first());
    hidden.clear();
    const hash = location.hash.slice(1);
    if (hash.startsWith("view:")) {
      const link = new URLSearchParams(hash.slice(5));
      for (const name of Object.keys(titles)) {
        if (options(name).some(([value]) => value === link.get(name))) chosen[name] = link.get(name);
      }
      (link.get("hidden") ?? "").split(",").filter((name) => name in methods).forEach((name) => hidden.add(name));
      get("accuracy").scrollIntoView();
    } else if (hash.startsWith("claim-")) {
      const button = document.getElementById(decodeURIComponent(hash))?.querySelector(".opens");
      if (button) { toggle(button, true); button.focus(); }
    }
    show(false);
  }
  window.addEventListener("hashchange", follow);
  let waiting;
  window.addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => show(false), 150); });
  follow();
})();

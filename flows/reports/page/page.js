"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const MARKS = { passed: "✓", failed: "✗", error: "!", skipped: "–", not_run: "·", cancelled: "·" };
  const WORDS = { passed: "passed", failed: "failed", error: "error", skipped: "skipped", not_run: "not run", cancelled: "cancelled" };
  const CHUNK = 150;
  const F = { flow: 0, phase: 1, action: 2, verdict: 3, depth: 4, line: 5, file: 6, at: 7, ms: 8, path: 9, message: 10, asked: 11, answer: 12, attempts: 13, candidates: 14 };
  const broken = (row) => row[F.verdict] === "failed" || row[F.verdict] === "error";

  /* Everything a server or a flow said goes into the page as text, never as markup. */
  const make = (tag, options = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "class") node.className = value;
      else if (key === "indent") node.style.paddingLeft = `${value}px`;
      else if (key === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
      else node.setAttribute(key, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== false) node.append(child);
    return node;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const shape = (tag, options, ...children) => {
    const node = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(options)) node.setAttribute(key, String(value));
    node.append(...children);
    return node;
  };
  const length = (ms) => (ms < 1 ? "<1 ms" : ms < 1000 ? `${Math.round(ms)} ms` : ms < 60000 ? `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s` : `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`);
  const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const state = { text: "", only: "", flows: [] };
  const byFlow = data.flows.map(() => []);
  data.steps.forEach((row, index) => byFlow[row[F.flow]].push(index));
  const failures = data.steps.flatMap((row, index) => (broken(row) ? [index] : []));
  const whole = Math.max(...data.flows.map((flow) => flow.at + flow.ms), 0.001);

  /* ---- values ---- */
  const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;
  const coloured = (text) => {
    if (text.length > 80000 || !/^\s*[[{"\d\-tfn]/.test(text)) return [text];
    const parts = [];
    let place = 0;
    for (const match of text.matchAll(TOKEN)) {
      if (match.index > place) parts.push(text.slice(place, match.index));
      const kind = match[1] ? (match[2] ? "k" : "s") : match[3] ? "n" : "w";
      parts.push(make("span", { class: kind }, match[1] ?? match[0]));
      if (match[2]) parts.push(match[2]);
      place = match.index + match[0].length;
    }
    parts.push(text.slice(place));
    return parts;
  };
  const code = ([text, more], extra = "") => [
    make("pre", { class: `code ${extra}`, tabindex: text.split("\n").length > 18 ? 0 : undefined }, coloured(text)),
    more ? make("p", { class: "more" }, `${count(more, "more character")} in the recording`) : null,
  ];
  const copyable = (text) => make("button", {
    type: "button", class: "button small",
    on: { click: async (event) => {
      const button = event.currentTarget;
      try { await navigator.clipboard.writeText(text); } catch {
        const area = make("textarea", {}, text);
        document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    } },
  }, "Copy");
  const box = (title, ...children) => make("section", { class: "box" }, make("div", { class: "head" }, make("h3", {}, title)), children);

  /* ---- one step ---- */
  const shownSource = (row, detail) => {
    const text = data.files[row[F.file]];
    if (!text) return null;
    const lines = text.split("\n");
    const wrong = new Set((detail.assertions ?? []).filter((found) => found[8]).map((found) => found[6]));
    const marked = [row[F.line], ...wrong].filter(Boolean);
    if (!marked.length) return null;
    const near = (number) => marked.some((line) => Math.abs(line - number) <= 4) || (number > row[F.line] && number < Math.max(...marked));
    const holder = make("div", { class: "source", tabindex: 0, role: "group", "aria-label": `${row[F.file]} with the lines of this step marked` });
    const fill = (whole) => {
      holder.replaceChildren();
      let gap = false;
      lines.forEach((line, index) => {
        const number = index + 1;
        if (!whole && !near(number)) { if (!gap && number > 1) holder.append(make("div", {}, make("span", {}, "⋮"), make("span", {}, ""))); gap = true; return; }
        gap = false;
        holder.append(make("div", { class: wrong.has(number) ? "broke" : number === row[F.line] ? "hit" : "" }, make("span", {}, String(number)), make("span", {}, line || " ")));
      });
      if (whole) holder.querySelector(".broke, .hit")?.scrollIntoView({ block: "nearest" });
    };
    fill(false);
    const toggle = make("button", { type: "button", class: "button small", "aria-pressed": "false", on: { click: (event) => {
      const whole = event.currentTarget.getAttribute("aria-pressed") !== "true";
      event.currentTarget.setAttribute("aria-pressed", String(whole));
      fill(whole);
    } } }, "Whole file");
    const line = [...wrong][0] ?? row[F.line];
    const link = data.run.root ? make("a", { class: "where", href: `vscode://file${encodeURI(`${data.run.root}/${row[F.file]}`)}:${line}` }, "Open in the editor") : null;
    const found = box(`${row[F.file]}:${line}`, holder);
    found.querySelector(".head").append(link ?? "", toggle);
    found.querySelector("h3").style.textTransform = "none";
    return found;
  };

  const assertions = (found) => make("table", { class: "asserts" },
    make("thead", {}, make("tr", {}, ["Held", "Expression", "Left", "Right", "Line"].map((title) => make("th", { scope: "col" }, make("span", { class: title === "Held" || title === "Line" ? "unseen" : "" }, title))))),
    make("tbody", {}, found.map(([list, expression, passed, left, right, message, line, different, failing]) => make("tr", { class: failing ? "broke" : passed ? "held" : "" },
      make("td", { title: passed ? "held" : "did not hold" }, passed ? "✓" : failing ? "✗" : "–"),
      make("td", { class: "expression" }, make("code", {}, list === "assert" ? expression : `${list}: ${expression}`), message ? make("div", { class: "where" }, message) : null,
        different.length ? make("ul", { class: "differences" }, different.map((text) => make("li", {}, text))) : null),
      [left, right].map(([text, more]) => make("td", { class: text ? "" : "blank" }, make("code", {}, text, more ? "…" : ""))),
      make("td", { class: "line" }, line ? `line ${line}` : "")))));

  const sections = (parts) => parts.map(([title, text, more], index) => {
    if (title.startsWith("image/")) return make("div", { class: "part" }, make("img", { src: `data:${title};base64,${text}`, alt: `the body, a picture (${title})` }));
    if (index === 0) return make("div", { class: "part" }, code([text, more]));
    return make("details", { class: "part" }, make("summary", {}, title === "rest" ? "Status and the rest" : "Headers"), code([text, more]));
  });

  const attempt = (found, number, total) => {
    const answers = found.candidates;
    const came = make("div", {});
    const choose = (index) => {
      came.replaceChildren(...(answers.length ? sections(answers[index][1]) : [make("p", { class: "where" }, found.error || "nothing came back")]));
      picks.forEach((pick, place) => pick.setAttribute("aria-pressed", String(place === index)));
    };
    const picks = answers.length < 2 ? [] : answers.map(([place], index) => make("button", { type: "button", class: "button small", on: { click: () => choose(index) } }, `${place + 1}${found.at[place] === undefined ? "" : ` · ${length(found.at[place] - (found.at[0] ?? 0))}`}`));
    const span = found.at.length > 1 ? ` in ${length(found.at[found.at.length - 1] - found.at[0])}` : "";
    const waited = found.count > 1 ? make("div", { class: "attempts", role: "group", "aria-label": "answers" }, make("span", { class: "where" }, `${count(found.count, "answer")}${span}:`), picks) : null;
    const right = box(total > 1 ? `Attempt ${number + 1} of ${total}: came back` : "Came back", waited, came,
      found.error && answers.length ? make("p", { class: "why" }, found.error) : null,
      found.ended && found.ended !== "satisfied" ? make("p", { class: "where" }, `ended: ${found.ended}${found.kind ? ` (${found.kind})` : ""}`) : null);
    const left = box(total > 1 ? `Attempt ${number + 1}: sent` : "Sent", code(found.request));
    choose(Math.max(0, answers.length - 1));
    const again = found.command ? box("Send it again", code([found.command, 0])) : null;
    if (again) again.querySelector(".head").append(copyable(found.command));
    return [make("div", { class: "pair" }, left, right), again];
  };

  const spans = (found) => {
    const end = Math.max(...found.map((span) => span[4] + span[5]), 0.001);
    return make("div", { class: "spans" }, found.map(([service, name, kind, depth, at, ms, bad, message]) => make("div", { class: `span${bad ? " bad" : ""}` },
      make("span", { indent: Math.min(depth, 12) * 14 }, `${bad ? "✗ " : ""}${service}: ${name}`, message ? make("span", { class: "where" }, ` ${message}`) : null),
      shape("svg", { class: `bar ${bad ? "failed" : ""}`, viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }, shape("rect", { x: (1000 * at) / end, y: 1, width: Math.max(4, (1000 * ms) / end), height: 8, rx: 2 })),
      make("span", { class: "time", title: kind }, length(ms)))));
  };

  const inside = (index) => {
    const row = data.steps[index];
    const detail = data.details[index];
    const holder = make("div", { class: "inside", id: `detail-${index}`, role: "region", "aria-label": `details of ${row[F.path]} in ${data.flows[row[F.flow]].name}, step ${index + 1}` });
    if (!detail) {
      holder.append(make("p", { class: "where" }, row[F.message] || "Nothing is recorded for this step on this page."));
      const source = shownSource(row, {});
      if (source) holder.append(source);
      return holder;
    }
    const failure = detail.failure ? detail.failure.join("\n") : detail.message;
    if (failure) {
      const found = box(broken(row) ? "Why it failed" : "Why", make("pre", { class: broken(row) ? "code failure" : "code" }, failure));
      found.querySelector(".head").append(copyable(failure));
      holder.append(found);
    }
    if (detail.assertions) {
      const held = detail.assertions.filter((found) => found[2]).length;
      holder.append(box(`Assertions: ${held} of ${detail.assertions.length} held`, assertions(detail.assertions)));
    }
    const exchanges = detail.exchanges ?? [];
    exchanges.forEach((found, number) => {
      const parts = attempt(found, number, exchanges.length);
      const last = number === exchanges.length - 1;
      if (last) holder.append(...parts.flat(Infinity).filter(Boolean));
      else holder.append(make("details", { class: "part" }, make("summary", {}, `Attempt ${number + 1} of ${exchanges.length}${found.error ? `: ${found.error}` : ""}`), make("div", { class: "stack" }, parts)));
    });
    if (detail.result) holder.append(box("Result", sections(detail.result)));
    if (detail.outputs) holder.append(box("Outputs", code(detail.outputs)));
    (detail.logs ?? []).forEach(([service, lines, of]) => holder.append(box(`Logged by ${service} meanwhile (${lines.length} of ${count(of, "line")})`, code([lines.join("\n"), 0]))));
    if (detail.spans) holder.append(box("Spans", spans(detail.spans)));
    const source = shownSource(row, detail);
    if (source) holder.append(source);
    if (detail.trace) holder.append(make("p", { class: "where mono" }, `trace ${detail.trace}`));
    return holder;
  };

  /* ---- lists of steps ---- */
  const bar = (row, index, flow) => {
    const whole = Math.max(flow.ms, 0.001);
    const place = (at) => Math.min(1000, Math.max(0, (1000 * (at - flow.at)) / whole));
    const x = place(row[F.at]);
    const width = Math.max(3, Math.min(1000 - x, (1000 * row[F.ms]) / whole));
    const ticks = (data.details[index]?.exchanges ?? []).flatMap((found) => (found.count > 1 ? found.at : []));
    return shape("svg", { class: `bar ${row[F.verdict]} ${row[F.phase]}`, viewBox: "0 0 1000 16", preserveAspectRatio: "none", "aria-hidden": "true" },
      shape("rect", { x: Math.min(x, 997), y: 3, width, height: 10, rx: 2 }),
      ...ticks.slice(0, 200).map((at) => shape("line", { x1: place(at), x2: place(at), y1: 3, y2: 13 })));
  };

  const extras = (row) => {
    const found = [row[F.action]];
    if (row[F.attempts] > 1) found.push(count(row[F.attempts], "attempt"));
    if (row[F.candidates] > Math.max(1, row[F.attempts])) found.push(count(row[F.candidates], "answer"));
    return found.join(" · ");
  };

  const setOpen = (item, index, open) => {
    const button = item.querySelector(".row");
    if (open === (button.getAttribute("aria-expanded") === "true")) return;
    if (!open && item.contains(document.activeElement)) button.focus();
    button.setAttribute("aria-expanded", String(open));
    item.classList.toggle("open", open);
    if (open) item.append(inside(index)); else item.querySelector(".inside")?.remove();
  };

  const stepItem = (index) => {
    const row = data.steps[index];
    const flow = data.flows[row[F.flow]];
    const ran = row[F.verdict] !== "skipped" && row[F.verdict] !== "not_run";
    const said = [row[F.asked], row[F.answer]].filter(Boolean).join(" → ");
    const item = make("li", { class: `step ${row[F.verdict]}`, id: `step-${index}` });
    item.append(make("button", { type: "button", class: "row", "aria-expanded": "false", on: { click: () => {
      const open = item.querySelector(".row").getAttribute("aria-expanded") !== "true";
      setOpen(item, index, open);
      try { history.replaceState(null, "", open ? `#step-${index}` : "#steps"); } catch { /* some viewers forbid it */ }
    } } },
      make("span", { class: "name", indent: Math.min(row[F.depth], 10) * 20 },
        make("span", { class: "turn", "aria-hidden": "true" }, "›"),
        make("span", { class: "mark", title: WORDS[row[F.verdict]] }, MARKS[row[F.verdict]]),
        make("span", { class: "text" },
          make("span", { class: "id" }, row[F.path].split("/").pop()), " ", make("span", { class: "where" }, extras(row)),
          said ? make("span", { class: "said", title: said }, said) : null,
          row[F.message] ? make("span", { class: "why" }, row[F.message]) : null)),
      make("span", { class: "lane" }, ran ? bar(row, index, flow) : ""),
      make("span", { class: "time" }, ran ? length(row[F.ms]) : WORDS[row[F.verdict]])));
    return item;
  };

  const wanted = (index) => {
    const row = data.steps[index];
    if (state.only === "failed" && !broken(row)) return false;
    if (state.only && state.only !== "failed" && row[F.verdict] !== state.only) return false;
    if (!state.text) return true;
    return [row[F.path], row[F.action], row[F.asked], row[F.message], row[F.answer]].some((text) => text.toLowerCase().includes(state.text));
  };

  class Flow {
    constructor(number) {
      this.number = number;
      this.flow = data.flows[number];
      this.from = 0;
      this.body = make("div", { hidden: true });
      this.title = make("button", { type: "button", class: "title", "aria-expanded": "false", on: { click: () => this.open(this.body.hidden) } },
        make("span", { class: "turn", "aria-hidden": "true" }, "›"),
        make("span", { class: `tag ${this.flow.verdict}` }, WORDS[this.flow.verdict]),
        make("span", { class: "grow" }, make("span", { role: "heading", "aria-level": "2", class: "id" }, this.flow.name), " ", make("span", { class: "where mono" }, this.flow.file)),
        data.flows.length > 1 ? this.lane() : null,
        make("span", { class: "where sum" }, this.summary()));
      this.node = make("section", { class: "flow", id: `flow-${number}`, "aria-label": this.flow.name }, this.title, this.body);
    }
    lane() {
      const place = (ms) => (1000 * ms) / whole;
      return make("span", { class: "when", title: `began after ${length(this.flow.at)}, took ${length(this.flow.ms)} of ${length(whole)}` },
        shape("svg", { class: `bar ${this.flow.verdict}`, viewBox: "0 0 1000 16", preserveAspectRatio: "none", "aria-hidden": "true" },
          shape("rect", { x: Math.min(990, place(this.flow.at)), y: 3, width: Math.max(10, place(this.flow.ms)), height: 10, rx: 2 })));
    }
    past() {
      const runs = this.flow.past.map(([verdict, ms, started, run]) => make("li", { class: `past ${verdict}`, title: `${WORDS[verdict]} ${started.replace("T", " ").slice(0, 19)} UTC in ${length(ms)}, run ${run}` }, MARKS[verdict], make("span", { class: "unseen" }, ` ${WORDS[verdict]}`)));
      const passed = this.flow.past.filter(([verdict]) => verdict === "passed");
      const middle = passed.map(([, ms]) => ms).sort((one, other) => one - other)[Math.floor(passed.length / 2)];
      return make("div", { class: "history" }, make("span", { class: "where" }, `The last ${count(runs.length, "run")}, ${passed.length} passed:`), make("ol", {}, runs),
        passed.length > 2 && this.flow.ms > 2 * middle + 100 ? make("span", { class: "where" }, `usually ${length(middle)}, now ${length(this.flow.ms)}`) : null);
    }
    summary() {
      const said = Object.entries(this.flow.totals).filter(([, number]) => number).map(([verdict, number]) => `${number.toLocaleString("en")} ${verdict === "tolerated" ? "optional failed" : WORDS[verdict]}`);
      return [...said, length(this.flow.ms)].join(" · ");
    }
    open(open) {
      this.body.hidden = !open;
      this.title.setAttribute("aria-expanded", String(open));
      if (open && !this.body.childElementCount) this.draw(state.text || state.only ? undefined : byFlow[this.number].slice(CHUNK / 2).find((index) => broken(data.steps[index])));
    }
    draw(target) {
      this.found = byFlow[this.number].filter(wanted);
      this.node.hidden = !this.found.length && Boolean(state.text || state.only);
      const at = target === undefined ? -1 : this.found.indexOf(target);
      this.from = at > CHUNK / 2 ? at - Math.floor(CHUNK / 3) : 0;
      this.to = this.from;
      this.list = make("ol", { class: "steps" });
      this.phase = "";
      this.body.replaceChildren(...this.about(), ...byFlow[this.number].length ? [this.scale()] : [], this.before(), this.list, this.after());
      this.show(CHUNK);
    }
    about() {
      const parts = [];
      if (this.flow.message) parts.push(make("p", { class: "why" }, this.flow.message));
      if (this.flow.problems) parts.push(make("pre", { class: "code failure" }, this.flow.problems.join("\n")));
      if (this.flow.past) parts.push(this.past());
      if (this.flow.green) parts.push(this.green(this.flow.green));
      if (this.flow.variables) parts.push(make("details", { class: "part" }, make("summary", {}, "Variables"), code(this.flow.variables)));
      return parts.length ? [make("div", { class: "about" }, parts)] : [];
    }
    green(green) {
      const bad = this.flow.verdict !== "passed";
      const when = `${green.started.replace("T", " ").slice(0, 19)} UTC`;
      const head = make("p", {}, make("b", {}, bad ? "Last passed " : "Also passed "), `${when}, run `, make("span", { class: "mono" }, green.run.slice(0, 12)),
        green.revision !== "unknown" ? `, revision ${green.revision.slice(0, 12)}` : "", `, in ${length(green.ms)}`, green.edited ? "; the flow was edited since" : "", ".");
      const items = green.steps.map((step, index) => make("li", {},
        index === 0 ? "First difference: " : "", this.link(step.path), step.before === step.after ? "" : `: ${step.before} → ${step.after}`,
        step.values.map((text) => make("span", { class: "values" }, text))));
      const rest = green.more ? [make("li", {}, `and ${count(green.more, "more step")}`)] : [];
      const lists = [["New steps: ", green.new], ["Gone: ", green.gone]].filter(([, paths]) => paths.length).map(([word, paths]) => make("li", {}, word + paths.join(", ")));
      const over = Object.entries(green.over).map(([kind, number]) => count(number, kind)).join(", ");
      return make("div", { class: `green${bad ? " bad" : ""}` }, head,
        items.length || lists.length ? make("ul", {}, items, rest, lists) : make("p", { class: "where" }, "Nothing else differs."),
        over ? make("p", { class: "where" }, `Passed over as different in every run: ${over}.`) : null);
    }
    link(path) {
      const index = byFlow[this.number].find((found) => [data.steps[found][F.path], `${data.steps[found][F.phase]}/${data.steps[found][F.path]}`].includes(path));
      return index === undefined ? path : make("a", { href: `#step-${index}`, on: { click: (event) => { event.preventDefault(); go(index); } } }, path);
    }
    scale() {
      const quarters = [0, 0.25, 0.5, 0.75, 1].map((part) => make("span", {}, part ? length(part * this.flow.ms) : "0"));
      return make("div", { class: "scale", "aria-hidden": "true" }, make("span", {}, count(byFlow[this.number].length, "step")), make("span", { class: "ticks" }, quarters), make("span", {}));
    }
    before() {
      this.earlier = make("div", { class: "last", hidden: this.from === 0 }, make("button", { type: "button", class: "button small", on: { click: () => { this.from = 0; this.to = 0; this.phase = ""; this.list.replaceChildren(); this.earlier.hidden = true; this.show(CHUNK); } } }, "From the beginning"), `${count(this.from, "step")} above`);
      return this.earlier;
    }
    after() {
      this.later = make("div", { class: "last" });
      if ("IntersectionObserver" in window) new IntersectionObserver((found) => { if (found[0].isIntersecting && !this.later.hidden && !this.body.hidden) this.show(CHUNK); }, { rootMargin: "300px" }).observe(this.later);
      return this.later;
    }
    show(number) {
      const end = Math.min(this.found.length, this.to + number);
      for (; this.to < end; this.to += 1) {
        const row = data.steps[this.found[this.to]];
        if (row[F.phase] !== this.phase && (this.phase || row[F.phase] !== "steps")) this.list.append(make("li", { class: "phase" }, row[F.phase]));
        this.phase = row[F.phase];
        const item = stepItem(this.found[this.to]);
        this.list.append(item);
        if (broken(row) && opened < 12) { opened += 1; setOpen(item, this.found[this.to], !byFlow[row[F.flow]].some((other) => data.steps[other][F.path].startsWith(`${row[F.path]}/`))); }
      }
      const rest = this.found.length - this.to;
      this.later.hidden = rest === 0;
      this.later.replaceChildren(make("button", { type: "button", class: "button small", on: { click: () => this.show(CHUNK * 4) } }, "Show more"), `${count(rest, "more step")}`);
      if (!this.found.length && !this.flow.problems) this.list.append(make("li", { class: "empty" }, this.flow.totals && byFlow[this.number].length ? "No step of this flow fits the filter." : "No step ran."));
    }
  }
  let opened = 0;

  /* ---- the whole page ---- */
  const go = (index) => {
    const flow = state.flows[data.steps[index][F.flow]];
    flow.open(true);
    let item = document.getElementById(`step-${index}`);
    if (!item) {
      if (!wanted(index)) { state.text = ""; state.only = ""; input.value = ""; chips(); }
      flow.draw(index);
      item = document.getElementById(`step-${index}`);
    }
    setOpen(item, index, true);
    item.scrollIntoView({ block: "start" });
    item.querySelector(".row").focus({ preventScroll: true });
  };
  const current = () => Number(document.activeElement?.closest?.(".step")?.id.slice(5) ?? -1);
  const failure = (step) => {
    if (!failures.length) return;
    const here = current();
    const next = step > 0 ? failures.find((index) => index > here) ?? failures[0] : [...failures].reverse().find((index) => index < here) ?? failures[failures.length - 1];
    go(next);
  };
  const move = (step) => {
    const rows = [...document.querySelectorAll(".flow:not([hidden]) .row, .flow:not([hidden]) > .title")].filter((row) => row.offsetParent !== null);
    const at = rows.indexOf(document.activeElement?.closest?.(".step")?.querySelector(".row") ?? document.activeElement);
    rows[Math.min(rows.length - 1, Math.max(0, at + step))]?.focus();
  };
  const redraw = () => {
    opened = 12;
    state.flows.forEach((flow) => {
      const found = byFlow[flow.number].some(wanted);
      const filtered = Boolean(state.text || state.only);
      flow.node.hidden = filtered && !found;
      if (flow.node.hidden) return;
      if (filtered) flow.open(true);
      if (!flow.body.hidden) flow.draw(); else flow.body.replaceChildren();
    });
    nothing.hidden = !(state.text || state.only) || state.flows.some((flow) => !flow.node.hidden);
  };
  let timer = 0;
  const input = make("input", { type: "search", placeholder: "Filter steps: name, action, request, message", "aria-label": "Filter steps", on: { input: () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.text = input.value.trim().toLowerCase(); redraw(); }, 120);
  } } });
  const chipBox = make("div", { class: "chips", role: "group", "aria-label": "Show" });
  const chips = () => {
    const totals = data.run.totals;
    const all = [["", "All", data.steps.length], ["failed", "Failed", failures.length], ["passed", "Passed", totals.passed], ["skipped", "Skipped", totals.skipped], ["not_run", "Not run", totals.not_run]];
    chipBox.replaceChildren(...all.filter(([only, , number]) => number || !only).map(([only, word, number]) => make("button", { type: "button", class: "button", "aria-pressed": String(state.only === only), on: { click: () => { state.only = only; chips(); redraw(); } } }, `${word} ${number.toLocaleString("en")}`)));
  };
  const help = make("dialog", { class: "help", "aria-label": "Keys" }, make("h2", {}, "Keys"),
    make("dl", {}, [["j k", "next, previous row"], ["Enter", "open or close"], ["n p", "next, previous failure"], ["/", "filter"], ["c", "close all steps"], ["?", "this"]].flatMap(([keys, what]) => [make("dt", {}, keys.split(" ").map((key) => [make("kbd", {}, key), " "])), make("dd", {}, what)])),
    make("form", { method: "dialog" }, make("button", { class: "button" }, "Close")));
  const nothing = make("p", { class: "none", hidden: true }, "No step fits the filter.");
  const closeAll = () => document.querySelectorAll(".step.open").forEach((item) => setOpen(item, Number(item.id.slice(5)), false));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === input) { if (event.key === "Escape") { input.value = ""; state.text = ""; redraw(); input.blur(); } return; }
    const keys = { j: () => move(1), k: () => move(-1), n: () => failure(1), p: () => failure(-1), "/": () => input.focus(), c: closeAll, "?": () => help.showModal() };
    const action = keys[event.key];
    if (action) { event.preventDefault(); action(); }
  });
  addEventListener("beforeprint", () => state.flows.forEach((flow) => { if (flow.flow.verdict !== "passed") flow.open(true); }));
  addEventListener("hashchange", () => fromHash());
  const fromHash = () => {
    const match = /^#step-(\d+)$/.exec(location.hash);
    if (match && Number(match[1]) < data.steps.length) go(Number(match[1]));
  };

  const app = document.getElementById("app");
  state.flows = data.flows.map((_, number) => new Flow(number));
  chips();
  const tools = make("div", { class: "tools" }, input, chipBox,
    failures.length ? make("button", { type: "button", class: "button", on: { click: () => failure(1) } }, "Next failure") : null,
    make("span", { class: "hint" }, make("kbd", {}, "?"), " keys"));
  /* Failures that say the same but for numbers and ids are one cause until somebody shows otherwise. */
  const link = (index) => make("a", { href: `#step-${index}`, on: { click: (event) => { event.preventDefault(); go(index); } } }, data.steps[index][F.path]);
  const place = (index) => make("span", { class: "where" }, `${data.flows[data.steps[index][F.flow]].name} · ${data.steps[index][F.file]}:${data.steps[index][F.line]}`);
  const alike = () => {
    const groups = new Map();
    failures.forEach((index) => {
      const said = data.steps[index][F.message].replace(/[0-9a-f]{8,}(?:-[0-9a-f]{4,})*|\d{5,}/gi, "#");
      groups.set(said, [...(groups.get(said) ?? []), index]);
    });
    return [...groups.values()].flatMap((group) => (group.length > 3 ? [group] : group.map((index) => [index]))).sort((one, other) => one[0] - other[0]);
  };
  const overview = () => {
    const groups = alike();
    const shown = groups.slice(0, 40).map((group) => make("li", {}, link(group[0]), " ", place(group[0]), make("span", { class: "why" }, data.steps[group[0]][F.message]),
      group.length > 1 ? make("details", {}, make("summary", {}, `and ${count(group.length - 1, "more step")} like it`), make("ul", {}, group.slice(1, 201).map((index) => make("li", {}, link(index), " ", place(index))))) : null));
    const bad = data.flows.filter((flow, number) => flow.verdict !== "passed" && !byFlow[number].some((index) => broken(data.steps[index])));
    const rest = bad.slice(0, 20).map((flow) => make("li", {}, make("b", {}, flow.name), " ", make("span", { class: "where" }, flow.file), make("span", { class: "why" }, flow.message ?? flow.problems?.[0] ?? WORDS[flow.verdict])));
    const left = groups.length - shown.length + bad.length - rest.length;
    return make("section", { class: "flow failed-list", "aria-label": "What failed" }, make("h2", {}, "What failed"), make("ol", {}, shown, rest), left > 0 ? make("p", { class: "where" }, `and ${left.toLocaleString("en")} more`) : null);
  };
  const many = data.run.verdict !== "passed" && (data.flows.length > 1 || failures.length > 1 || data.steps.length > 20);
  app.append(tools, ...many ? [overview()] : [], ...data.cut.length ? [make("p", { class: "note" }, `To keep this page small, ${data.cut.join("; ")}.`)] : [], make("div", { id: "steps", tabindex: "-1" }, state.flows.map((flow) => flow.node), nothing), help);
  document.getElementById("static").hidden = true;
  app.hidden = false;
  const first = state.flows.filter((flow) => flow.flow.verdict !== "passed").slice(0, 20);
  (first.length ? first : state.flows.slice(0, state.flows.length === 1 ? 1 : 0)).forEach((flow) => flow.open(true));
  fromHash();
})();

"use strict";
// A page on disk holds shapes with all their values; a live page holds their names and requests the rest.
const at = id => document.getElementById(id);
const content = JSON.parse(at("content").textContent), live = content.live;
const names = () => live ? live.names : content.shapes.map(each => each.name);
const WORKING = "working …", LISTED = 4;

// ---- requests and unpacked data, of which the 100 most recently used are kept
const kept = new Map();
function keep(key, make) {
  const found = kept.get(key) || make();
  kept.delete(key);
  kept.set(key, found);
  found.catch(() => kept.delete(key));
  if (kept.size > 100) kept.delete(kept.keys().next().value);
  return found;
}

async function ask(what, query, body) {
  let answer;
  try { answer = await fetch(what + "?" + new URLSearchParams(query), { method: "POST", body }); }
  catch { throw Error("the viewer does not answer: is the command that started it still running?"); }
  const found = answer.ok ? await answer.json() : { error: "the viewer refuses this: " + answer.statusText };
  if (found.error) throw Error(found.error);
  return found;
}

function inflate(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
const unpack = async (text, type) => new type(await keep(text, () => inflate(text)));

const describe = query => keep(JSON.stringify(query), async () => ({ ...await ask("describe", query), query }));

// A shape with its study by one model.
function load(index, model) {
  return keep("shape " + index + " " + model, async () => {
    const shape = live ? await describe({ shape: live.names[index], model }) : content.shapes[index];
    const one = { modes: [], ...shape, ...shape.studies[live ? 0 : model] };
    one.positions = await unpack(one.pos, Int16Array);
    one.sampled = one.sample ? await unpack(one.sample, Int16Array) : null;
    return one;
  });
}

// One column, in steps from 0 to 254 of its range, at each sampled point or at each vertex or point of the shape.
async function load_steps(values, head, column, sampled, count) {
  const width = sampled ? values.columns.length : values.width, start = column - column % width;
  const end = Math.min(start + width, values.columns.length), blocks = sampled ? values.sample : values.blocks;
  const block = blocks[head + " " + start] || (await describe({ ...values.query, head, start, end })).block;
  return (await unpack(block, Uint8Array)).subarray((column - start) * count, (column - start + 1) * count);
}

// ---- the panel of controls
const show = (id, yes) => { at(id).hidden = !yes; };
const text = (id, words) => { at(id).textContent = words; show(id, words); };
const fill = (id, lines) => { at(id).replaceChildren(...lines); show(id, lines.length); };
const alike = values => new Set(values.maps).size === 1;  // one scale can fit all columns

const say = (words, wrong = false) => { text("status", words); at("status").classList.toggle("wrong", wrong); };

function options(id, labels, values = labels.map((_, i) => i)) {
  const select = at(id), index = select.selectedIndex, before = index < 0 ? "" : select.options[index].text;
  select.replaceChildren(...labels.map((label, i) => new Option(label, values[i])));
  select.selectedIndex = labels[index] === before ? index : Math.max(0, labels.indexOf(before));
  show(id + "-row", labels.length > 1);
}

const element = (tag, words, kind = "") => Object.assign(document.createElement(tag), { textContent: words, className: kind });
const line = words => element("div", words);

function row([name, share, color]) {
  const made = element("div", "", "row"), swatch = element("i", "");
  if (color) swatch.style.background = "rgb(" + color.join() + ")";
  made.append(...(color ? [swatch] : []), element("b", name), element("span", (100 * share).toFixed(1) + " %"));
  return made;
}

function arrange_shape(one) {
  text("title", names().length > 1 ? "" : one.name);
  options("study", live ? live.titles : content.shapes[at("shape").value].studies.map(each => each.title));
  text("model-name", one.title ? one.title + (one.up === "y" ? "" : "; " + one.up + " is up") : "");
  fill("prediction", (one.prediction || []).map(row));
  fill("notes", (one.notes || []).map(line));
  const modes = one.modes.map(each => each.name), fresh = !at("mode").options.length;
  options("mode", ["plain", ...modes], ["plain", ...modes]);
  if (fresh && modes.length) at("mode").value = modes[0];
  const ways = one.face ? ["surface", "vertices"] : ["points"];
  if (one.sampled) ways.push("sampled points");
  options("draw", ways, ways);
  show("size-row", at("draw").value !== "surface");
  const mode = one.modes.find(each => each.name === at("mode").value);
  options("choice", mode ? mode.choices : []);
  at("choice-name").textContent = mode ? mode.choice : "";
  return mode;
}

function arrange_values(values) {
  const columns = values && values.columns || [], queries = values && values.marks && values.marks.some(Boolean);
  options("head", values && values.heads || []);
  const slides = columns.length > LISTED || queries;
  options("which", slides ? [] : columns);
  if (slides) at("column").max = columns.length - 1;  // a larger number becomes the last column
  at("column-name").textContent = queries ? "query" : /^slot/.test(columns[0]) ? "slot" : "column";
  at("column-row").title = !(values && values.pick) ? "" : queries
    ? "received: the attention that each point receives; query: the attention of a query point, the red ball. A click on the shape chooses the nearest query point"
    : "A click on the shape chooses the slot with the most attention there";
  show("column-row", slides);
  text("note", values && values.note);
  show("key", columns.length);
  show("same-row", columns.length > 1 && alike(values));
  fill("legend", values && values.legend ? [line(values.title), ...values.legend.map(([name, rgb, share]) => row([name, share, rgb]))] : []);
  const column = slides ? +at("column").value : +at("which").value;
  return { head: +at("head").value, column, same: at("same").checked && columns.length > 1 && alike(values) };
}

// ---- colors
const figure = value => Math.abs(value) >= 1e4 || (value && Math.abs(value) < 1e-3) ? value.toExponential(1) : value.toPrecision(3);

async function colors(values, view, sampled, count) {
  const rgba = new Uint8Array(4 * count).fill(255);
  const set = (i, rgb, from = 0) => { for (let c = 0; c < 3; c++) rgba[4 * i + c] = rgb[from + c]; };
  if (!values) {
    for (let i = 0; i < count; i++) set(i, content.colors.plain);
  } else if (values.ids) {
    const ids = await unpack(sampled ? values.sample : values.ids, Uint16Array);
    for (let i = 0; i < count; i++) set(i, values.colors[ids[i]]);
  } else {
    const { head, column } = view, own = values.ranges[head][column];
    const [low, high] = view.same ? values.shared[head] : own;
    const steps = await load_steps(values, head, column, sampled, count);
    const bar = await unpack(content.maps[values.maps[column]], Uint8Array);
    const scale = 255 / 254 * (own[1] - own[0]) / (high - low), shift = 255 * (own[0] - low) / (high - low);
    for (let i = 0; i < count; i++) {
      if (steps[i] === 255) set(i, content.colors.unknown);
      else set(i, bar, 3 * Math.max(0, Math.min(255, Math.round(steps[i] * scale + shift))));
    }
    const stops = [...Array(16).keys()].map(i => 51 * i).map(i => "rgb(" + bar.slice(i, i + 3).join() + ")");
    at("bar").style.background = "linear-gradient(to right," + stops.join() + ")";
    at("key-name").textContent = [...new Set([values.title, values.heads[1] && values.heads[head], values.columns[column]])].filter(Boolean).join(", ");
    at("low").textContent = "≤ " + figure(low);
    at("high").textContent = "≥ " + figure(high);
  }
  return rgba;
}

// ---- showing what is chosen; after several changes in the meantime, only the last one is shown
let shown = null, busy = false, again = false;

async function update() {
  again = true;
  if (busy) return;
  busy = true;
  const slow = setTimeout(() => { if (!at("status").textContent) say(WORKING); }, 400);  // an error stays
  while (again) {
    again = false;
    try { await show_chosen(); } catch (error) { say(error.message, true); show_nothing(); }
  }
  clearTimeout(slow);
  if (at("status").textContent === WORKING) say("");
  busy = false;
}

function show_nothing() {
  for (const id of ["model-name", "prediction", "notes", "note", "key", "legend"]) show(id, false);
  shown = null;
  draw();
}

async function show_chosen() {
  document.documentElement.classList.toggle("dark", at("dark").checked);
  if (!names().length) return draw();
  const one = await load(+at("shape").value, +at("study").value), mode = arrange_shape(one);
  const choice = +at("choice").value;
  const values = mode && (live ? await describe({ ...one.query, panel: mode.name, choice }) : mode.stacks[choice]);
  const view = arrange_values(values);
  const way = at("draw").value, sampled = way === "sampled points";
  const positions = sampled ? one.sampled : one.positions, count = positions.length / 3;
  const rgba = await colors(values, view, sampled, count);
  attribute(2, rgba, 4, gl.UNSIGNED_BYTE);
  if (!shown || shown.positions !== positions) {
    const normal = one.normal && !sampled ? await unpack(one.normal, Int8Array) : new Int8Array(3 * count);
    const face = one.face && !sampled ? await unpack(one.face, Uint32Array) : new Uint32Array(0);
    attribute(0, positions, 3, gl.SHORT);
    attribute(1, normal, 3, gl.BYTE);
    attribute(2, rgba, 4, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[3]);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, face, gl.STATIC_DRAW);
    shown = { positions, corners: face.length };
  }
  Object.assign(shown, { one, values, view, mark: values && values.marks && values.marks[view.column], dots: way !== "surface" });
  draw();
}

async function add(files) {
  if (!live) return;
  for (const file of files) {
    try {
      if (file.size > live.most) {
        const size = bytes => +(bytes / 2 ** 20).toFixed(1);
        throw Error(file.name + ": it has " + size(file.size) + " MiB; at most " + size(live.most) + " MiB can be uploaded");
      }
      say("reading " + file.name + " …");
      const added = await ask("add", { name: file.name }, file);
      live.names = added.names;
      kept.clear();  // shapes have new numbers
      options("shape", live.names);
      at("shape").value = live.names.indexOf(added.name);
      say("");
      update();
    } catch (error) { say(error.message, true); }
  }
}

// ---- the start, after canvas.js has run
document.addEventListener("DOMContentLoaded", () => {
  document.title = names().join(", ") || "pcea";
  at("dark").checked = content.dark;
  options("shape", names());
  show("add-row", live);
  if (names().length === 0) {
    document.querySelectorAll("#panel > [id], #same-row").forEach(part => { part.hidden = part.id !== "add-row"; });
    say("add a mesh or cloud, or drop one on the page");
  }
  at("panel").addEventListener("input", e => {
    if (e.target.id === "add") { add(e.target.files).then(() => { at("add").value = ""; }); return; }
    say("");
    if (e.target.id === "size") draw(); else update();
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, e => {
      e.preventDefault();
      document.body.classList.toggle("drop", Boolean(live) && kind === "dragover");
      if (kind === "drop") add(e.dataTransfer.files);
    });
  }
  new ResizeObserver(() => draw()).observe(canvas);
  update();
});

"""What a review page looks like, and what it does: tags by mouse and keys, keeps its state, saves a CSV."""

from __future__ import annotations

REVIEW_STYLE = """
body { max-width: 76rem; }
.bar { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
  background: var(--paper); border-bottom: 1px solid var(--line); padding: .6rem 0; }
.bar form { display: flex; gap: .4rem; } .bar [role=status] { font-variant-numeric: tabular-nums; min-width: 9rem; }
button, input { font: inherit; color: inherit; }
button { background: var(--card); border: 1px solid var(--line); border-radius: 4px; padding: .25rem .7rem;
  cursor: pointer; }
input[type=text] { background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: .2rem .4rem; }
button:focus-visible, input:focus-visible { outline: 2px solid var(--soft); outline-offset: 1px; }
kbd { font: .75em ui-monospace, monospace; color: var(--soft); border: 1px solid var(--line); border-radius: 3px;
  padding: 0 .3em; }
article { display: grid; grid-template-columns: minmax(15rem, 22rem) 1fr; gap: .5rem 1.2rem; background: var(--card);
  border-left: 4px solid var(--line); border-radius: 4px; padding: .8rem 1rem; margin: 1rem 0; scroll-margin: 4.5rem; }
article.current { border-color: var(--ink); } article.done header::after { content: "\\2713 looked at"; }
article header { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0 1rem; color: var(--soft);
  font-size: .85rem; overflow-wrap: anywhere; } article header::after { margin-left: auto; }
article img { display: block; width: 100%; height: 8rem; border-radius: 3px; background: var(--line); }
article audio { width: 100%; height: 2.2rem; }
.words { display: flex; flex-wrap: wrap; gap: .3rem .55rem; margin-bottom: .7rem; }
.words span { display: inline-grid; grid-template-rows: 1.5em 1.5em; } .words b { font-weight: 400; }
.words i { font-style: normal; color: var(--soft); }
.words .other b, .words .missing b { font-weight: 600; } .words .other i, .words .added i { color: var(--bad);
  text-decoration: underline; text-underline-offset: .2em; font-weight: 600; }
.words .missing b { text-decoration: line-through; text-decoration-color: var(--bad); }
.words .missing i::before, .words .added b::before { content: "\\00b7"; color: var(--soft); }
.tags { display: flex; flex-wrap: wrap; gap: .3rem .5rem; margin: .3rem 0 .7rem; }
.tags label { border: 1px solid var(--line); border-radius: 4px; padding: .1rem .5rem; cursor: pointer;
  background: var(--paper); } .tags label:has(:checked) { border-color: var(--ink); font-weight: 600; }
.fields { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
.fields label:has([type=text]) { flex: 1 1 15rem; display: flex; gap: .4rem; align-items: center; white-space: nowrap; }
.fields [type=text] { flex: 1; min-width: 0; }
@media (max-width: 48rem) { article { grid-template-columns: 1fr; } }
"""

REVIEW_SCRIPT = """
"use strict";
const review = JSON.parse(document.getElementById("review").textContent);
const KEYS = "1234567890qwertyuiop";
const cards = [...document.querySelectorAll("article")];
const own = [];
let current = 0;

const kept = () => { try { return JSON.parse(localStorage.getItem(review.key)) || {}; } catch { return {}; } };
const keep = () => {
  const rows = {};
  cards.forEach((card, k) => { rows[review.rows[k].head[0]] = told(card); });
  try { localStorage.setItem(review.key, JSON.stringify({own, rows})); } catch (error) {
    document.getElementById("kept").textContent = "this browser keeps nothing: save the CSV before you leave";
  }
  const done = cards.filter(card => told(card).reviewed).length;
  cards.forEach(card => card.classList.toggle("done", told(card).reviewed));
  document.getElementById("count").textContent = `${done} of ${cards.length} looked at`;
};
const boxes = card => [...card.querySelectorAll(".tags input")];
const field = (card, name) => card.querySelector(`[name=${name}]`);
const mended = input => input.value.trim() === input.placeholder.trim() ? "" : input.value.trim();
const told = card => ({
  tags: boxes(card).filter(box => box.checked).map(box => box.value),
  correction: mended(field(card, "correction")),
  comment: field(card, "comment").value.trim(),
  reviewed: field(card, "reviewed").checked,
});
const put = (card, said) => {
  boxes(card).forEach(box => { box.checked = (said.tags || []).includes(box.value); });
  field(card, "correction").value = said.correction || "";
  field(card, "comment").value = said.comment || "";
  field(card, "reviewed").checked = Boolean(said.reviewed);
};

const addTag = name => {
  if (!name || name.length > 60 || [...review.tags, ...own, ...review.taken].includes(name)) return;
  own.push(name);
  const key = KEYS[review.tags.length + own.length - 1];
  for (const card of cards) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), {type: "checkbox", value: name});
    label.append(box, ` ${name} `);
    if (key) label.append(Object.assign(document.createElement("kbd"), {textContent: key}));
    card.querySelector(".tags").append(label);
  }
};

const go = to => {
  cards[current].querySelector("audio")?.pause();
  cards[current].classList.remove("current");
  current = Math.max(0, Math.min(cards.length - 1, to));
  cards[current].classList.add("current");
  cards[current].scrollIntoView({block: "nearest"});
};
const done = () => {
  field(cards[current], "reviewed").checked = true;
  keep();
  const next = cards.findIndex((card, k) => k > current && !told(card).reviewed);
  go(next < 0 ? current + 1 : next);
};

// as csv_line in synth/text.py: no cell is a formula for a spreadsheet
const isFormula = text => /^'*[=+\\-@\\t\\r\\n]/.test(text)
  && !/^[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?$/.test(text);
const quoted = text => /[",\\r\\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const cell = text => quoted(isFormula(text) ? "'" + text : text);
const csv = () => {
  const tags = [...review.tags, ...own];
  const lines = [[...review.head, ...tags, ...review.tail]];
  cards.forEach((card, k) => {
    const said = told(card), row = review.rows[k];
    const marks = tags.map(tag => said.tags.includes(tag) ? "1" : "");
    lines.push([...row.head, said.reviewed ? "1" : "", ...marks, said.correction, said.comment, ...row.tail]);
  });
  return lines.map(line => line.map(cell).join(",") + "\\n").join("");
};
const save = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], {type: "text/csv"}));
  link.download = review.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};

const before = kept();
(before.own || []).forEach(addTag);
cards.forEach((card, k) => put(card, (before.rows || {})[review.rows[k].head[0]] || review.rows[k].said));
cards.forEach((card, k) => card.addEventListener("pointerdown", () => go(k)));
cards.forEach((card, k) => card.addEventListener("focusin", () => { if (k !== current) go(k); }));
document.addEventListener("change", event => {
  const card = event.target.closest("article");
  const said = event.target.name === "correction" ? mended(event.target) : event.target.value.trim();
  const about = event.target.type === "text" ? said : event.target.name !== "reviewed" && event.target.checked;
  if (card && about) field(card, "reviewed").checked = true;
  if (card) keep();
});
document.addEventListener("input", event => { if (event.target.closest("article")) keep(); });
for (const input of document.querySelectorAll("[name=correction]")) {
  // what is there is easier to mend than to write anew; unchanged it is no correction
  input.addEventListener("focus", () => { input.value ||= input.placeholder; });
  input.addEventListener("blur", () => { if (input.value.trim() === input.placeholder) input.value = ""; keep(); });
}
document.getElementById("save").onclick = save;
document.getElementById("own").onsubmit = event => {
  event.preventDefault();
  addTag(event.target.elements.tag.value.trim());
  event.target.reset();
  keep();
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.type === "text";
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && event.target.closest("article")) { event.target.blur(); done(); }
    return;
  }
  const onControl = event.target.closest("button, audio, input");
  const card = cards[current], audio = card.querySelector("audio"), tag = boxes(card)[KEYS.indexOf(event.key)];
  const does = {
    " ": () => { if (audio) { if (audio.paused) audio.play().catch(() => {}); else audio.pause(); } },
    Enter: done, j: () => go(current + 1), k: () => go(current - 1),
    c: () => field(card, "comment").focus(), x: () => field(card, "correction").focus(), s: save,
  }[event.key];
  if (onControl && (event.key === " " || event.key === "Enter") && !onControl.matches("[type=checkbox]")) return;
  if (onControl && event.key === " ") return;
  if (KEYS.includes(event.key) && tag) tag.click();
  else if (does) does();
  else return;
  event.preventDefault();
});
go(0);
keep();
"""

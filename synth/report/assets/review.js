// The page of a review: tags by mouse and keys, keeps its entries in the browser, saves the CSV.
"use strict";
const review = JSON.parse(document.getElementById("review").textContent);
const KEYS = "1234567890qwertyuiop";
const cards = [...document.querySelectorAll("article")];
const ownTags = [];
let current = 0;

const boxes = card => [...card.querySelectorAll(".tags input")];
const field = (card, name) => card.querySelector(`[name=${name}]`);
// the field starts with the reference: unchanged, it is no correction
const correction = input => input.value.trim() === input.placeholder.trim() ? "" : input.value.trim();
const readCard = card => ({
  tags: boxes(card).filter(box => box.checked).map(box => box.value),
  correction: correction(field(card, "correction")),
  comment: field(card, "comment").value.trim(),
  reviewed: field(card, "reviewed").checked,
});
const fillCard = (card, entry) => {
  boxes(card).forEach(box => { box.checked = (entry.tags || []).includes(box.value); });
  field(card, "correction").value = entry.correction || "";
  field(card, "comment").value = entry.comment || "";
  field(card, "reviewed").checked = Boolean(entry.reviewed);
};

const loadEntries = () => { try { return JSON.parse(localStorage.getItem(review.key)) || {}; } catch { return {}; } };
const keepEntries = () => {
  const rows = {};
  cards.forEach((card, k) => { rows[review.rows[k].head[0]] = readCard(card); });
  try { localStorage.setItem(review.key, JSON.stringify({own: ownTags, rows})); } catch (error) {
    document.getElementById("storage").textContent = "this browser keeps nothing: save the CSV before you leave";
  }
  cards.forEach(card => card.classList.toggle("reviewed", readCard(card).reviewed));
  const count = cards.filter(card => readCard(card).reviewed).length;
  document.getElementById("count").textContent = `${count} of ${cards.length} reviewed`;
};

const addTag = name => {
  if (!name || name.length > 60 || [...review.tags, ...ownTags, ...review.reserved].includes(name)) return;
  ownTags.push(name);
  const key = KEYS[review.tags.length + ownTags.length - 1];
  for (const card of cards) {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), {type: "checkbox", value: name});
    label.append(box, ` ${name} `);
    if (key) label.append(Object.assign(document.createElement("kbd"), {textContent: key}));
    card.querySelector(".tags").append(label);
  }
};

const goTo = index => {
  cards[current].querySelector("audio")?.pause();
  cards[current].classList.remove("current");
  current = Math.max(0, Math.min(cards.length - 1, index));
  cards[current].classList.add("current");
  cards[current].scrollIntoView({block: "nearest"});
};
const finishCard = () => {
  field(cards[current], "reviewed").checked = true;
  keepEntries();
  const next = cards.findIndex((card, k) => k > current && !readCard(card).reviewed);
  goTo(next < 0 ? current + 1 : next);
};

// as csv_line in synth/text.py: no cell is a formula for a spreadsheet
const isFormula = text => /^'*[=+\-@\t\r\n]/.test(text)
  && !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
const quoted = text => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const cell = text => quoted(isFormula(text) ? "'" + text : text);
const csv = () => {
  const tags = [...review.tags, ...ownTags];
  const lines = [[...review.head, ...tags, ...review.tail]];
  cards.forEach((card, k) => {
    const entry = readCard(card), row = review.rows[k];
    const marks = tags.map(tag => entry.tags.includes(tag) ? "1" : "");
    lines.push([...row.head, entry.reviewed ? "1" : "", ...marks, entry.correction, entry.comment, ...row.tail]);
  });
  return lines.map(line => line.map(cell).join(",") + "\n").join("");
};
const save = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], {type: "text/csv"}));
  link.download = review.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};

const stored = loadEntries();
(stored.own || []).forEach(addTag);
cards.forEach((card, k) => fillCard(card, (stored.rows || {})[review.rows[k].head[0]] || review.rows[k].entry));
cards.forEach((card, k) => card.addEventListener("pointerdown", () => goTo(k)));
cards.forEach((card, k) => card.addEventListener("focusin", () => { if (k !== current) goTo(k); }));
document.addEventListener("change", event => {
  const card = event.target.closest("article");
  if (!card) return;
  const text = event.target.name === "correction" ? correction(event.target) : event.target.value.trim();
  const isEntry = event.target.type === "text" ? text : event.target.name !== "reviewed" && event.target.checked;
  if (isEntry) field(card, "reviewed").checked = true;
  keepEntries();
});
document.addEventListener("input", event => { if (event.target.closest("article")) keepEntries(); });
for (const input of document.querySelectorAll("[name=correction]")) {
  // to edit the reference is easier than to type it again
  input.addEventListener("focus", () => { input.value ||= input.placeholder; });
  input.addEventListener("blur", () => {
    if (input.value.trim() === input.placeholder) input.value = "";
    keepEntries();
  });
}
document.getElementById("save").onclick = save;
document.getElementById("own").onsubmit = event => {
  event.preventDefault();
  addTag(event.target.elements.tag.value.trim());
  event.target.reset();
  keepEntries();
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.type === "text") {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && event.target.closest("article")) { event.target.blur(); finishCard(); }
    return;
  }
  const control = event.target.closest("button, audio, input");
  const card = cards[current], audio = card.querySelector("audio"), tag = boxes(card)[KEYS.indexOf(event.key)];
  const action = {
    " ": () => { if (audio) { if (audio.paused) audio.play().catch(() => {}); else audio.pause(); } },
    Enter: finishCard, j: () => goTo(current + 1), k: () => goTo(current - 1),
    c: () => field(card, "comment").focus(), x: () => field(card, "correction").focus(), s: save,
  }[event.key];
  // space and Enter belong to the control that has the focus
  if (control && (event.key === " " || event.key === "Enter") && !control.matches("[type=checkbox]")) return;
  if (control && event.key === " ") return;
  if (KEYS.includes(event.key) && tag) tag.click();
  else if (action) action();
  else return;
  event.preventDefault();
});
goTo(0);
keepEntries();

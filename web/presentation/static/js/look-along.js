// Looks along the time piece by piece, by keyboard and touch too, and into one; and all pieces as a table.

import { pieceInWords } from "./picture.js";
import { exactly } from "./span.js";
import { locale } from "./texts.js";

const element = (id) => document.getElementById(id);
const slider = element("look");
const told = element("looked-at");
const table = element("pieces");
const number = (value) => value.toLocaleString(locale);

let pieces = [];

// `looked(piece)`: it is looked at. `zoom(begin, end)`: it is chosen.
export function lookAlong(looked, zoom) {
  const piece = () => pieces[Number(slider.value)];
  const tell = () => {
    if (!piece()) return;
    slider.setAttribute("aria-valuetext", pieceInWords(piece()));
    told.textContent = pieceInWords(piece());
    looked(piece());
  };
  const closer = () => piece() && zoom(piece().from, piece().to);
  slider.addEventListener("input", tell);
  slider.addEventListener("focus", tell);
  slider.addEventListener("keydown", (event) => event.key === "Enter" && closer());
  element("look-closer").addEventListener("click", closer);
  element("as-table").addEventListener("toggle", fill);
  table.addEventListener("click", ({ target }) => {
    const chosen = target.closest("button") && pieces[Number(target.closest("tr").dataset.piece)];
    if (chosen) zoom(chosen.from, chosen.to);
  });
}

// `fresh`: what is drawn now; null where the picture has no pieces.
export function showPieces(fresh) {
  pieces = fresh ?? [];
  for (const id of ["look-along", "as-table"]) element(id).hidden = !fresh;
  slider.max = Math.max(0, pieces.length - 1);
  if (!fresh) return;
  slider.setAttribute("aria-valuetext", pieceInWords(pieces[Number(slider.value)]));
  fill();
}

function fill() {
  if (!element("as-table").open) return;
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const happened = pieces.map((piece, index) => ({ ...piece, index })).filter(({ count }) => count);
  table.tBodies[0].replaceChildren(...happened.map((piece) => rowOf(piece, labels)));
}

function rowOf(piece, labels) {
  const row = document.createElement("tr");
  row.dataset.piece = piece.index;
  const closer = document.createElement("button");
  closer.type = "button";
  closer.className = "closer";
  closer.classList.add("link");
  closer.textContent = exactly(piece.from);
  const cells = [closer, number(piece.count), number(piece.failures), number(piece.running ?? 0)];
  cells.forEach((content, index) => {
    const cell = row.appendChild(document.createElement(index ? "td" : "th"));
    if (index) cell.dataset.label = labels[index];
    else cell.scope = "row";
    cell.append(content);
  });
  return row;
}

'use strict';
// What the page holds: `meta` is JSON, the numbers are typed arrays in one compressed block that `meta.arrays` describes.
const meta = JSON.parse(document.getElementById('meta').textContent);
let numbers = new ArrayBuffer(0);

const KINDS = { i8: Int8Array, u8: Uint8Array, i16: Int16Array, u16: Uint16Array, i32: Int32Array, f32: Float32Array };

async function loadNumbers() {
  const element = document.getElementById('data');
  const text = atob(element.textContent.trim());
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  numbers = await new Response(stream).arrayBuffer();
  element.textContent = '';
}

function array(name) {
  const [offset, length, kind] = meta.arrays[name];
  return new KINDS[kind](numbers, offset, length);
}

// Texts come from anybody: they are only ever put where text is meant, never read as markup.
function element(tag, text, attributes) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  return made;
}

function short(text, most) {
  const line = text.replace(/\s+/g, ' ');
  const characters = Array.from(line.slice(0, 4 * most));
  return characters.length > most ? characters.slice(0, most - 1).join('') + '…' : characters.join('');
}

// A name that reads from right to left must not turn round what stands beside it.
const apart = (text) => '\u2068' + text + '\u2069';
const labelName = (label, most) => apart(short(meta.labels[label], most || 40));

function number(value, digits) {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  return value.toFixed(digits).replace('-', '−');
}

const signed = (value, digits) => (value > 0 ? '+' : '') + number(value, digits);

function small(value) {
  if (Number.isNaN(value)) return 'none';
  return value === 0 ? '0' : value >= 0.001 ? value.toPrecision(3) : value.toExponential(2);
}

function say(text) {
  document.getElementById('status').textContent = text;
}

function download(name, content, type) {
  const link = element('a', null, { download: name });
  link.href = content instanceof Blob ? URL.createObjectURL(content) : content;
  document.body.append(link);
  link.click();
  link.remove();
  if (content instanceof Blob) setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  say(name + ' saved');
}

// A cell that a spreadsheet would take for a formula is text; a label that is a number is none. As in the tables of a scan.
const FORMULA = /^[\s']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[ \u00A0]*[\t\v\f\r\n\0]/;
const NUMBER = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/;

function csvCell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isNaN(value) ? '' : String(value);
  const text = FORMULA.test(value) && !NUMBER.test(value) ? "'" + value : String(value);
  return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function saveCsv(name, rows) {
  const text = rows.map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n';
  download(name + '.csv', new Blob([text], { type: 'text/csv;charset=utf-8' }));
}

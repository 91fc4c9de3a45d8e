// Effects in thousandths; the ends stand for what is infinite or no number.
const decoded = (effect) =>
  (effect === -32768 ? NaN : effect === 32767 ? Infinity : effect === -32767 ? -Infinity : effect / 1000);

// The MRI: each unit's response to each label. A family is the same tensor of each layer.
class Family {
  constructor(facts, index) {
    Object.assign(this, facts);
    this.index = index;
    this.effects = array(`family${index}.effect`);
    this.aurocs = array(`family${index}.auroc`);
    this.places = array(`family${index}.q`);
    this.ids = facts.whole ? null : array(`family${index}.ids`);
    this.rowOf = facts.whole ? null : new Map(Array.from(this.ids, (id, row) => [id, row]));
    this.calls = array(`family${index}.call`);
    this.qs = array('q');
  }

  id(row) { return this.ids ? this.ids[row] : row; }
  row(id) { return this.ids ? this.rowOf.get(id) : id; }

  response(label, row) {
    const at = label * this.listed + row;
    return {
      call: this.calls[at],
      effect: decoded(this.effects[at]),
      auroc: this.aurocs[at] === 65535 ? NaN : this.aurocs[at] / 60000,
      q: this.qs[this.places[at]],
    };
  }

  name(id) {
    const layer = Math.floor(id / this.width);
    const unit = id % this.width;
    const row = this.layered ? 'L' + this.layers[layer] : this.layers[layer] + ' ';
    if (!this.heads) return `${row}N${unit}`;
    const each = this.width / this.heads;
    return `${row}H${Math.floor(unit / each)}` + (each > 1 ? 'N' + (unit % each) : '');
  }

  values(row) {
    const kept = array(`family${this.index}.kept`).indexOf(row);
    if (kept < 0) return null;
    const count = meta.prompts.length;
    const [low, high] = array(`family${this.index}.range`).subarray(2 * kept, 2 * kept + 2);
    const values = array(`family${this.index}.values`).subarray(kept * count, (kept + 1) * count);
    return Array.from(values, (value) => (value === 65535 ? NaN : low + (value / 65534) * (high - low)));
  }
}

let families = [];
const passes = (response) => response.call !== 0;
const call = (response) => (response.call > 0 ? 'lights up' : response.call < 0 ? 'goes dark' : '');
const measured = (response) => !Number.isNaN(response.auroc);
const verdict = (response) => call(response) || (!measured(response) ? 'not measured: a value is NaN or infinite' : Number.isNaN(response.q) ? 'can’t be told'
  : response.q > meta.criterion ? 'fails the false discovery rate' : 'has too small an effect');

function told(family, id, label, response) {
  return `${family.name(id)} for ${labelName(label)}: effect ${signed(response.effect, 3)}, AUROC ${number(response.auroc, 3)}, q ${small(response.q)}, ${verdict(response)}`;
}

const effectLegend = (family) => () => ({
  diverging: true, from: `dark −${family.limit}`, to: `+${family.limit} lit`,
  chips: [[() => colour('grey'), `fails q ≤ ${meta.criterion}${meta.effect > 0 ? ` or has an AUROC nearer to 0.5 than ${meta.effect}` : ''}` + (family.whole || family.bins ? '' : ', or not kept in this page')],
    ...(family.missing.length ? [[() => colour('panel'), 'not measured']] : [])],
});

function unitGrid(fig, family, label, height) {
  const limit = family.limit;
  const units = Array.from({ length: family.width }, (_, unit) => unit);
  grid(fig, {
    xs: units, ys: family.layers, xTitle: family.kind === 'head' ? 'head' : 'unit', yTitle: family.layered ? 'layer' : '', height,
    alt: `Effect (Hedges' g) of each ${family.kind} of ${family.name0}, by layer.`,
    legend: effectLegend(family),
    fill: (x, y) => {
      const row = family.row(y * family.width + x);
      const response = row === undefined ? null : family.response(label, row);
      return !response ? colour('grey') : !measured(response) ? colour('panel') : passes(response) ? around(response.effect, limit) : colour('grey');
    },
    describe: (x, y) => {
      const id = y * family.width + x;
      const row = family.row(id);
      return row === undefined ? `${family.name(id)}: not kept in this page` : told(family, id, label, family.response(label, row));
    },
    pick: (x, y) => detail(family, y * family.width + x, label),
    csv: () => unitRows(family, label),
  });
}

function unitRows(family, label) {
  const rows = [['unit', 'layer', 'number', 'label', 'effect', 'auroc', 'q']];
  for (let row = 0; row < family.listed; row++) {
    const id = family.id(row);
    const response = family.response(label, row);
    rows.push([family.name(id), family.layers[Math.floor(id / family.width)], id % family.width, meta.labels[label],
      response.effect, response.auroc, response.q]);
  }
  return rows;
}

// Each layer's neurons by effect, in bins of as many; a bin is coloured if one in it passes.
function unitStrip(fig, family, label, height) {
  const limit = family.limit;
  const bins = family.bins;
  const missing = (y) => (family.missing[y] ? `; ${family.missing[y]} of the layer’s ${family.width} ${family.kind}s are not measured` : '');
  const [means, lows, highs, lit, dim] = ['mean', 'low', 'high', 'lit', 'dark'].map((what) => array(`family${family.index}.bin.${what}`));
  const at = (x, y) => (label * family.layers.length + y) * bins + x;
  grid(fig, {
    xs: Array.from({ length: bins }, (_, bin) => bin), ys: family.layers, yTitle: family.layered ? 'layer' : '', height,
    xTitle: `${family.kind}s of a layer, from those that go dark to those that light up`,
    alt: `${family.width} ${family.kind}s a layer of ${family.name0}, sorted by effect, in ${bins} bins.`,
    legend: effectLegend(family),
    fill: (x, y) => {
      const bin = at(x, y);
      return Number.isNaN(decoded(lows[bin])) && family.missing[y] ? colour('panel') : lit[bin] + dim[bin] > 0 ? around(decoded(means[bin]), limit) : colour('grey');
    },
    describe: (x, y) => {
      const bin = at(x, y);
      return `${family.layered ? 'Layer ' : ''}${family.layers[y]}, ${labelName(label)}, bin ${x + 1} of ${bins}: effects ${signed(decoded(lows[bin]), 3)} to ${signed(decoded(highs[bin]), 3)}, ${lit[bin]} light up, ${dim[bin]} go dark${missing(y)}`;
    },
    pick: (x, y) => {
      drawNow('units');
      unitTable.show(label, family, y, decoded(lows[at(x, y)]), decoded(highs[at(x, y)]));
    },
    csv: () => [['layer', 'bin', 'label', 'mean_effect', 'lowest', 'highest', 'light_up', 'go_dark'],
      ...family.layers.flatMap((layer, y) => Array.from({ length: bins }, (_, x) =>
        [layer, x, meta.labels[label], decoded(means[at(x, y)]), decoded(lows[at(x, y)]), decoded(highs[at(x, y)]), lit[at(x, y)], dim[at(x, y)]]))],
  });
}

function drawFamily(parent, family, label, small) {
  const fig = figure(parent, `${family.name0}: ${labelName(label)}`);
  const rows = family.layers.length;
  if (family.bins) unitStrip(fig, family, label, Math.max(small ? 130 : 190, 60 + rows * (small ? 7 : 15)));
  else unitGrid(fig, family, label, Math.max(small ? 170 : 240, 60 + rows * (small ? 11 : 24)));
}

function mri(section) {
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  let mode = 0;
  let turn = 0;
  const chosen = [0, Math.min(1, meta.labels.length - 1)];
  const draw = () => {
    clear(panels);
    panels.style.setProperty('--wide', mode === 2 ? '320px' : '480px');
    const mine = ++turn;
    const labels = mode === 0 ? [chosen[0]] : mode === 1 ? chosen : meta.labels.map((_, label) => label);
    const pictures = mode === 1 ? families.flatMap((family) => labels.map((label) => [family, label]))
      : labels.flatMap((label) => families.map((family) => [family, label]));
    // A few at a time, so that a hundred labels don't hold up whoever turns back.
    const next = () => {
      pictures.splice(0, 8).forEach(([family, label]) => drawFamily(panels, family, label, mode === 2));
      if (pictures.length) setTimeout(() => { if (mine === turn) next(); }, 0);
    };
    next();
    second.parentElement.hidden = mode !== 1;
    first.parentElement.hidden = mode === 2;
    say(mode === 2 ? `All ${meta.labels.length} labels` : labels.map((label) => meta.labels[label]).join(' beside '));
  };
  choice(controls, 'Show', ['one label', 'two labels side by side', 'all labels'], 0, (value) => { mode = value; draw(); })
    .id = 'mri-mode';
  const first = choice(controls, 'Label', meta.labels, 0, (value) => { chosen[0] = value; draw(); unitTable.show(value); if (detail.again) detail.again(value); });
  const second = choice(controls, 'beside', meta.labels, chosen[1], (value) => { chosen[1] = value; draw(); });
  first.id = 'mri-label';
  second.id = 'mri-beside';
  const box = element('figure', null, { id: 'detail', tabindex: '-1' });
  box.append(element('p', 'Choose a unit above or in the table: its value for each prompt is shown here.'));
  section.append(box);
  draw();
}

// A unit's value for each prompt, with the texts.
function detail(family, id, label) {
  drawNow('mri');
  const box = document.getElementById('detail');
  clear(box);
  detail.again = null;
  const row = family.row(id);
  const fig = figure(box, `${family.name(id)}: value for each prompt`);
  box.append(...fig.box.childNodes);
  fig.box.remove();
  const values = row === undefined ? null : family.values(row);
  if (!values) {
    fig.readout.textContent = `Values by prompt are in this page for the ${family.keeps} ${family.kind}s that tell labels apart best; ${family.name(id)} is not among them.`;
    box.focus();
    return;
  }
  const unit = element('p', told(family, id, label, family.response(label, row)), { id: 'detail-unit' });
  detail.again = (other) => { unit.textContent = told(family, id, other, family.response(other, row)); };
  box.insertBefore(unit, fig.chart);
  const order = values.map((_, prompt) => prompt)
    .sort((a, b) => (Number.isNaN(values[a]) - Number.isNaN(values[b])) || values[b] - values[a] || a - b);
  dots(fig, family.name(id), values);
  const list = element('ol', null, { 'aria-label': 'Prompts, highest value first', tabindex: '0' });
  order.forEach((prompt) => list.append(promptItem(prompt, values[prompt])));
  box.append(list);
  box.focus();
}

// A prompt's text, as much of it as the page has.
function promptText(prompt) {
  const { text: held, of } = meta.prompts[prompt];
  return of ? `${held} (${of} characters in all)` : held;
}

function promptItem(prompt, value) {
  const item = element('li');
  item.append(element('strong', number(value, 4)), ' ', element('bdi', short(meta.labels[meta.prompts[prompt].label], 60)), ' ',
    element('bdi', short(meta.prompts[prompt].id, 60)), element('bdi', promptText(prompt), { class: 'text' }));
  return item;
}

function dots(fig, name, values) {
  const points = values.map((value, prompt) => [Number.isFinite(value) ? value : null, meta.prompts[prompt].label, prompt]);
  let at = 0;
  const cursor = {
    at: () => points[at],
    move: (x, y) => { at = bounded(at + (x || y), points.length); },
    describe: ([, , prompt]) => `${apart(short(meta.prompts[prompt].id, 40))} (${labelName(meta.prompts[prompt].label)}): ${number(values[prompt], 4)}. ${apart(short(meta.prompts[prompt].text, 200))}`,
  };
  const option = () => ({
    ...base(),
    grid: { left: 110, right: 16, top: 8, bottom: 44 },
    xAxis: { type: 'value', scale: true, name: 'value', nameGap: 26, ...axisLook(), axisLabel: { color: colour('text') },
      splitLine: { lineStyle: { color: colour('line') } } },
    yAxis: { type: 'category', inverse: true, data: meta.labels.map((_, label) => label), ...axisLook(),
      axisLabel: { color: colour('text'), formatter: (label) => labelName(Number(label), 14) } },
    tooltip: { ...base().tooltip, formatter: (event) => wrapped(cursor.describe(event.value)) },
    series: [
      { type: 'scatter', data: points, symbolSize: 9, itemStyle: { color: LINES[0], opacity: 0.6 } },
      { type: 'scatter', data: [], silent: true, symbolSize: 16,
        itemStyle: { color: 'transparent', borderColor: colour('accent'), borderWidth: 3 } },
    ],
  });
  show(fig, { alt: 'A dot for each prompt, a row for each label.', csv: () => [['prompt', 'label', 'value', 'text'],
    ...values.map((value, prompt) => [meta.prompts[prompt].id, meta.labels[meta.prompts[prompt].label], value, meta.prompts[prompt].text])] },
  60 + 24 * meta.labels.length, option, cursor);
}

// All listed units for a label; sorts and filters.
const unitTable = {
  made: null,
  pending: null,
  show(label, family, layer, low, high) {
    this.pending = [label, family, layer, low, high];
    if (this.made) this.fill();
  },
  fill() {
    const [label, family, layer, low, high] = this.pending;
    this.select.value = label;
    const rows = [];
    families.forEach((each) => {
      if (family && each !== family) return;
      for (let row = 0; row < each.listed; row++) {
        const id = each.id(row);
        const response = each.response(label, row);
        const inBin = layer === undefined
          || (Math.floor(id / each.width) === layer && response.effect >= low && response.effect <= high);
        if (inBin) {
          rows.push({ family: each, id, unit: each.name(id), of: each.name0, effect: response.effect, auroc: response.auroc,
            q: response.q, call: measured(response) ? call(response) : 'not measured' });
        }
      }
    });
    this.made.replaceData(rows);
    const kept = families.every((each) => each.whole) ? '' : ', of those that this page keeps: the ones that tell labels apart best';
    this.what.textContent = layer === undefined ? `All units for ${labelName(label)}: ${rows.length}${kept}.`
      : `Of one bin of layer ${family.layers[layer]} for ${labelName(label)}, its ends included: ${rows.length}${kept}.`;
    if (layer !== undefined) {
      this.what.scrollIntoView({ block: 'nearest' });
      this.what.focus();
      say(this.what.textContent);
    }
  },
};

function units(section) {
  const controls = element('div', null, { class: 'controls' });
  section.append(controls);
  unitTable.select = choice(controls, 'Label', meta.labels, 0, (label) => unitTable.show(label));
  unitTable.what = element('p', '', { id: 'units-what', tabindex: '-1' });
  section.append(unitTable.what);
  const digits = (count, sign) => (cell) => (sign ? signed(cell.getValue(), count) : number(cell.getValue(), count));
  const filter = (placeholder) => ({ headerFilter: 'input', headerFilterPlaceholder: placeholder, headerFilterFunc: numberFits });
  const made = table(section, 'units', [
    { title: 'Unit', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3H5', minWidth: 76 },
    { title: 'Of', field: 'of', headerFilter: 'input', minWidth: 110, responsive: 3 },
    { title: 'Effect', field: 'effect', sorter: 'number', formatter: digits(3, true), ...filter('< -0.5'), minWidth: 64 },
    { title: 'AUROC', field: 'auroc', sorter: 'number', formatter: digits(3), ...filter('> 0.9'), minWidth: 64 },
    { title: 'q', field: 'q', sorter: 'number', formatter: (cell) => small(cell.getValue()), ...filter('< 0.01'), minWidth: 64, responsive: 1 },
    { title: 'Call', field: 'call', headerFilter: 'input', minWidth: 90, responsive: 2 },
  ], [], (row) => detail(row.family, row.id, Number(unitTable.select.value)), 420);
  made.on('tableBuilt', () => {
    unitTable.made = made;
    made.setSort('auroc', 'desc');
    unitTable.pending = unitTable.pending || [0];
    unitTable.fill();
  });
}

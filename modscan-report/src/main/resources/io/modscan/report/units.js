// Effects in thousandths; the ends stand for what is infinite or no number.
const decoded = (effect) =>
  (effect === -32768 ? NaN : effect === 32767 ? Infinity : effect === -32767 ? -Infinity : effect / 1000);

// The MRI: each unit's response to each label. A family is the same tensor of each layer.
class Family {
  constructor(facts) {
    Object.assign(this, facts);
    this.effects = this.numbersOf('effect');
    this.aurocs = this.numbersOf('auroc');
    this.places = this.numbersOf('q');
    this.ids = facts.whole ? null : this.numbersOf('ids');
    this.rowOf = facts.whole ? null : new Map(Array.from(this.ids, (id, row) => [id, row]));
    this.calls = this.numbersOf('call');
    this.qs = array('q');
    if (facts.halves) [this.firsts, this.seconds] = [this.numbersOf('first'), this.numbersOf('second')];
  }

  numbersOf(name) { return array(`${this.array}.${name}`); }

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

  // The AUROC in both halves of the prompts.
  inHalves(label, row) {
    const at = label * this.listed + row;
    return [this.firsts, this.seconds].map((each) => (each[at] === 255 ? NaN : each[at] / 250));
  }

  // How many light up for a label and how many go dark.
  counts(label) {
    if (this.bins) {
      const all = this.layers.length * this.bins;
      return ['bin.lit', 'bin.dark'].map((what) => this.numbersOf(what).subarray(label * all, (label + 1) * all).reduce((sum, each) => sum + each, 0));
    }
    const calls = this.calls.subarray(label * this.listed, (label + 1) * this.listed);
    return [1, -1].map((wanted) => calls.reduce((sum, each) => sum + (each === wanted ? 1 : 0), 0));
  }

  // Of a family with a few numbers a head: whose, and which.
  parts(id) {
    const each = this.numbers.length;
    const layer = this.layers[Math.floor(id / this.width)];
    return [`${this.layered ? 'L' + layer : layer + ' '}H${Math.floor((id % this.width) / each)}`, this.numbers[id % each]];
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
    const kept = this.numbersOf('kept').indexOf(row);
    if (kept < 0) return null;
    const count = meta.prompts.length;
    const [low, high] = this.numbersOf('range').subarray(2 * kept, 2 * kept + 2);
    const values = this.numbersOf('values').subarray(kept * count, (kept + 1) * count);
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
  ...aroundLegend(family.limit, 'dark ', ' lit'),
  chips: [[() => colour('grey'), `fails q ≤ ${meta.criterion}${meta.effect > 0 ? ` or has an AUROC nearer to 0.5 than ${meta.effect}` : ''}` + (family.whole || family.bins ? '' : ', or not kept in this page')],
    ...(family.missing.length ? [[() => colour('panel'), 'not measured']] : [])],
});

const responseFill = (family, response) => (!response ? colour('grey') : !measured(response) ? colour('panel')
  : passes(response) ? around(response.effect, family.limit) : colour('grey'));

// What a picture of a family is made of, large or small: a cell for each unit.
function unitCells(family) {
  const id = (x, y) => y * family.width + x;
  return {
    columns: family.width, xTitle: family.kind === 'head' ? 'head' : 'unit',
    alt: `Effect (Hedges’ g) of each ${family.kind}, by layer.`,
    fill: (label, x, y) => {
      const row = family.row(id(x, y));
      return responseFill(family, row === undefined ? null : family.response(label, row));
    },
    describe: (label, x, y) => {
      const row = family.row(id(x, y));
      return row === undefined ? `${family.name(id(x, y))}: not kept in this page` : told(family, id(x, y), label, family.response(label, row));
    },
    pick: (label, x, y) => chosenUnit.choose(family, id(x, y), label),
    header: ['unit', 'layer', 'number', 'label', 'effect', 'auroc', 'q'],
    rows: (label) => Array.from({ length: family.listed }, (_, row) => {
      const response = family.response(label, row);
      const unit = family.id(row);
      return [family.name(unit), family.layers[Math.floor(unit / family.width)], unit % family.width, meta.labels[label], response.effect, response.auroc, response.q];
    }),
  };
}

// The same of many units: each layer's by effect, in bins of as many; a bin is coloured if one in it passes.
function binCells(family) {
  const bins = family.bins;
  const missing = (y) => (family.missing[y] ? `; ${family.missing[y]} of the layer’s ${family.width} ${family.kind}s are not measured` : '');
  const [means, lows, highs, lit, dim] = ['mean', 'low', 'high', 'lit', 'dark'].map((what) => family.numbersOf(`bin.${what}`));
  const at = (label, x, y) => (label * family.layers.length + y) * bins + x;
  return {
    columns: bins, xTitle: `${family.kind}s of a layer, from those that go dark to those that light up`,
    alt: `${family.width} ${family.kind}s a layer, sorted by effect, in ${bins} bins.`,
    fill: (label, x, y) => {
      const bin = at(label, x, y);
      return Number.isNaN(decoded(lows[bin])) && family.missing[y] ? colour('panel') : lit[bin] + dim[bin] > 0 ? around(decoded(means[bin]), family.limit) : colour('grey');
    },
    describe: (label, x, y) => {
      const bin = at(label, x, y);
      return `${family.layered ? 'Layer ' : ''}${family.layers[y]}, ${labelName(label)}, bin ${x + 1} of ${bins}: effects ${signed(decoded(lows[bin]), 3)} to ${signed(decoded(highs[bin]), 3)}, ${lit[bin]} light up, ${dim[bin]} go dark${missing(y)}`;
    },
    pick: (label, x, y) => {
      drawNow('units');
      unitTable.show(label, family, y, decoded(lows[at(label, x, y)]), decoded(highs[at(label, x, y)]));
    },
    header: ['layer', 'bin', 'label', 'mean_effect', 'lowest', 'highest', 'light_up', 'go_dark'],
    rows: (label) => family.layers.flatMap((layer, y) => Array.from({ length: bins }, (_, x) => {
      const bin = at(label, x, y);
      return [layer, x, meta.labels[label], decoded(means[bin]), decoded(lows[bin]), decoded(highs[bin]), lit[bin], dim[bin]];
    })),
  };
}

const cellsOf = (family) => (family.bins ? binCells(family) : unitCells(family));

function drawFamily(parent, family, label) {
  const cells = cellsOf(family);
  const rows = family.layers.length;
  grid(figure(parent, `${family.words}, for ${labelName(label)}`, family.pattern), {
    xs: Array.from({ length: cells.columns }, (_, x) => x), ys: family.layers, xTitle: cells.xTitle, yTitle: family.layered ? 'layer' : '',
    height: family.bins ? Math.max(190, 60 + rows * 15) : Math.max(240, 60 + rows * 24),
    alt: cells.alt,
    legend: effectLegend(family),
    fill: (x, y) => cells.fill(label, x, y),
    describe: (x, y) => cells.describe(label, x, y),
    pick: (x, y) => cells.pick(label, x, y),
    csv: () => [cells.header, ...cells.rows(label)],
  });
}

// All labels of a family, small and at once, on one scale.
function glance(parent, family, chosen, pick) {
  const cells = cellsOf(family);
  return tiles(figure(parent, `${family.words}, for all labels`, family.pattern), {
    what: `${family.words}, for all ${meta.labels.length} labels, layer by column`, names: meta.labels, chosen, pick,
    about: (label) => {
      const [lit, dim] = family.counts(label);
      return `${lit} lit, ${dim} dark`;
    },
    columns: cells.columns, rows: family.layers.length, seams: !family.bins,
    fill: cells.fill, describe: cells.describe, legend: effectLegend(family),
    csv: () => [cells.header, ...meta.labels.flatMap((_, label) => cells.rows(label))],
  });
}

// First all labels at a glance, then one of them, or two, large.
function mri(section) {
  const above = element('div', null, { class: 'controls' });
  const all = element('div');
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  panels.style.setProperty('--wide', '480px');
  let isPair = false;
  let small = null;
  const chosen = [0, Math.min(1, meta.labels.length - 1)];
  const draw = () => {
    clear(panels);
    const labels = isPair ? chosen : [chosen[0]];
    families.forEach((family) => labels.forEach((label) => drawFamily(panels, family, label)));
    second.parentElement.hidden = !isPair;
    say(labels.map((label) => meta.labels[label]).join(' beside '));
  };
  const show = (label) => {
    chosen[0] = label;
    first.value = label;
    small.choose(label);
    draw();
    unitTable.show(label);
    chosenUnit.follow(label);
  };
  const drawAll = (family) => {
    clear(all);
    small = glance(all, families[family], chosen[0], show);
  };
  if (families.length > 1) {
    section.append(above);
    choice(above, 'All labels', families.map((family) => family.words), 0, drawAll).id = 'mri-of';
  }
  section.append(all, controls, panels);
  choice(controls, 'Large', ['one label', 'two labels side by side'], 0, (value) => { isPair = value === 1; draw(); }).id = 'mri-mode';
  const first = choice(controls, 'Label', meta.labels, 0, show);
  const second = choice(controls, 'beside', meta.labels, chosen[1], (value) => { chosen[1] = value; draw(); });
  first.id = 'mri-label';
  second.id = 'mri-beside';
  const box = element('figure', null, { id: 'detail', tabindex: '-1' });
  box.append(element('p', `Choose a unit above or in the table: its value for each prompt is shown here${meta.texts || meta.contexts ? ', and what it does within texts' : ''}.`));
  section.append(box, ...textPlaces());
  drawAll(0);
  draw();
}

// The unit that somebody chose in a picture or a table. What shows something of it watches: `onChoice(family, id, label)` is called when
// one is chosen, `onLabel(family, id, label)` when another label is.
const chosenUnit = {
  unit: null,
  watchers: [],
  watch(onChoice, onLabel) { this.watchers.push({ onChoice, onLabel }); },
  choose(family, id, label) {
    this.unit = { family, id };
    this.watchers.forEach(({ onChoice }) => onChoice(family, id, label));
  },
  follow(label) {
    if (this.unit) this.watchers.forEach(({ onLabel }) => onLabel(this.unit.family, this.unit.id, label));
  },
};
chosenUnit.watch(detail, unitFacts);

// A unit's value for each prompt, with the texts.
function detail(family, id, label) {
  drawNow('mri');
  const box = document.getElementById('detail');
  clear(box);
  const row = family.row(id);
  const fig = figure(box, `${family.name(id)}: value for each prompt`, family.pattern);
  box.append(...fig.box.childNodes);
  fig.box.remove();
  const values = row === undefined ? null : family.values(row);
  if (!values) {
    fig.readout.textContent = `Values by prompt are in this page for the ${family.keeps} ${family.kind}s that tell labels apart best; ${family.name(id)} is not among them.`;
    box.focus();
    return;
  }
  box.insertBefore(element('p', '', { id: 'detail-unit' }), fig.chart);
  if (family.halves) box.insertBefore(element('p', '', { id: 'detail-halves' }), fig.chart);
  unitFacts(family, id, label);
  const order = values.map((_, prompt) => prompt)
    .sort((a, b) => (Number.isNaN(values[a]) - Number.isNaN(values[b])) || values[b] - values[a] || a - b);
  dots(fig, family.name(id), values);
  const list = element('ol', null, { 'aria-label': 'Prompts, highest value first', tabindex: '0' });
  order.forEach((prompt) => list.append(promptItem(prompt, values[prompt])));
  box.append(list);
  box.focus();
}

// What is said of the chosen unit for a label.
function unitFacts(family, id, label) {
  const row = family.row(id);
  const [facts, halves] = ['detail-unit', 'detail-halves'].map((each) => document.getElementById(each));
  if (facts) facts.textContent = told(family, id, label, family.response(label, row));
  if (halves) {
    const [one, other] = family.inHalves(label, row);
    halves.textContent = `In either half of the prompts: AUROC ${number(one, 2)} and ${number(other, 2)}.`;
  }
}

// A prompt's text, as much of it as the page has.
function promptText(prompt) {
  const { text: held, of } = meta.prompts[prompt];
  return of ? `${held} (${of} characters in all)` : held;
}

function promptItem(prompt, value) {
  const item = element('li');
  const text = promptText(prompt);
  // A long one scrolls.
  item.append(element('strong', number(value, 4)), ' ', element('bdi', short(meta.labels[meta.prompts[prompt].label], 60)), ' ',
    element('bdi', short(meta.prompts[prompt].id, 60)), element('bdi', text, { class: 'text', ...(text.length > 200 ? { tabindex: '0' } : {}) }));
  return item;
}

function dots(fig, name, values) {
  const points = values.map((value, prompt) => [Number.isFinite(value) ? value : null, meta.prompts[prompt].label, prompt]);
  const names = axisNames(meta.labels, 14);
  let at = 0;
  const cursor = {
    at: () => points[at],
    move: (x, y) => { at = bounded(at + (x || y), points.length); },
    describe: ([, , prompt]) => `${apart(short(meta.prompts[prompt].id, 40))} (${labelName(meta.prompts[prompt].label)}): ${number(values[prompt], 4)}. ${apart(short(meta.prompts[prompt].text, 200))}`,
  };
  const option = () => ({
    ...base(),
    grid: { left: 110, right: 16, top: 8, bottom: 44 },
    xAxis: { ...ticks(values), name: 'value', nameGap: 26, ...axisLook(), splitLine: { lineStyle: { color: colour('line') } } },
    yAxis: { type: 'category', inverse: true, data: meta.labels.map((_, label) => label), ...axisLook(),
      axisLabel: { color: colour('text'), formatter: (label) => apart(names[label]) } },
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

const halvesOf = (family, label, row) => {
  if (!family.halves) return {};
  const [first, second] = family.inHalves(label, row);
  return { first, second };
};

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
          rows.push({ family: each, id, unit: each.name(id), of: each.words, effect: response.effect, auroc: response.auroc,
            q: response.q, call: measured(response) ? call(response) : 'not measured', ...halvesOf(each, label, row) });
        }
      }
    });
    this.made.replaceData(rows);
    const kept = families.every((each) => each.whole) ? '' : ', of those that this page keeps: the ones that tell labels apart best (units.csv of a scan has all)';
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
    { title: 'Of', field: 'of', headerFilter: 'input', formatter: 'plaintext', minWidth: 200, widthGrow: 2, responsive: 3 },
    { title: 'Effect', field: 'effect', sorter: 'number', formatter: digits(3, true), ...filter('< -0.5'), minWidth: 64 },
    { title: 'AUROC', field: 'auroc', sorter: 'number', formatter: digits(3), ...filter('> 0.9'), minWidth: 64 },
    { title: 'q', field: 'q', sorter: 'number', formatter: (cell) => small(cell.getValue()), ...filter('< 0.01'), minWidth: 64, responsive: 1 },
    { title: 'Call', field: 'call', headerFilter: 'input', minWidth: 90, responsive: 2 },
    ...(families.some((each) => each.halves) ? [
      { title: '1st half', field: 'first', sorter: 'number', formatter: digits(2), ...filter('> 0.8'), minWidth: 84, responsive: 4 },
      { title: '2nd half', field: 'second', sorter: 'number', formatter: digits(2), ...filter('> 0.8'), minWidth: 84, responsive: 4 },
    ] : []),
  ], [], (row) => chosenUnit.choose(row.family, row.id, Number(unitTable.select.value)), 420);
  made.on('tableBuilt', () => {
    unitTable.made = made;
    made.setSort('auroc', 'desc');
    unitTable.pending = unitTable.pending || [0];
    unitTable.fill();
  });
}

// What is used? What each label would lose without a unit, as gradients estimate it, beside what lights up.
class Used {
  constructor(facts) {
    Object.assign(this, facts);
    ['target', 'effect', 'low', 'high', 'others', 'q', 'ownQ', 'needed', 'auroc', 'lit'].forEach((name) => { this[name] = array(`used.${name}`); });
    let next = 0;
    this.firsts = this.counts.map((count) => { next += count; return next - count; });
    this.change = this.falls ? 'fall' : 'rise';
    this.outcomeName = this.outcome.replace(/ \(.*\)$/, '');
  }

  // The label's rows, those that it uses most first.
  rows(label) { return Array.from({ length: this.counts[label] }, (_, row) => this.firsts[label] + row); }
  unit(row) { return this.targets[this.target[row]]; }
  own(row) { return this.effect[row] - this.others[row]; }
  isHead(row) { return this.unit(row).head !== undefined; }

  told(row, label) {
    const lit = Number.isNaN(this.auroc[row]) ? '' : `; AUROC ${number(this.auroc[row], 3)}${this.lit[row] ? ', lights up' : ''}`;
    return `${apart(short(this.unit(row).name, 60))}, ${labelName(label)}: ${this.change} by ${signed(this.effect[row], 3)} [${signed(this.low[row], 3)}, ${signed(this.high[row], 3)}] without it, q ${small(this.q[row])}; `
      + `others ${signed(this.others[row], 3)}, difference q ${small(this.ownQ[row])}${lit}; ${this.needed[row] ? 'used' : 'not told from noise, or not this label’s own'}`;
  }
}

function used(section) {
  const each = new Used(meta.used);
  const rank = (what, value) => (value == null ? '' : ` Over ${what} and labels, Spearman’s rank correlation of the two is ${signed(value, 3)}.`);
  section.append(element('p', `Each point is a unit. To the right it lights up for the label (AUROC: 0.5 tells nothing); upward the label uses it: by how much more its ${each.outcomeName} would ${each.change} without the unit `
    + 'than that of all other prompts would. Bright and unused units are at the lower right, used ones that hardly light up at the upper left. The difference of filled points is told from noise, at a false discovery rate of 5 % over all units and labels.'
    + (each.whole ? '' : ' Where there are many units, the picture and the table have those that the label uses most, the brightest, and an even sample of all.')),
  element('p', `Is what lights up used?${rank('heads', each.rankOfHeads)}${rank('other units', each.rankOfOthers)} At 1, the brighter would always be the more used; at 0, brightness would say nothing of it.`));
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  const draw = (label) => {
    clear(panels);
    lightsAgainstUse(panels, each, label, true);
    usedHeads(panels, each, label);
    lightsAgainstUse(panels, each, label, false);
  };
  choice(controls, 'Label', meta.labels, 0, draw);
  draw(0);
  if (each.check) checkedEstimates(section, each);
  usedTable(section, each);
  section.append(element('h3', 'What this does not show'), element('p', 'An estimate follows the gradient along a straight line. It is wrong where the network bends between a value and its replacement, above all where attention is saturated; '
    + `${each.check ? 'the check shows how far. ' : 'measure some effects by switching units off. '}Units that stand in for one another may each seem unused.`));
}

// What heads do is larger than what one neuron does, so that they have a picture of their own.
function lightsAgainstUse(panels, each, label, heads) {
  const points = each.rows(label).filter((row) => each.isHead(row) === heads && Number.isFinite(each.auroc[row]))
    .map((row) => ({ row, x: each.auroc[row], y: each.own(row), hollow: !(each.ownQ[row] <= 0.05), hue: () => LINES[heads ? 1 : 0], size: heads ? 10 : 6 }));
  if (!points.length) return;
  scatter(figure(panels, `${heads ? 'Heads' : 'Other units'} that light up and are used: ${labelName(label)}`), {
    points, xTitle: 'lights up (AUROC)', yTitle: 'is used, above others',
    alt: 'A point for each unit: to the right it lights up for the label, upward the label uses it.',
    describe: (point) => each.told(point.row, label),
    csv: () => [['unit', 'label', 'auroc', 'effect', 'others', 'difference_q'], ...points.map(({ row }) => [each.unit(row).name, meta.labels[label], each.auroc[row], each.effect[row], each.others[row], each.ownQ[row]])],
  });
}

// The same heads twice, so that one sees where both agree.
function usedHeads(panels, each, label) {
  const heads = new Map(each.rows(label).filter((row) => each.isHead(row)).map((row) => [`${each.unit(row).layer}/${each.unit(row).head}`, row]));
  if (heads.size < 2) return;
  const all = [...heads.values()];
  const layers = [...new Set(all.map((row) => each.unit(row).layer))].sort((a, b) => a - b);
  const width = Math.max(...all.map((row) => each.unit(row).head)) + 1;
  const most = Math.max(...all.map((row) => Math.abs(each.own(row))), 1e-9);
  const at = (x, y) => heads.get(`${layers[y]}/${x}`);
  const draw = (title, alt, limit, legend, strength) => grid(figure(panels, title), {
    xs: Array.from({ length: width }, (_, head) => head), ys: layers, xTitle: 'head', yTitle: 'layer', height: Math.min(520, 70 + 34 * layers.length), alt, legend,
    fill: (x, y) => (at(x, y) === undefined ? colour('panel') : around(strength(at(x, y)), limit)),
    describe: (x, y) => (at(x, y) === undefined ? `layer ${layers[y]}, head ${x}: not measured` : each.told(at(x, y), label)),
    csv: () => [['layer', 'head', 'label', 'effect', 'others', 'auroc'], ...all.map((row) => [each.unit(row).layer, each.unit(row).head, meta.labels[label], each.effect[row], each.others[row], each.auroc[row]])],
  });
  draw(`Heads that it uses: ${labelName(label)}`, 'Red: without the head the label would get worse, above others.', most,
    () => aroundLegend(most, '', ' used'), (row) => each.own(row));
  draw(`Heads that light up: ${labelName(label)}`, 'Red lights up for the label, blue goes dark.', 1,
    () => ({ diverging: true, from: 'AUROC 0', to: '1 lit' }), (row) => 2 * each.auroc[row] - 1);
}

function checkedEstimates(section, each) {
  const { check } = each;
  const [checked, estimate] = [array('used.checked'), array('used.estimate')];
  const labels = meta.labels.length;
  section.append(element('h3', 'Do estimates hold?'), element('p', `${check.of} units were switched off, one at a time, and each label’s prompts run again. On the line an estimate is right. `
    + `Spearman’s rank correlation of estimates and measured effects, over these units and labels, is ${signed(check.rank ?? NaN, 3)}; of their differences from the others’, ${signed(check.rankOfOwn ?? NaN, 3)}.`));
  const panels = element('div', null, { class: 'panels' });
  section.append(panels);
  const points = Array.from(checked, (y, row) => ({ row, label: row % labels, x: estimate[row], y })).filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const name = ({ row }) => check.targets[Math.floor(row / labels)];
  scatter(figure(panels, 'Estimated and measured effects'), {
    points: points.map((point) => ({ ...point, hue: () => labelHue(point.label) })), xTitle: 'estimated effect', yTitle: 'measured effect', diagonal: true, legend: labelChips,
    alt: 'A point for each unit and label. On the line the estimate is what was measured.',
    describe: (point) => `${apart(short(name(point), 60))}, ${labelName(point.label)}: estimated ${signed(point.x, 3)}, measured ${signed(point.y, 3)}`,
    csv: () => [['unit', 'label', 'estimated', 'measured'], ...points.map((point) => [name(point), meta.labels[point.label], point.x, point.y])],
  });
}

function usedTable(section, each) {
  const most = Math.max(20, Math.floor(5000 / meta.labels.length));
  const rows = meta.labels.flatMap((name, label) => each.rows(label).slice(0, most).map((row) => ({
    unit: short(each.unit(row).name, 60), label: short(name, 60), effect: each.effect[row], low: each.low[row], high: each.high[row], q: each.q[row], others: each.others[row], own: each.own(row),
    ownQ: each.ownQ[row], auroc: each.auroc[row], used: each.needed[row] ? 'yes' : '', lit: each.lit[row] ? 'yes' : '' }))).sort((a, b) => b.own - a.own);
  const box = element('div');
  section.append(box);
  const plus = (cell) => (Number.isNaN(cell.getValue()) ? '' : signed(cell.getValue(), 3));
  const filtered = { headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 0.05' };
  table(box, 'what is used', [
    { title: 'Unit', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3', formatter: 'plaintext', minWidth: 90 },
    { title: 'Label', field: 'label', headerFilter: 'input', formatter: 'plaintext', minWidth: 110 },
    { title: 'Estimate', field: 'effect', sorter: 'number', formatter: plus, ...filtered, minWidth: 90 },
    { title: 'from', field: 'low', sorter: 'number', formatter: plus, minWidth: 80, responsive: 2 },
    { title: 'to', field: 'high', sorter: 'number', formatter: plus, minWidth: 80, responsive: 2 },
    { title: 'q', field: 'q', sorter: 'number', formatter: tiny, minWidth: 76 },
    { title: 'Others', field: 'others', sorter: 'number', formatter: plus, minWidth: 86 },
    { title: 'Difference', field: 'own', sorter: 'number', formatter: plus, ...filtered, minWidth: 100 },
    { title: 'its q', field: 'ownQ', sorter: 'number', formatter: tiny, minWidth: 76, responsive: 1 },
    { title: 'AUROC', field: 'auroc', sorter: 'number', formatter: (cell) => (Number.isNaN(cell.getValue()) ? '' : number(cell.getValue(), 3)), ...filtered, headerFilterPlaceholder: '> 0.8', minWidth: 86 },
    { title: 'Used', field: 'used', headerFilter: 'input', headerFilterPlaceholder: 'yes', minWidth: 76 },
    { title: 'Lights up', field: 'lit', headerFilter: 'input', headerFilterPlaceholder: 'yes', minWidth: 84 },
  ], rows, null, 360);
}

// Labels of tokens: which units respond to them, within prompts.
// How the heads of one kind respond to each label of tokens.
class TokenHeads {
  constructor(facts, labels) {
    Object.assign(this, facts, { labels });
    this.aurocs = array(`${facts.array}.auroc`);
    this.qs = array(`${facts.array}.q`);
    this.count = this.layers.length * this.width;
  }

  response(label, x, y) {
    const at = label * this.count + y * this.width + x;
    return { auroc: this.aurocs[at] === 65535 ? NaN : this.aurocs[at] / 60000, q: this.qs[at] };
  }

  labelName(label) { return apart(short(this.labels[label], 40)); }

  name(x, y) { return `${this.layered ? 'L' : ''}${this.layers[y]}${this.layered ? '' : ' '}H${x}`; }

  // How far from one half the AUROC is of those that pass, at most; in twentieths.
  limit() {
    let most = 0;
    this.aurocs.forEach((auroc, at) => { if (auroc !== 65535 && this.qs[at] <= meta.criterion) most = Math.max(most, Math.abs(auroc / 60000 - 0.5)); });
    return Math.max(0.05, Math.ceil(most * 20 - 1e-9) / 20);
  }
}

const brighter = (response) => (Number.isNaN(response.auroc) ? 'not measured' : !(response.q <= meta.criterion) ? 'fails the false discovery rate'
  : response.auroc > 0.5 ? 'brighter there' : 'darker there');

function tokenLabels(section) {
  meta.tokenLabels.forEach((all, index) => eachTokenLabel(section, all, index));
}

function eachTokenLabel(section, all, index) {
  const heads = all.families.map((facts) => new TokenHeads(facts, all.labels));
  const facts = [`${all.units} units`, `${all.labels.length === all.of ? all.of : `${all.labels.length} of ${all.of}`} labels`];
  section.append(element('h3', apart(sentence(short(all.name, 60)))), element('p', `${facts.join(', ')}. An AUROC of 1: a token of the label is always above the others of its prompt; 0: always below; 0.5: it tells nothing.`));
  const pictures = element('div');
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  panels.style.setProperty('--wide', '480px');
  const what = element('p', '', { class: 'token-label-what' });
  section.append(pictures, controls, what, panels);
  let made = null;
  let chosen = 0;
  const fill = () => { if (made) made.replaceData(tokenRows(all, chosen)); };
  const show = (label) => {
    chosen = label;
    select.value = label;
    glances.forEach((each) => each.choose(label));
    clear(panels);
    heads.forEach((each) => drawTokenHeads(panels, each, label));
    const lost = all.notMeasured[label] ? ` ${all.notMeasured[label]} units could not be measured for it.` : '';
    what.textContent = `${apart(short(all.labels[label], 40))}: counts in ${all.prompts[label]} prompts; ${all.passing[label]} of ${all.units} units pass q ≤ ${meta.criterion}.${lost}`;
    fill();
  };
  const select = choice(controls, 'Label of tokens', all.labels, 0, show);
  select.id = `token-label-${index}`;
  const glances = heads.map((each) => tokenGlance(pictures, each, show));
  show(0);
  const box = element('div');
  section.append(box);
  box.append(element('p', `For each label ${[all.heads ? `${all.heads} heads` : '', all.others ? `${all.others} other units` : ''].filter(Boolean).join(' and ')}: those whose AUROC is farthest from 0.5.`));
  const filter = (placeholder) => ({ headerFilter: 'input', headerFilterPlaceholder: placeholder, headerFilterFunc: numberFits });
  const table_ = table(box, `labels of tokens: ${short(all.name, 60)}`, [
    { title: 'Unit', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3H5', formatter: 'plaintext', minWidth: 76 },
    { title: 'Of', field: 'of', headerFilter: 'input', formatter: 'plaintext', minWidth: 180, widthGrow: 2, responsive: 3 },
    { title: 'AUROC', field: 'auroc', sorter: 'number', formatter: (cell) => number(cell.getValue(), 3), ...filter('> 0.8'), minWidth: 76 },
    { title: 'Difference', field: 'difference', sorter: 'number', formatter: (cell) => signed(Number(cell.getValue().toPrecision(4)), 4), ...filter('> 0.1'), minWidth: 90, responsive: 1 },
    { title: 'd_z', field: 'dz', sorter: 'number', formatter: (cell) => signed(cell.getValue(), 3), ...filter('< -0.5'), minWidth: 76, responsive: 1 },
    { title: 'q', field: 'q', sorter: 'number', formatter: (cell) => small(cell.getValue()), ...filter('< 0.01'), minWidth: 76 },
    { title: 'Prompts', field: 'active', sorter: 'number', ...filter('> 10'), minWidth: 84, responsive: 2 },
  ], [], (row) => { if (row.family >= 0) chosenUnit.choose(families[row.family], row.id, chosenLabel()); }, 420);
  table_.on('tableBuilt', () => { made = table_; fill(); });
}

// The label that the page's first part shows.
const chosenLabel = () => Number(document.getElementById('mri-label').value);

const tokenLegend = (heads) => () => {
  const [low, high] = [0.5 - heads.limit(), 0.5 + heads.limit()].map((each) => number(each, 2));
  return { diverging: true, from: `darker, AUROC ${low}`, to: `${high}, brighter`, chips: [[() => colour('grey'), `fails q ≤ ${meta.criterion}`], [() => colour('panel'), 'not measured']] };
};

function tokenCells(heads) {
  const limit = heads.limit();
  return {
    fill: (label, x, y) => {
      const response = heads.response(label, x, y);
      return Number.isNaN(response.auroc) ? colour('panel') : response.q <= meta.criterion ? around(response.auroc - 0.5, limit) : colour('grey');
    },
    describe: (label, x, y) => {
      const response = heads.response(label, x, y);
      return `${heads.name(x, y)} at tokens of ${heads.labelName(label)}: AUROC ${number(response.auroc, 3)}, q ${small(response.q)}, ${brighter(response)}`;
    },
    rows: (label) => heads.layers.flatMap((layer, y) => Array.from({ length: heads.width }, (_, x) => {
      const { auroc, q } = heads.response(label, x, y);
      return [layer, x, heads.labels[label], auroc, q];
    })),
  };
}

const TOKEN_HEADER = ['layer', 'head', 'token_label', 'auroc', 'q'];

function tokenGlance(parent, heads, pick) {
  const { labels } = heads;
  const cells = tokenCells(heads);
  return tiles(figure(parent, `${heads.words}, at the tokens of all labels`, heads.pattern), {
    what: `${heads.words}, for all ${labels.length} labels of tokens, layer by head`, names: labels, chosen: 0, pick,
    about: (label) => {
      const passing = cells.rows(label).filter(([, , , , q]) => q <= meta.criterion);
      return `${passing.filter(([, , , auroc]) => auroc > 0.5).length} brighter, ${passing.filter(([, , , auroc]) => auroc < 0.5).length} darker`;
    },
    columns: heads.width, rows: heads.layers.length, seams: true, fill: cells.fill, describe: cells.describe, legend: tokenLegend(heads),
    csv: () => [TOKEN_HEADER, ...labels.flatMap((_, label) => cells.rows(label))],
  });
}

function drawTokenHeads(panels, heads, label) {
  const cells = tokenCells(heads);
  grid(figure(panels, `${heads.words}, at tokens of ${heads.labelName(label)}`, heads.pattern), {
    xs: Array.from({ length: heads.width }, (_, head) => head), ys: heads.layers, xTitle: 'head', yTitle: heads.layered ? 'layer' : '',
    height: Math.max(240, 60 + heads.layers.length * 24), alt: 'AUROC of the label’s tokens against the others of their prompts, for each head, by layer.',
    legend: tokenLegend(heads),
    fill: (x, y) => cells.fill(label, x, y), describe: (x, y) => cells.describe(label, x, y),
    pick: heads.family < 0 ? undefined : (x, y) => chosenUnit.choose(families[heads.family], y * heads.width + x, chosenLabel()),
    csv: () => [TOKEN_HEADER, ...cells.rows(label)],
  });
}

// The table's rows of a label, as they are ranked.
function tokenRows({ names, kinds, array: own }, chosen) {
  const of = (what) => array(`${own}.rows.${what}`);
  const [labels, unit, kind, family, id, auroc, difference, dz, q, active] = ['label', 'unit', 'kind', 'family', 'id', 'auroc', 'difference', 'dz', 'q', 'active'].map(of);
  return Array.from(labels, (label, row) => ({ label, unit: names[unit[row]], of: kinds[kind[row]], family: family[row], id: id[row], auroc: auroc[row] / 60000,
    difference: difference[row], dz: dz[row], q: q[row], active: active[row] })).filter(({ label }) => label === chosen).sort((a, b) => Math.abs(b.auroc - 0.5) - Math.abs(a.auroc - 0.5));
}

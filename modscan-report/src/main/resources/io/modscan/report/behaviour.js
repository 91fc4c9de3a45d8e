// How heads attend: a few numbers of each head, and for which labels they are others.
function behaviour(section) {
  const found = meta.behaviour.map((facts) => new Family(facts));
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  panels.style.setProperty('--wide', '340px');
  section.append(controls);
  if (found.some((each) => !each.whole)) {
    section.append(element('p', 'The page keeps the numbers that tell labels apart best; the others are grey. heads.csv of a scan has all.'));
  }
  section.append(panels);
  let made = null;
  let label = 0;
  const fill = () => { if (made) made.replaceData(behaviourRows(found, label)); };
  const draw = () => {
    clear(panels);
    found.forEach((each) => each.numbers.forEach((_, which) => behaviourGrid(panels, each, which, label)));
    fill();
  };
  choice(controls, 'Label', meta.labels, 0, (chosen) => { label = chosen; draw(); }).id = 'behaviour-label';
  draw();
  const filter = (placeholder) => ({ headerFilter: 'input', headerFilterPlaceholder: placeholder, headerFilterFunc: numberFits });
  const table_ = table(section, 'how heads attend', [
    { title: 'Head', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3H5', formatter: 'plaintext', minWidth: 76 },
    { title: 'What', field: 'what', headerFilter: 'input', formatter: 'plaintext', minWidth: 140, widthGrow: 2 },
    { title: 'Effect', field: 'effect', sorter: 'number', formatter: (cell) => signed(cell.getValue(), 3), ...filter('< -0.5'), minWidth: 64 },
    { title: 'AUROC', field: 'auroc', sorter: 'number', formatter: (cell) => number(cell.getValue(), 3), ...filter('> 0.9'), minWidth: 64 },
    { title: 'q', field: 'q', sorter: 'number', formatter: (cell) => small(cell.getValue()), ...filter('< 0.01'), minWidth: 64, responsive: 1 },
    { title: 'Call', field: 'call', headerFilter: 'input', formatter: 'plaintext', minWidth: 90, responsive: 2 },
  ], [], null, 360);
  table_.on('tableBuilt', () => { made = table_; fill(); });
}

const MORE = { 1: 'more', '-1': 'less' };

// The largest effects first.
const behaviourRows = (found, label) => found.flatMap((each) => Array.from({ length: each.listed }, (_, row) => {
  const response = each.response(label, row);
  const [unit, what] = each.parts(each.id(row));
  return { unit, what, effect: response.effect, auroc: response.auroc, q: response.q,
    call: measured(response) ? MORE[response.call] || '' : 'not measured' };
})).sort((a, b) => (Number.isNaN(a.auroc) - Number.isNaN(b.auroc)) || Math.abs(b.auroc - 0.5) - Math.abs(a.auroc - 0.5));

function behaviourGrid(panels, family, which, label) {
  const each = family.numbers.length;
  const id = (x, y) => y * family.width + x * each + which;
  const at = (x, y) => {
    const row = family.row(id(x, y));
    return row === undefined ? null : family.response(label, row);
  };
  const what = family.numbers[which];
  const told = (x, y) => {
    const response = at(x, y);
    if (!response) return `${family.parts(id(x, y))[0]}: not kept in this page`;
    const verdict = !measured(response) ? 'not measured' : MORE[response.call] ? `${MORE[response.call]} than for other labels` : 'not told from other labels, or too little';
    return `${family.parts(id(x, y))[0]}, ${what}, for ${labelName(label)}: effect ${signed(response.effect, 3)}, AUROC ${number(response.auroc, 3)}, q ${small(response.q)}, ${verdict}`;
  };
  grid(figure(panels, `${sentence(what)}, for ${labelName(label)}`, family.pattern), {
    xs: Array.from({ length: family.heads }, (_, head) => head), ys: family.layers, xTitle: 'head', yTitle: family.layered ? 'layer' : '',
    height: Math.max(190, 60 + 16 * family.layers.length),
    alt: 'Effect (Hedges’ g) on this number of each head, by layer. Red is more than for other labels, blue less.',
    legend: () => ({ ...aroundLegend(family.limit, 'less ', ' more'), chips: [[() => colour('grey'), 'no call']] }),
    fill: (x, y) => responseFill(family, at(x, y)),
    describe: told,
    csv: () => [['layer', 'head', 'what', 'label', 'effect', 'auroc', 'q'], ...family.layers.flatMap((layer, y) => Array.from({ length: family.heads }, (_, x) => [x, at(x, y)])
      .filter(([, response]) => response).map(([x, response]) => [layer, x, what, meta.labels[label], response.effect, response.auroc, response.q]))],
  });
}

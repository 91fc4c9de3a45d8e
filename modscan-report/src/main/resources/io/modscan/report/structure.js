// Modules, bases, subspaces and what heads attend to.
function modules(section) {
  meta.modules.forEach((found, index) => {
    const panels = element('div', null, { class: 'panels' });
    const kept = [];
    if (found.modules.length < found.found) kept.push(`The table has the first ${found.modules.length} of ${found.found} modules; modules.csv of a scan has all.`);
    const inModules = found.modules.reduce((sum, each) => sum + each.size, 0);
    if (found.units.length < inModules) kept.push(`The picture has ${found.units.length} of their ${inModules} units, of a large module a few.`);
    section.append(element('h3', found.of), element('p', [found.about, found.agreement, ...kept].filter(Boolean).join(' ')), panels);
    if (found.units.length > 1) {
      const fig = figure(panels, `How ${found.of} vary together`);
      const values = array(`modules${index}.correlations`);
      const edges = new Set();
      const names = new Map();
      let from = 0;
      for (let i = 1; i <= found.units.length; i++) {
        if (i === found.units.length || found.units[i].module !== found.units[from].module) {
          if (from > 0) edges.add(from);
          names.set(Math.floor((from + i - 1) / 2), `module ${found.units[from].module}`);
          from = i;
        }
      }
      const at = (x, y) => values[y * found.units.length + x] / 127;
      grid(fig, {
        xs: found.units.map((unit) => unit.name), ys: found.units.map((unit) => unit.name), down: true, left: 100,
        height: Math.min(520, Math.max(280, fig.box.clientWidth)), xEdges: edges, yEdges: edges, xGroups: names, yGroups: names,
        xTitle: '', yTitle: '', alt: 'Units in order of their modules; red pairs light up for the same prompts.',
        legend: () => ({ diverging: true, from: '−1', to: '+1' }),
        fill: (x, y) => around(at(x, y), 1),
        describe: (x, y) => `${found.units[y].name} and ${found.units[x].name}: correlation ${signed(at(x, y), 2)}, modules ${found.units[y].module} and ${found.units[x].module}`,
        csv: () => [['unit', 'other', 'correlation'], ...found.units.flatMap((a, y) => found.units.map((b, x) => [a.name, b.name, at(x, y)]))],
      });
    }
    const box = element('div');
    panels.append(box);
    const places = element('div');
    table(box, `modules of ${found.of}`, [
      { title: 'Module', field: 'module', sorter: 'number', minWidth: 96 },
      { title: 'Units', field: 'size', sorter: 'number', headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 5', minWidth: 76 },
      { title: 'Border', field: 'border', sorter: 'number', minWidth: 82, responsive: 3 },
      { title: 'Stability', field: 'stability', sorter: 'number', formatter: share, minWidth: 104 },
      { title: 'Correlation', field: 'correlation', sorter: 'number', formatter: digits(2), minWidth: 122, responsive: 1 },
      { title: 'p', field: 'p', sorter: 'number', formatter: tiny, minWidth: 64, responsive: 2 },
      { title: 'Topic', field: 'topic', headerFilter: 'input', formatter: 'plaintext', minWidth: 110 },
      { title: 'Share', field: 'share', sorter: 'number', formatter: digits(2), minWidth: 78, responsive: 1 },
      { title: 'Of all', field: 'base', sorter: 'number', formatter: digits(2), minWidth: 78, responsive: 2 },
      { title: 'q', field: 'q', sorter: 'number', formatter: tiny, minWidth: 64, responsive: 3 },
    ], found.modules, (row) => { pick.value = row.module; members(places, found, row.module); });
    const controls = element('div', null, { class: 'controls' });
    places.append(controls);
    const pick = choice(controls, 'Members of', found.members.map((group) => (group.module === '' ? 'the border: in no module for certain' : `module ${group.module}`)),
      0, (chosen) => members(places, found, chosen));
    const below = element('div', null, { class: 'panels' });
    section.append(below);
    below.append(places);
    members(places, found, 0);
    if (found.resolutions.length > 1) {
      const steps = element('div');
      steps.append(element('p', `Modules are those of resolution ${found.resolution}. What other resolutions give:`));
      below.append(steps);
      table(steps, `resolutions of ${found.of}`, [
        { title: 'Resolution', field: 'resolution', sorter: 'number', minWidth: 90 },
        { title: 'Modules', field: 'modules', sorter: 'number', minWidth: 80 },
        { title: 'Largest', field: 'largest', sorter: 'number', minWidth: 80, responsive: 1 },
        { title: 'Modularity', field: 'modularity', sorter: 'number', formatter: digits(3), minWidth: 90 },
        { title: 'Halves agree', field: 'halves', sorter: 'number', formatter: share, minWidth: 100 },
      ], found.resolutions);
    }
  });
}

// What is not known is an empty cell.
const digits = (count) => (cell) => (cell.getValue() == null ? '' : number(cell.getValue(), count));
const tiny = (cell) => (cell.getValue() == null ? '' : small(cell.getValue()));

// A number from 0 to 1, with a bar behind it.
function share(cell) {
  if (cell.getValue() == null) return '';
  const box = element('span', number(cell.getValue(), 2), { class: 'share' });
  box.style.setProperty('--share', `${100 * Math.min(1, Math.max(0, cell.getValue()))}%`);
  return box;
}

// Who is in the chosen module, or on the border.
function members(place, found, chosen) {
  [...place.children].slice(1).forEach((child) => child.remove());
  const group = found.members[chosen];
  if (!group) return;
  const box = element('div', null, { class: 'members' });
  place.append(box);
  const name = group.module === '' ? 'the border' : `module ${group.module}`;
  box.append(element('p', group.units.length < group.size
    ? `The ${group.units.length} surest of ${group.size} units; ${group.size - group.units.length} are left out. ${found.file || 'modules.csv'} of a scan has all.` : `${group.size} units, the surest first.`));
  const columns = [
    { title: 'Unit', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3', formatter: 'plaintext', minWidth: 90 },
    { title: 'Certainty', field: 'certainty', sorter: 'number', formatter: share, headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 0.9', minWidth: 90 },
    { title: 'Stability', field: 'stability', sorter: 'number', formatter: share, headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 0.5', minWidth: 90 },
  ];
  if (group.nearest) columns.push({ title: 'Nearest module', field: 'nearest', sorter: 'number', minWidth: 90 });
  table(box, `members of ${name} of ${found.of}`, columns, group.units.map((unit, i) => (
    { unit, certainty: group.certainty[i], stability: group.stability[i], nearest: group.nearest ? group.nearest[i] ?? '' : '' })), null, 320);
}

// How far two maps of modules agree.
function comparison(section) {
  meta.comparisons.forEach((each) => {
    const [one, other] = [apart(short(each.of, 60)), apart(short(each.other, 60))];
    const panels = element('div', null, { class: 'panels' });
    const facts = each.agreements.map((over) => `${over.over} (${over.units}): adjusted Rand index ${number(over.rand ?? NaN, 3)}, variation of information `
      + `${number(over.information ?? NaN, 3)} nats${over.normalised == null ? '' : ` (${number(over.normalised, 3)} of the most that so many units allow)`}.`);
    if (each.onlyInOne + each.onlyInOther > 0) facts.push(`${each.onlyInOne} units are in the first map only and ${each.onlyInOther} in the second only; they are not compared.`);
    section.append(element('h3', `${one} and ${other}`), ...facts.map((fact) => element('p', fact)), panels);
    if (each.rows > 0 && each.columns > 0) {
      const fig = figure(panels, 'Which modules overlap');
      const cells = new Map(each.picture.map(([y, x, jaccard, shared]) => [y * each.columns + x, { jaccard, shared }]));
      const at = (x, y) => cells.get(y * each.columns + x) ?? { jaccard: 0, shared: 0 };
      const names = (count) => Array.from({ length: count }, (_, module) => String(module));
      if (each.rows < each.modules || each.columns < each.otherModules) {
        fig.box.append(element('p', `The first ${each.rows} of ${each.modules} modules and the first ${each.columns} of ${each.otherModules}.`));
      }
      grid(fig, {
        xs: names(each.columns), ys: names(each.rows), down: true, height: Math.min(520, 120 + 24 * each.rows),
        xTitle: 'module of the second map', yTitle: 'of the first', alt: 'How far each module of the first map is the same as each of the second: the Jaccard index.',
        legend: () => ({ from: '0', to: '1' }),
        fill: (x, y) => between(at(x, y).jaccard, 0, 1),
        describe: (x, y) => `module ${y} of ${one} and module ${x} of ${other}: ${at(x, y).shared} units in common, Jaccard ${number(at(x, y).jaccard, 2)}`,
        csv: () => [['module', 'other', 'shared', 'jaccard'], ...names(each.rows).flatMap((_, y) => names(each.columns).map((__, x) => [y, x, at(x, y).shared, at(x, y).jaccard]))],
      });
    }
    const best = element('div');
    best.append(element('p', 'What each module is most like in the other map:'));
    panels.append(best);
    table(best, 'most similar modules', [
      { title: 'Of', field: 'map', headerFilter: 'input', minWidth: 70 },
      { title: 'Module', field: 'module', sorter: 'number', minWidth: 86 },
      { title: 'Most like', field: 'like', sorter: 'number', minWidth: 96 },
      { title: 'Jaccard', field: 'jaccard', sorter: 'number', formatter: share, minWidth: 80 },
      { title: 'In common', field: 'shared', sorter: 'number', minWidth: 108, responsive: 1 },
      { title: 'q', field: 'q', sorter: 'number', formatter: tiny, minWidth: 64, responsive: 2 },
    ], each.counterparts);
    const overlaps = element('div');
    overlaps.append(element('p', each.overlaps.length < each.found
      ? `The ${each.overlaps.length} largest of ${each.found} overlaps:` : 'Each pair of modules with a unit in common:'));
    section.append(overlaps);
    table(overlaps, 'overlaps of modules', [
      { title: 'First', field: 'one', sorter: 'number', minWidth: 64 },
      { title: 'Second', field: 'other', sorter: 'number', minWidth: 64 },
      { title: 'In common', field: 'shared', sorter: 'number', headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 5', minWidth: 90 },
      { title: 'By chance', field: 'expected', sorter: 'number', formatter: digits(1), minWidth: 80, responsive: 1 },
      { title: 'Jaccard', field: 'jaccard', sorter: 'number', formatter: share, minWidth: 80 },
      { title: 'q', field: 'q', sorter: 'number', formatter: tiny, minWidth: 64, responsive: 2 },
    ], each.overlaps);
  });
}

function bases(section) {
  const panels = element('div', null, { class: 'panels' });
  section.append(panels);
  meta.bases.forEach((family) => {
    const fig = figure(panels, `Variance that components explain (${within(family)})`, family.pattern);
    const most = Math.max(...family.curves.map((curve) => curve.shares.length));
    if (family.curves.some((curve) => curve.rank > curve.shares.length)) {
      fig.box.append(element('p', `The first ${most} of up to ${Math.max(...family.curves.map((curve) => curve.rank))} components.`));
    }
    const xs = Array.from({ length: most }, (_, k) => k + 1);
    curves(fig, {
      xs, xTitle: 'components', yTitle: 'share of variance',
      series: family.curves.map((curve) => ({ name: family.layered ? `layer ${curve.layer}` : curve.layer, values: xs.map((_, k) => curve.shares[k] ?? null) })),
      alt: 'How much of the variance the first components explain, a curve for each layer; later layers are lighter.',
      describe: (s, x) => `${family.layered ? 'Layer ' : ''}${family.curves[s].layer}: ${x + 1} components explain ${value(family.curves[s].shares[x] ?? null)}; effective rank ${number(family.curves[s].effectiveRank ?? NaN, 1)}`,
      csv: () => [['layer', 'components', 'share'], ...family.curves.flatMap((curve) => curve.shares.map((share, k) => [curve.layer, k + 1, share]))],
    });
  });
}

// Of what is known among the pairs of a square, each of which is in it twice.
function quartiles(square) {
  const known = square.filter((each) => each != null).sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((share) => {
    const at = share * (known.length - 1);
    const low = known[Math.floor(at)];
    return known.length ? low + (at - Math.floor(at)) * (known[Math.ceil(at)] - low) : null;
  });
}

function angles(section) {
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  const all = meta.angles;
  let layer = all.layers.length - 1;
  const draw = () => {
    clear(panels);
    const fig = figure(panels, 'Overlap of labels’ subspaces over layers', all.pattern);
    const series = [{ name: 'overlap', values: all.overlap }, { name: 'of pairs’ differences', values: all.paired, hollow: all.p.map((p) => !(p <= 0.05)) },
      { name: 'of shuffled differences', values: all.shuffled }];
    curves(fig, {
      xs: all.layers, series, xTitle: 'layer', yTitle: 'mean overlap', alt: 'Mean squared cosine of principal angles between labels. What is tested is that of differences between two prompts. Hollow: p > 0.05.',
      describe: (s, x) => `${series[s].name}, layer ${all.layers[x]}: ${value(series[s].values[x])}, p ${small(all.p[x] ?? NaN)}`,
      csv: () => [['layer', 'overlap', 'paired', 'shuffled', 'p'], ...all.layers.map((each, x) => [each, all.overlap[x] ?? '', all.paired[x] ?? '', all.shuffled[x] ?? '', all.p[x] ?? ''])],
    });
    const closest = figure(panels, 'Smallest principal angle over layers', all.pattern);
    const middle = all.smallest.map(quartiles);
    curves(closest, {
      xs: all.layers, xTitle: 'layer', yTitle: 'degrees', series: [{ name: 'median of pairs, with quartiles',
        low: middle.map((each) => each[0]), values: middle.map((each) => each[1]), high: middle.map((each) => each[2]) }],
      alt: 'How far apart the closest directions of two labels are: the median of all pairs of labels, bars from the lower to the upper quartile.',
      describe: (s, x) => `layer ${all.layers[x]}: half of all pairs of labels are from ${value(middle[x][0])}° to ${value(middle[x][2])}°, the median is ${value(middle[x][1])}°`,
      csv: () => [['layer', 'lower_quartile', 'median', 'upper_quartile'], ...all.layers.map((each, x) => [each, ...middle[x]])],
    });
    const matrixFig = figure(panels, `Smallest principal angle, layer ${all.layers[layer]}`, all.pattern);
    const count = meta.labels.length;
    const at = (x, y) => all.smallest[layer][y * count + x] ?? NaN;
    const names = new Map(meta.labels.map((name, index) => [index, name]));
    grid(matrixFig, {
      xs: meta.labels, ys: meta.labels, down: true, left: 100, height: 360, xGroups: names, yGroups: names, xTitle: '', yTitle: '',
      alt: 'Degrees between each pair of labels; 0 means that they share a direction.',
      legend: () => ({ from: '0°', to: '90°' }),
      fill: (x, y) => (x === y ? colour('grey') : between(at(x, y), 0, 90)),
      describe: (x, y) => (x === y ? labelName(x) : `${labelName(y)} and ${labelName(x)}: ${number(at(x, y), 1)}°`),
      csv: () => [['label', 'other', 'degrees'], ...meta.labels.flatMap((a, y) => meta.labels.map((b, x) => [a, b, at(x, y)]))],
    });
  };
  choice(controls, 'Layer', all.layers, layer, (chosen) => { layer = chosen; draw(); });
  draw();
}

function attention(section) {
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  const all = meta.attention;
  const at = [0, all.layers.length - 1, 0];
  const draw = () => {
    clear(panels);
    const [which, layer, head] = at;
    const { tokens, prompt, of } = all.prompts[which];
    const count = tokens.length;
    const values = array(`attention${which}`).subarray((layer * all.heads + head) * count * count);
    const fig = figure(panels, `What L${all.layers[layer]}H${head} attends to in prompt ${apart(short(meta.prompts[prompt].id, 40))}`, all.pattern);
    const share = (x, y) => values[y * count + x] / 255;
    const names = new Map(tokens.map((token, index) => [index, token]));
    grid(fig, {
      xs: tokens, ys: tokens, down: true, left: 100, height: Math.min(640, Math.max(300, 100 + 16 * count)),
      xGroups: names, yGroups: names, xTitle: '', yTitle: '', alt: 'Rows attend to columns.',
      legend: () => ({ from: '0', to: '1' }),
      fill: (x, y) => between(share(x, y), 0, 1),
      describe: (x, y) => `${apart(tokens[y])} (${y}) attends to ${apart(tokens[x])} (${x}): ${number(share(x, y), 2)}`,
      csv: () => [['query', 'query_token', 'key', 'key_token', 'share'], ...tokens.flatMap((a, y) => tokens.map((b, x) => [y, a, x, b, share(x, y)]))],
    });
    const box = element('div');
    if (tokens.length < of) box.append(element('p', `The first ${tokens.length} of ${of} tokens.`));
    box.append(element('p', promptText(prompt), { dir: 'auto' }));
    panels.append(box);
  };
  const names = all.prompts.map(({ prompt }) => `${labelName(meta.prompts[prompt].label, 20)}: ${apart(meta.prompts[prompt].text || meta.prompts[prompt].id)}`);
  choice(controls, 'Prompt', names, 0, (chosen) => { at[0] = chosen; draw(); });
  choice(controls, 'Layer', all.layers, at[1], (chosen) => { at[1] = chosen; draw(); });
  choice(controls, 'Head', Array.from({ length: all.heads }, (_, head) => head), 0, (chosen) => { at[2] = chosen; draw(); });
  draw();
}

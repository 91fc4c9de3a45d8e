// Does it do the work? What becomes of each label when units are switched off, beside what lights up.
const LABEL_HUES = [...LINES, '#882255', '#999933', '#6f5fd0', '#44aa99', '#aa4499', '#8b6d00'];
const labelHue = (label) => LABEL_HUES[label % LABEL_HUES.length];
const labelChips = () => ({ chips: meta.labels.length > 12 ? [] : meta.labels.map((name, label) => [() => labelHue(label), labelName(label, 24)]) });

// The effects of some targets, each on each label.
class Effects {
  constructor(facts) {
    Object.assign(this, facts);
    this.width = meta.labels.length;
    ['untouched', 'effect', 'low', 'high', 'q', 'others', 'selectiveQ', 'matched', 'matchedP', 'needed', ...(facts.lights ? ['auroc', 'lit'] : [])]
      .forEach((name) => { this[name] = array(`${facts.array}.${name}`); });
  }

  at(target, label) { return target * this.width + label; }
  selective(target, label) { return this.effect[this.at(target, label)] - this.others[this.at(target, label)]; }
  name(target) { return apart(short(this.targets[target].name, 60)); }

  // The label of the largest number; -1 where none is one.
  best(target, numberOf) {
    let best = -1;
    for (let label = 0; label < this.width; label++) {
      const value = numberOf(target, label);
      if (!Number.isNaN(value) && (best < 0 || value > numberOf(target, best))) best = label;
    }
    return best;
  }

  // A label that needs it goes before others, however large their differences are.
  needs(target) {
    const needed = this.best(target, (each, label) => (this.needed[this.at(each, label)] === 1 ? this.selective(each, label) : NaN));
    return needed >= 0 ? needed : this.best(target, (each, label) => this.selective(each, label));
  }
  lightsFor(target) { return this.lights ? this.best(target, (each, label) => this.auroc[this.at(each, label)]) : -1; }

  told(target, label) {
    const i = this.at(target, label);
    const random = Number.isNaN(this.matched[i]) ? '' : `; random units alike ${signed(this.matched[i], 3)}, p ${small(this.matchedP[i])}`;
    const lit = this.lights && !Number.isNaN(this.auroc[i]) ? `; AUROC ${number(this.auroc[i], 3)}` : '';
    return `${this.name(target)} off, ${labelName(label)}: ${signed(this.effect[i], 3)} [${signed(this.low[i], 3)}, ${signed(this.high[i], 3)}] on ${number(this.untouched[i], 3)}, q ${small(this.q[i])}; `
      + `others ${signed(this.others[i], 3)}, difference q ${small(this.selectiveQ[i])}${random}${lit}; ${this.needed[i] ? 'needed' : 'not told from noise, or not this label’s own'}`;
  }

  // Without the words that tell the unit of measurement.
  outcomeName() { return this.outcome.replace(/ \(.*\)$/, ''); }
}

function effects(section) {
  const each = meta.effects && new Effects(meta.effects);
  const found = meta.moduleEffects && new Effects(meta.moduleEffects);
  if (each) eachEffect(section, each);
  if (found) moduleEffects(section, found);
  if (meta.effectCurves.length) effectCurves(section);
  section.append(element('h3', 'What this does not show'),
    element('p', 'A unit without an effect may have a backup that takes its part when it is gone. A unit with one may only hand on what others compute. With a part switched off, '
      + 'the network is in a state that it was never trained in, and may fail for that alone: the mean is a mild replacement, zero is a harsh one. Effects of single units do not add up to that of all together.'));
}

function eachEffect(section, each) {
  const kept = each.targets.length < each.of ? ` The page has ${each.targets.length} of ${each.of} targets, those with the largest effects of one label’s own.` : '';
  section.append(element('p', `Each point is a unit, or several together, that was switched off; up is by how much the ${each.outcomeName()} of its own label rises, to the right that of all other prompts. `
    + 'On the line all rise alike: such a unit does something general. High above it one label needs the unit and the others don’t. '
    + (each.distance ? 'Filled points are told from noise: the label’s difference from the others’, at a false discovery rate of 5 %. That a distance is above 0 is tested by nothing. '
      : 'Filled points are told from noise: the label’s effect, and its difference from the others’, both at a false discovery rate of 5 %. ')
    + `Hollow ones are not.${kept}`));
  const ranks = each.lights ? element('p', `Does it light up for the labels that need it? Spearman’s rank correlation, over all units and labels, between the AUROC and the effect on the label is `
    + `${signed(each.rank ?? NaN, 3)}; between the AUROC and how far that effect is above the others’, ${signed(each.rankOfOwn ?? NaN, 3)}. At 1, the brighter would always be the more needed; at 0, brightness would say nothing of it.`) : null;
  if (ranks) section.append(ranks);
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  let own = 0;
  const draw = () => {
    clear(panels);
    ownAgainstOthers(panels, each, (target) => (own === 0 ? each.needs(target) : each.lightsFor(target)));
    if (each.targets.filter((target) => target.head !== undefined).length > 1) headGrids(panels, each);
  };
  if (each.lights) choice(controls, 'A unit’s own label is the one', ['that needs it most, above others', 'that it lights up for'], own, (chosen) => { own = chosen; draw(); });
  draw();
  effectTable(section, each);
}

function ownAgainstOthers(panels, each, ownOf) {
  const fig = figure(panels, 'Effect on the own label against the others');
  const points = each.targets.map((_, target) => ({ target, label: ownOf(target) })).filter((point) => point.label >= 0)
    .map(({ target, label }) => ({ target, label, x: each.others[each.at(target, label)], y: each.effect[each.at(target, label)], needed: each.needed[each.at(target, label)] === 1 }))
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  scatter(fig, {
    points: points.map((point) => ({ ...point, hue: () => labelHue(point.label), hollow: !point.needed })),
    xTitle: 'effect on the others', yTitle: 'effect on the own label', diagonal: true, legend: labelChips,
    alt: 'A point for each unit that was switched off, coloured by its own label. Filled points are needed by it.',
    describe: (point) => each.told(point.target, point.label),
    csv: () => [['unit', 'label', 'effect', 'others', 'needed'], ...points.map((point) => [each.targets[point.target].name, meta.labels[point.label], point.y, point.x, point.needed ? 'yes' : 'no'])],
  });
}

// Side by side, so that one sees where they agree.
function headGrids(panels, each) {
  const heads = new Map(each.targets.flatMap((target, index) => (target.head === undefined ? [] : [[`${target.layer}/${target.head}`, index]])));
  const layers = [...new Set(each.targets.filter((target) => target.head !== undefined).map((target) => target.layer))].sort((a, b) => a - b);
  const width = Math.max(...each.targets.map((target) => target.head ?? 0)) + 1;
  const at = (x, y) => heads.get(`${layers[y]}/${x}`);
  const most = Math.max(...[...heads.values()].map((target) => each.selective(target, Math.max(0, each.needs(target)))).filter(Number.isFinite), 1e-9);
  const draw = (title, alt, labelOf, strength, passes) => {
    const fig = figure(panels, title);
    const known = (x, y) => at(x, y) !== undefined && labelOf(at(x, y)) >= 0;
    grid(fig, {
      xs: Array.from({ length: width }, (_, head) => head), ys: layers, xTitle: 'head', yTitle: 'layer', height: Math.min(520, 70 + 34 * layers.length), legend: labelChips, alt,
      fill: (x, y) => {
        if (!known(x, y)) return colour('panel');
        const [target, label] = [at(x, y), labelOf(at(x, y))];
        return passes(target, label) ? mix([colour('panel'), labelHue(label)], 0.3 + 0.7 * strength(target, label)) : colour('grey');
      },
      describe: (x, y) => (known(x, y) ? each.told(at(x, y), labelOf(at(x, y))) : `layer ${layers[y]}, head ${x}: not switched off`),
      csv: () => [['layer', 'head', 'label', 'effect', 'others', 'auroc'], ...layers.flatMap((layer, y) => Array.from({ length: width }, (_, x) => x).filter((x) => known(x, y)).map((x) => {
        const [target, label] = [at(x, y), labelOf(at(x, y))];
        return [layer, x, meta.labels[label], each.effect[each.at(target, label)], each.others[each.at(target, label)], each.lights ? each.auroc[each.at(target, label)] : ''];
      }))],
    });
    return fig;
  };
  const needing = draw('Which label needs each head most', 'Coloured by the label that needs the head most, above others; the fuller, the more. Grey is not told from noise.',
    (target) => each.needs(target), (target, label) => Math.sqrt(Math.max(0, each.selective(target, label)) / most), (target, label) => each.needed[each.at(target, label)] === 1);
  if (!each.lights) return;
  draw('Which label each head lights up for most', 'Coloured by the label of the largest AUROC; the fuller, the larger. Grey fails the criterion.',
    (target) => each.lightsFor(target), (target, label) => Math.max(0, 2 * each.auroc[each.at(target, label)] - 1), (target, label) => each.lit[each.at(target, label)] === 1);
  const needed = [...heads.values()].filter((target) => each.needed[each.at(target, Math.max(0, each.needs(target)))] === 1);
  const same = needed.filter((target) => each.needs(target) === each.lightsFor(target)).length;
  const lit = needed.filter((target) => each.lit[each.at(target, each.needs(target))] === 1).length;
  needing.box.append(element('p', `${needed.length} of ${heads.size} heads are needed by a label. Of these, ${lit} light up for it by a large effect, and of ${same} it is the label that they light up for most. Grey is not told from noise on the left, and too small an effect on the right.`));
}

function effectTable(section, each) {
  const most = 5000;
  const rows = each.targets.flatMap((target, index) => meta.labels.map((_, label) => ({ index, label })))
    .sort((a, b) => each.selective(b.index, b.label) - each.selective(a.index, a.label)).slice(0, most)
    .map(({ index, label }) => {
      const i = each.at(index, label);
      return { unit: short(each.targets[index].name, 60), label: short(meta.labels[label], 60), effect: each.effect[i], low: each.low[i], high: each.high[i], q: each.q[i], others: each.others[i],
        own: each.selective(index, label), ownQ: each.selectiveQ[i], matched: each.matched[i], auroc: each.lights ? each.auroc[i] : NaN, needed: each.needed[i] ? 'yes' : '' };
    });
  const box = element('div');
  section.append(box);
  const plus = (cell) => (Number.isNaN(cell.getValue()) ? '' : signed(cell.getValue(), 3));
  const filtered = { headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 0.05' };
  table(box, 'effects', [
    { title: 'Off', field: 'unit', headerFilter: 'input', headerFilterPlaceholder: 'such as L3', formatter: 'plaintext', minWidth: 90 },
    { title: 'Label', field: 'label', headerFilter: 'input', formatter: 'plaintext', minWidth: 110 },
    { title: 'Effect', field: 'effect', sorter: 'number', formatter: plus, ...filtered, minWidth: 86 },
    { title: 'from', field: 'low', sorter: 'number', formatter: plus, minWidth: 80, responsive: 2 },
    { title: 'to', field: 'high', sorter: 'number', formatter: plus, minWidth: 80, responsive: 2 },
    { title: 'q', field: 'q', sorter: 'number', formatter: tiny, minWidth: 76 },
    { title: 'Others', field: 'others', sorter: 'number', formatter: plus, minWidth: 86 },
    { title: 'Difference', field: 'own', sorter: 'number', formatter: plus, ...filtered, minWidth: 100 },
    { title: 'its q', field: 'ownQ', sorter: 'number', formatter: tiny, minWidth: 76, responsive: 1 },
    ...(rows.some((row) => !Number.isNaN(row.matched)) ? [{ title: 'Random', field: 'matched', sorter: 'number', formatter: plus, minWidth: 86, responsive: 1 }] : []),
    ...(each.lights ? [{ title: 'AUROC', field: 'auroc', sorter: 'number', formatter: (cell) => (Number.isNaN(cell.getValue()) ? '' : number(cell.getValue(), 3)), ...filtered, headerFilterPlaceholder: '> 0.8', minWidth: 86, responsive: 1 }] : []),
    { title: 'Needed', field: 'needed', headerFilter: 'input', headerFilterPlaceholder: 'yes', minWidth: 84 },
  ], rows, null, 360);
}

// Rows are modules, each with the mean of its random sets below it, columns labels.
function moduleEffects(section, found) {
  section.append(element('h3', 'Modules'), element('p', `By how much the ${found.outcomeName()} of each label rises when a whole module is switched off. A module of one label’s own is red in one column only; one that is red in all is everybody’s.`
    + (Array.from(found.matched).some((each) => !Number.isNaN(each)) ? ' Below each: the mean of random sets of as many units, of the same layers and about the same activation.' : '')));
  const lines = found.targets.flatMap((target, index) => {
    const own = { name: `${short(target.name, 40)}: ${target.units} units`, index, numbers: found.effect };
    return Number.isNaN(found.matched[found.at(index, 0)]) ? [own] : [own, { name: 'random, as many', index, numbers: found.matched }];
  });
  const at = (x, y) => lines[y].numbers[found.at(lines[y].index, x)];
  const limit = Math.max(...lines.flatMap((_, y) => meta.labels.map((__, x) => Math.abs(at(x, y)))).filter(Number.isFinite), 1e-9);
  const panels = element('div', null, { class: 'panels' });
  section.append(panels);
  const fig = figure(panels, 'Effect of each module on each label');
  grid(fig, {
    xs: meta.labels, ys: lines.map((line) => line.name), down: true, left: 230, named: 40, height: 90 + 26 * lines.length, xTitle: '', yTitle: '', xGroups: new Map(meta.labels.map((name, index) => [index, name])),
    alt: 'Modules down, labels across; red is worse without the module.', legend: () => aroundLegend(limit),
    text: (x, y) => signed(at(x, y), 2), strong: (x, y) => lines[y].numbers === found.effect && found.needed[found.at(lines[y].index, x)] === 1,
    fill: (x, y) => around(at(x, y), limit),
    describe: (x, y) => (lines[y].numbers === found.effect ? found.told(lines[y].index, x) : `random sets beside ${found.name(lines[y].index)}, ${labelName(x)}: ${signed(at(x, y), 3)}`),
    csv: () => [['switched off', ...meta.labels], ...lines.map((line, y) => [line.name, ...meta.labels.map((_, x) => at(x, y))])],
  });
  fig.box.append(element('p', 'Bold: the label needs the module, and more than others do, at a false discovery rate of 5 %.'));
}

// The same heights in both pictures, so that the ranking can be held against chance.
function effectCurves(section) {
  const all = meta.effectCurves;
  const verb = all[0].keepsOnly ? 'kept' : 'removed';
  const outcome = meta.curvesOutcome || 'outcome';
  section.append(element('h3', 'Curves'), element('p', all[0].keepsOnly
    ? 'Only the first of a ranking are kept, and all its other units are switched off. A good ranking brings its label (bold) back to where it was with few units.'
    : 'The first of a ranking are switched off, more and more of them. If it is the label’s own ranking, its curve (bold) leaves the start long before the others do, and before it does in a random order.'));
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  const own = all.filter((ranking) => ranking.own >= 0);
  const others = all.filter((ranking) => ranking.own < 0);
  // Rankings of one label stand side by side.
  const chosen = own.length ? [...new Set(own.map((ranking) => ranking.own))].map((label) => own.filter((ranking) => ranking.own === label)) : others.map((ranking) => [ranking]);
  let which = 0;
  let risen = 0;
  const draw = () => {
    clear(panels);
    const beside = own.length ? [...chosen[which], ...others] : chosen[which];
    const height = (curve, value) => (value == null ? null : value - (risen ? 0 : curve.untouched));
    const shown = beside.flatMap((ranking) => ranking.curves.flatMap((curve) => curve.outcome.map((value) => height(curve, value)))).filter((value) => value != null);
    beside.forEach((ranking) => {
      const fig = figure(panels, `Share ${verb} by ${ranking.ranking}`);
      const bold = chosen[which][0].own;
      const [first] = ranking.curves;
      curves(fig, {
        xs: first.shares.map((share) => 100 * share), logarithmic: true, height: 340, range: shown,
        xTitle: `% of the ranking ${verb}`, yTitle: risen ? outcome : `rise of the ${outcome.replace(/ \(.*\)$/, '')}`,
        series: ranking.curves.map((curve) => ({ name: meta.labels[curve.label], hue: labelHue(curve.label), bold: curve.label === bold,
          values: curve.outcome.map((value) => height(curve, value)), ...(curve.label === bold ? { low: curve.low.map((value) => height(curve, value)), high: curve.high.map((value) => height(curve, value)) } : {}) })),
        alt: `Each label’s ${outcome} over the share that is ${verb}; bars are 95 % intervals.`,
        describe: (s, x) => {
          const curve = ranking.curves[s];
          return `${labelName(curve.label)}, first ${curve.units[x]} of ${ranking.ranking} ${verb} (${number(100 * curve.shares[x], 2)} %): ${value(curve.outcome[x])} `
            + `[${value(curve.low[x])}, ${value(curve.high[x])}]; untouched ${value(curve.untouched)}, all switched off ${value(curve.everything)}`;
        },
        csv: () => [['ranking', 'label', 'share', 'units', 'outcome', 'low', 'high', 'untouched', 'everything'], ...ranking.curves.flatMap((curve) => curve.shares.map((share, x) =>
          [ranking.ranking, meta.labels[curve.label], share, curve.units[x], curve.outcome[x], curve.low[x], curve.high[x], curve.untouched, curve.everything]))],
      });
    });
  };
  if (chosen.length > 1) choice(controls, 'Ranking', chosen.map((group) => (group.length > 1 ? labelName(group[0].own) : group[0].ranking)), 0, (next) => { which = next; draw(); });
  choice(controls, 'Height', [`rise above untouched`, outcome], 0, (next) => { risen = next; draw(); });
  draw();
}

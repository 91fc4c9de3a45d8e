// Is a response that of more than one half of the prompts? Each unit's AUROC in one half against that in the other.
const MOST_IN_BOTH_HALVES = 2000;

function halves(section) {
  const shown = families.filter((family) => family.halves);
  const step = (family) => Math.max(1, Math.ceil(family.listed / MOST_IN_BOTH_HALVES));
  const rowsOf = (family) => Array.from({ length: Math.ceil(family.listed / step(family)) }, (_, index) => index * step(family));
  const cut = shown.filter((family) => step(family) > 1 || !family.whole);
  if (cut.length) {
    section.append(element('p', `The pictures have ${cut.map((family) => `${rowsOf(family).length} of ${family.layers.length * family.width} ${family.kind}s`).join(', ')}. units.csv of a scan has all.`));
  }
  const controls = element('div', null, { class: 'controls' });
  const how = element('p', null, { id: 'halves-agree' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, how, panels);
  const draw = (label) => {
    clear(panels);
    const agreement = meta.halves[label];
    how.textContent = agreement == null ? `${labelName(label)}: how far the halves agree can’t be told.`
      : `${labelName(label)}: over all units, Pearson’s correlation of the halves is ${signed(agreement, 3)}. Near 1 units respond alike in both, near 0 it is noise.`;
    shown.forEach((family) => bothHalves(panels, family, rowsOf(family), label));
  };
  choice(controls, 'Label', meta.labels, 0, draw).id = 'halves-label';
  draw(0);
}

function bothHalves(panels, family, rows, label) {
  const hues = { 1: LINES[1], '-1': LINES[0], 0: LINES[3] };
  const points = rows.map((row) => {
    const [x, y] = family.inHalves(label, row);
    const response = family.response(label, row);
    return { row, x, y, response, hollow: !passes(response), hue: () => hues[response.call], size: family.width > 64 ? 5 : 10 };
  }).filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  scatter(figure(panels, `${family.words}, in both halves, for ${labelName(label)}`, family.pattern), {
    points, xTitle: 'AUROC in the first half', yTitle: 'AUROC in the second', diagonal: true,
    alt: 'A point for each unit. What is far from 0.5 on both axes, in the same direction, holds.',
    legend: () => ({ chips: [[() => hues[1], 'lights up'], [() => hues[-1], 'goes dark'], [() => hues[0], 'neither (hollow)']] }),
    describe: ({ row, x, y, response }) => `${family.name(family.id(row))} for ${labelName(label)}: AUROC ${number(x, 2)} in the first half and ${number(y, 2)} in the second; of all prompts, ${verdict(response)}`,
    csv: () => [['unit', 'label', 'first', 'second'], ...points.map(({ row, x, y }) => [family.name(family.id(row)), meta.labels[label], x, y])],
  });
}

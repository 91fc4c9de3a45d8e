// Steps: modules of units that act together within prompts, and where in a prompt.
const MOST_STEPS = 40;

function steps(section) {
  const found = meta.steps;
  const kept = [];
  if (found.modules.length < found.found) kept.push(`The page has the first ${found.modules.length} of ${found.found} modules; steps.csv of a scan has all.`);
  if (found.modules.length > MOST_STEPS) kept.push(`The pictures have the first ${MOST_STEPS}.`);
  if (found.labels.length < found.ofLabels) kept.push(`Of ${found.ofLabels} labels of tokens there are the first ${found.labels.length}.`);
  section.append(element('p', [found.about, found.agreement, ...kept].filter(Boolean).join(' ')));
  if (!found.modules.length) return;
  const panels = element('div', null, { class: 'panels' });
  const controls = element('div', null, { class: 'controls' });
  const below = element('div', null, { class: 'panels' });
  section.append(panels, controls, below);
  below.style.setProperty('--wide', '480px');
  const course = element('div');
  const tables = element('div');
  const places = element('div', null, { id: 'step-members' });
  places.append(element('p', 'Members of the chosen module:'));
  const pick = (module) => {
    select.value = module;
    clear(course);
    drawCourse(course, found, module);
    members(places, found, module);
  };
  const columns = stepColumns(found);
  drawSteps(panels, found, columns, pick);
  const select = choice(controls, 'Module', found.modules.map(({ module, size }) => `module ${module}: ${size} units`), 0, pick);
  select.id = 'step-module';
  const left = element('div');
  left.append(course, tables);
  below.append(left, places);
  tables.append(element('p', 'All modules:'));
  table(tables, 'steps', [
    { title: 'Module', field: 'module', sorter: 'number', minWidth: 90 },
    { title: 'Units', field: 'size', sorter: 'number', headerFilter: 'input', headerFilterFunc: numberFits, headerFilterPlaceholder: '> 5', minWidth: 76 },
    { title: 'Peak', field: 'part', headerFilter: 'input', formatter: 'plaintext', minWidth: 96 },
    { title: 'Lasts', field: 'lasting', headerFilter: 'input', headerFilterPlaceholder: 'yes', minWidth: 76 },
    { title: 'Stability', field: 'stability', sorter: 'number', formatter: share, minWidth: 96 },
    { title: 'Correlation', field: 'correlation', sorter: 'number', formatter: digits(2), minWidth: 110, responsive: 1 },
    { title: 'p', field: 'p', sorter: 'number', formatter: tiny, minWidth: 64, responsive: 2 },
  ], found.modules.map((each) => ({ ...each, part: each.peak == null ? '' : partName(each.peak), lasting: each.lasts ? 'yes' : 'no' })), (row) => pick(row.module), 320);
  pick(0);
}

const partName = (part) => `${10 * part}–${10 * (part + 1)} %`;

// What stands above one another: parts of a prompt, its first tokens, labels of tokens.
function stepColumns(found) {
  const columns = found.modules[0].relative.mean.map((_, part) => ({ kind: 'relative', at: part, name: partName(part), words: `at ${partName(part)} of a prompt` }));
  found.modules[0].beginning.mean.forEach((_, token) => columns.push({ kind: 'beginning', at: token, name: `token ${token + 1}`, words: `at token ${token + 1}` }));
  found.labels.forEach((label, at) => columns.push({ kind: 'labels', at, name: label, words: `at tokens of ${apart(short(label, 40))}` }));
  return columns;
}

const stepValue = (each, { kind, at }, what) => each[kind][what][at] ?? NaN;

function stepTold(each, column) {
  const [mean, error, prompts] = ['mean', 'error', 'prompts'].map((what) => stepValue(each, column, what));
  return `module ${each.module}, ${column.words}: ${signed(mean, 2)}${Number.isNaN(error) ? '' : ` ± ${number(error, 2)} (standard error)`}, ${prompts} prompts`;
}

const STEP_HEADER = ['module', 'units', 'where', 'mean', 'standard_error', 'prompts'];
const stepRows = (each, columns) => columns.map((column) => [each.module, each.size, column.name, ...['mean', 'error', 'prompts'].map((what) => stepValue(each, column, what))]);

// All modules on one scale.
function drawSteps(panels, found, columns, pick) {
  const shown = found.modules.slice(0, MOST_STEPS);
  const [low, high] = reachOf(shown.flatMap((each) => columns.map((column) => stepValue(each, column, 'mean'))));
  const limit = Math.max(0.1, -low, high);
  [['relative', 'Where in a prompt: from beginning to end'], ['beginning', 'At the first tokens'], ['labels', 'At labels of tokens']].forEach(([kind, title]) => {
    const own = columns.filter((column) => column.kind === kind);
    if (!own.length) return;
    grid(figure(panels, title), {
      xs: own.map(({ name }) => name), ys: shown.map(({ module, size }) => `module ${module} (${size})`), down: true, left: 110, named: 18,
      height: Math.max(200, 110 + 20 * shown.length), xTitle: '', yTitle: '', alt: 'A row for each module, with its number of units; red is more than in these prompts on average.',
      xGroups: new Map(own.map(({ name }, index) => [index, name])),
      legend: () => ({ ...aroundLegend(limit, 'less ', ' more'), chips: [[() => colour('grey'), 'no such tokens']] }),
      fill: (x, y) => around(stepValue(shown[y], own[x], 'mean'), limit),
      describe: (x, y) => stepTold(shown[y], own[x]),
      pick: (x, y) => pick(shown[y].module),
      csv: () => [STEP_HEADER, ...shown.flatMap((each) => stepRows(each, own))],
    });
  });
}

// One module's course, with intervals.
function drawCourse(place, found, module) {
  const each = found.modules[module];
  const { mean, error } = each.relative;
  const end = (sign) => mean.map((value, part) => (value == null || error[part] == null ? value : value + sign * 1.96 * error[part]));
  const columns = stepColumns(found).filter(({ kind }) => kind === 'relative');
  curves(figure(place, `Module ${module} from a prompt’s beginning to its end`), {
    xs: columns.map(({ name }) => name), xTitle: 'part of a prompt', yTitle: 'standard deviations', series: [{ name: `module ${module}`, values: mean, low: end(-1), high: end(1) }],
    range: [0], alt: 'The mean over prompts; bars are 95 % intervals.',
    describe: (s, x) => stepTold(each, columns[x]),
    csv: () => [STEP_HEADER, ...stepRows(each, columns)],
  });
}

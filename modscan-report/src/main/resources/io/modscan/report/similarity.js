// How alike prompts are. Streams come as products of all pairs, heads as vectors, of some prompts of each label.
const shown = () => meta.similarity.prompts;

function products(source, layer, head) {
  const count = shown().length;
  if (source.kind === 'stream') {
    const packed = array(`${source.array}.products`).subarray(layer * count * (count + 1) / 2);
    return (i, j) => packed[(Math.max(i, j) * (Math.max(i, j) + 1)) / 2 + Math.min(i, j)];
  }
  const vectors = headVectors(source, layer, head);
  const all = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let d = 0; d < source.width; d++) sum += vectors[i][d] * vectors[j][d];
      all[i * count + j] = all[j * count + i] = sum;
    }
  }
  return (i, j) => all[i * count + j];
}

function headVectors(source, layer, head) {
  const place = source.places.indexOf(layer * source.heads + head);
  const count = shown().length;
  const values = array(`${source.array}.values`).subarray(place * count * source.width);
  const scales = array(`${source.array}.scales`).subarray(place * source.width);
  return Array.from({ length: count }, (_, prompt) =>
    Float32Array.from({ length: source.width }, (_, d) => values[prompt * source.width + d] * scales[d]));
}

const MEASURES = {
  cosine: () => (product, i, j) => product(i, j) / Math.sqrt(product(i, i) * product(j, j)),
  'scaled cosine': (longest) => (product, i, j) => product(i, j) / (longest * longest),
  closeness: (longest) => (product, i, j) =>
    (longest === 0 ? 1 : 1 - (product(i, i) + product(j, j) - 2 * product(i, j)) / (2 * longest * longest)),
};

// Where a label's prompts begin, and the name at their middle.
function groups(prompts) {
  const edges = new Set();
  const names = new Map();
  let from = 0;
  for (let i = 1; i <= prompts.length; i++) {
    if (i === prompts.length || meta.prompts[prompts[i]].label !== meta.prompts[prompts[from]].label) {
      if (from > 0) edges.add(from);
      names.set(Math.floor((from + i - 1) / 2), meta.labels[meta.prompts[prompts[from]].label]);
      from = i;
    }
  }
  return { edges, names };
}

function matrix(parent, name, source, layer, head, title) {
  const product = products(source, layer, head);
  const longest = source.longest[source.kind === 'stream' ? layer : source.places.indexOf(layer * source.heads + head)] ?? NaN;
  const measure = MEASURES[name](longest);
  const prompts = shown();
  const { edges, names } = groups(prompts);
  const value = (x, y) => measure(product, x, y);
  let low = Infinity;
  let high = -Infinity;
  for (let y = 0; y < prompts.length; y++) {
    for (let x = 0; x < y; x++) {
      const each = value(x, y);
      if (Number.isFinite(each)) { low = Math.min(low, each); high = Math.max(high, each); }
    }
  }
  const fig = figure(parent, title);
  grid(fig, {
    xs: prompts, ys: prompts, down: true, height: Math.min(460, Math.max(260, fig.box.clientWidth)), left: 100,
    xEdges: edges, yEdges: edges, xGroups: names, yGroups: names, xTitle: '', yTitle: '',
    alt: `${name} of each pair of ${prompts.length} prompts, ordered by label.`,
    legend: () => ({ from: number(low, 2), to: number(high, 2) }),
    fill: (x, y) => between(value(x, y), low, high),
    describe: (x, y) => `${name} ${number(value(x, y), 3)} of ${promptName(prompts[y])} and ${promptName(prompts[x])}`,
    csv: () => [['prompt', 'other', name], ...prompts.flatMap((a, y) => prompts.map((b, x) => [meta.prompts[a].id, meta.prompts[b].id, value(x, y)]))],
  });
}

const promptName = (prompt) => `${apart(short(meta.prompts[prompt].id, 40))} (${labelName(meta.prompts[prompt].label, 24)})`;

// Which source, layer and head; `draw` is called with them.
function sourceControls(section, sources, draw) {
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  let source = sources[0];
  let layer = source.layers.length - 1;
  let head = 0;
  const again = () => { clear(panels); draw(panels, source, layer, head); };
  const fill = () => {
    // Who steps through layers by keyboard stays where they are.
    const place = [...controls.querySelectorAll('select')].indexOf(document.activeElement);
    controls.replaceChildren();
    if (sources.length > 1) {
      choice(controls, 'Of', sources.map((each) => each.name), sources.indexOf(source), (value) => {
        source = sources[value];
        layer = source.layers.length - 1;
        head = 0;
        fill();
        again();
      });
    }
    const held = source.kind === 'stream' ? source.layers.map((_, index) => index)
      : [...new Set(source.places.map((place) => Math.floor(place / source.heads)))];
    if (!held.includes(layer)) layer = held[held.length - 1];
    choice(controls, 'Layer', held.map((index) => source.layers[index]), held.indexOf(layer), (value) => { layer = held[value]; fill(); again(); });
    if (source.kind === 'heads') {
      const heads = source.places.filter((place) => Math.floor(place / source.heads) === layer).map((place) => place % source.heads);
      if (!heads.includes(head)) head = heads[0];
      choice(controls, 'Head', heads, heads.indexOf(head), (value) => { head = heads[value]; again(); });
    }
    controls.querySelectorAll('select')[place]?.focus();
  };
  fill();
  again();
}

function similarity(section) {
  const labels = new Set(shown().map((prompt) => meta.prompts[prompt].label)).size;
  const shares = [shown().length === meta.prompts.length ? `All ${shown().length} prompts`
    : `${shown().length} of ${meta.prompts.length} prompts, the first of each label`];
  if (labels < meta.labels.length) shares.push(`${labels} of ${meta.labels.length} labels`);
  section.append(element('p', shares.join('; ') + '.'), ...headsKept());
  sourceControls(section, meta.similarity.sources, (panels, source, layer, head) => {
    const where = source.kind === 'heads' ? `L${source.layers[layer]}H${head}` : `${source.name}, layer ${source.layers[layer]}`;
    Object.keys(MEASURES).forEach((name) => matrix(panels, name, source, layer, head, `${name}: ${where}`));
  });
}

// Which heads the page has, if not all.
const headsKept = () => meta.similarity.sources
  .filter((source) => source.kind === 'heads' && source.places.length < source.layers.length * source.heads)
  .map((source) => element('p', `Of ${source.name}, ${source.places.length} of ${source.layers.length * source.heads} heads: those that tell labels apart best.`));

function rawHead(section) {
  section.append(...headsKept());
  sourceControls(section, meta.similarity.sources.filter((source) => source.kind === 'heads'), (panels, source, layer, head) => {
    const where = `L${source.layers[layer]}H${head}`;
    matrix(panels, 'cosine', source, layer, head, `cosine: ${where}`);
    const vectors = headVectors(source, layer, head);
    const prompts = shown();
    const { edges, names } = groups(prompts);
    const limit = vectors.reduce((most, vector) => vector.reduce((m, v) => Math.max(m, Math.abs(v)), most), 0) || 1;
    const fig = figure(panels, `values: ${where}`);
    grid(fig, {
      xs: prompts, ys: Array.from({ length: source.width }, (_, d) => d), height: Math.min(460, Math.max(260, fig.box.clientWidth)),
      xEdges: edges, xGroups: names, xTitle: '', yTitle: 'dimension',
      alt: 'Each column is a prompt’s vector; a bright dimension is a row that stands out.',
      legend: () => ({ diverging: true, from: number(-limit, 2), to: '+' + number(limit, 2) }),
      fill: (x, y) => around(vectors[x][y], limit),
      describe: (x, y) => `dimension ${y} of ${where}: ${signed(vectors[x][y], 4)} for ${promptName(prompts[x])}`,
      csv: () => [['prompt', 'label', ...Array.from({ length: source.width }, (_, d) => 'd' + d)],
        ...prompts.map((prompt, x) => [meta.prompts[prompt].id, meta.labels[meta.prompts[prompt].label], ...vectors[x]])],
    });
  });
}

function separation(section) {
  const MEANINGS = { accuracy: 'nearest centroid, the prompt left out', gap: 'same label less other labels', silhouette: 'of 1 − similarity' };
  const controls = element('div', null, { class: 'controls' });
  const panels = element('div', null, { class: 'panels' });
  section.append(controls, panels);
  const all = meta.separation;
  const draw = (what) => {
    clear(panels);
    const fig = figure(panels, `${what} over layers`);
    const series = all.series.map((each) => ({
      name: each.similarity, values: each[what], low: each[what + 'Low'], high: each[what + 'High'],
      hollow: each[what + 'P'].map((p) => !(p <= 0.05)), ps: each[what + 'P'],
    }));
    curves(fig, {
      xs: all.layers, series, xTitle: 'layer', yTitle: what, height: 320,
      alt: `How far apart labels are in each layer, by ${MEANINGS[what]}, with 95 % intervals. Hollow: p > 0.05 by shuffled labels.`,
      describe: (s, x) => `${series[s].name}, layer ${all.layers[x]}: ${what} ${value(series[s].values[x])}, 95 % from ${value(series[s].low[x])} to ${value(series[s].high[x])}, p ${small(series[s].ps[x])}`,
      csv: () => [['similarity', 'layer', what, 'low', 'high', 'p'], ...series.flatMap((each) => all.layers.map((layer, x) =>
        [each.name, layer, each.values[x] ?? '', each.low[x] ?? '', each.high[x] ?? '', each.ps[x] ?? '']))],
    });
  };
  const names = Object.keys(MEANINGS);
  choice(controls, 'What', names.map((name) => `${name}: ${MEANINGS[name]}`), 0, (index) => draw(names[index]));
  draw(names[0]);
}

// JSON has null for what is not a number.
const value = (figure) => (figure == null ? 'none' : number(figure, 3));

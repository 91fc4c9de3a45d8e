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

// The similarity of each pair of prompts, and the least and the largest of two different ones.
function similarities(name, source, layer, head) {
  const product = products(source, layer, head);
  const longest = source.longest[source.kind === 'stream' ? layer : source.places.indexOf(layer * source.heads + head)] ?? NaN;
  const measure = MEASURES[name](longest);
  const value = (x, y) => measure(product, x, y);
  const pairs = shown().flatMap((_, y) => Array.from({ length: y }, (__, x) => value(x, y)));
  return { value, reach: reachOf(pairs) };
}

const placeOf = (source, layer, head) => (source.kind === 'heads' ? `head L${source.layers[layer]}H${head}` : `layer ${short(source.layers[layer], 40)}`);

function matrix(parent, name, source, layer, head) {
  const { value, reach: [low, high] } = similarities(name, source, layer, head);
  const prompts = shown();
  const { edges, names } = groups(prompts);
  const fig = figure(parent, `${sentence(name)}, ${placeOf(source, layer, head)} (${within(source)})`, source.pattern);
  grid(fig, {
    xs: prompts, ys: prompts, down: true, height: Math.min(460, Math.max(260, fig.box.clientWidth)), left: 100,
    xEdges: edges, yEdges: edges, xGroups: names, yGroups: names, xTitle: '', yTitle: '',
    alt: `${name} of each pair of ${prompts.length} prompts, ordered by label.`,
    legend: () => scaleLegend(low, high),
    fill: (x, y) => between(value(x, y), low, high),
    describe: (x, y) => `${name} ${number(value(x, y), 3)} of ${promptName(prompts[y])} and ${promptName(prompts[x])}`,
    csv: () => [['prompt', 'other', name], ...prompts.flatMap((a, y) => prompts.map((b, x) => [meta.prompts[a].id, meta.prompts[b].id, value(x, y)]))],
  });
}

const promptName = (prompt) => `${apart(short(meta.prompts[prompt].id, 40))} (${labelName(meta.prompts[prompt].label, 24)})`;

// What stands side by side: the layers of a stream, or the heads of one layer.
const besideEach = (source, layer) => (source.kind === 'stream' ? source.layers.map((_, each) => ({ layer: each, head: 0 }))
  : source.places.filter((place) => Math.floor(place / source.heads) === layer).map((place) => ({ layer, head: place % source.heads })));

// Small matrices on one scale, so that they can be compared. `pick` is called with the layer and head that somebody chooses.
function compared(parent, name, source, all, chosen, pick) {
  const each = all.map(({ layer, head }) => ({ place: placeOf(source, layer, head), ...similarities(name, source, layer, head) }));
  const [low, high] = reachOf(each.flatMap(({ reach }) => reach));
  const prompts = shown();
  const what = `${sentence(name)}, all ${source.kind === 'stream' ? 'layers' : `heads of layer ${source.layers[all[0].layer]}`} on one scale (${within(source)})`;
  return tiles(figure(parent, what, source.pattern), {
    what, names: each.map(({ place }) => sentence(place)), chosen, pick: (index) => pick(all[index]),
    about: (index) => {
      const [least, most] = each[index].reach;
      return least <= most ? `${number(least, digitsFor(most - least))} to ${number(most, digitsFor(most - least))}` : 'no numbers';
    },
    columns: prompts.length, rows: prompts.length, down: true,
    legend: () => scaleLegend(low, high),
    fill: (index, x, y) => between(each[index].value(x, y), low, high),
    describe: (index, x, y) => `${sentence(each[index].place)}: ${name} ${number(each[index].value(x, y), 3)} of ${promptName(prompts[y])} and ${promptName(prompts[x])}`,
    csv: () => [['place', 'prompt', 'other', name], ...each.flatMap(({ place, value }) => prompts.flatMap((a, y) => prompts.slice(0, y).map((b, x) =>
      [place, meta.prompts[a].id, meta.prompts[b].id, value(x, y)])))],
  });
}

// The choice of a measure, and the small matrices. They are drawn again when they would be others.
class Comparison {
  constructor(parent, pick) {
    this.pick = pick;
    this.which = 0;
    const controls = element('div', null, { class: 'controls' });
    this.box = element('div');
    parent.append(controls, this.box);
    choice(controls, 'Side by side', Object.keys(MEASURES), 0, (which) => {
      this.which = which;
      this.all = null;
      this.show(this.source, this.layer, this.head);
    }).id = 'similarity-measure';
  }

  show(source, layer, head) {
    const isNew = !this.all || source !== this.source || (source.kind === 'heads' && layer !== this.layer);
    Object.assign(this, { source, layer, head });
    if (isNew) this.all = besideEach(source, layer);
    const chosen = this.all.findIndex((each) => each.layer === layer && (source.kind === 'stream' || each.head === head));
    if (isNew) {
      clear(this.box);
      this.small = compared(this.box, Object.keys(MEASURES)[this.which], source, this.all, chosen, this.pick);
    }
    this.small.choose(chosen);
  }
}

// Which source, layer and head; `draw(source, layer, head)` is called with them. Gives back what sets them from outside.
function sourceControls(controls, sources, draw) {
  let source = sources[0];
  let layer = source.layers.length - 1;
  let head = 0;
  const again = () => draw(source, layer, head);
  const fill = () => {
    // Who steps through layers by keyboard stays where they are.
    const place = [...controls.querySelectorAll('select')].indexOf(document.activeElement);
    controls.replaceChildren();
    if (sources.length > 1) {
      choice(controls, 'Of', sources.map((each) => each.words), sources.indexOf(source), (value) => {
        source = sources[value];
        layer = source.layers.length - 1;
        head = 0;
        fill();
        again();
      });
    }
    const held = source.kind === 'stream' ? source.layers.map((_, index) => index)
      : [...new Set(source.places.map((each) => Math.floor(each / source.heads)))];
    if (!held.includes(layer)) layer = held[held.length - 1];
    choice(controls, 'Layer', held.map((index) => source.layers[index]), held.indexOf(layer), (value) => { layer = held[value]; fill(); again(); });
    if (source.kind === 'heads') {
      const heads = source.places.filter((each) => Math.floor(each / source.heads) === layer).map((each) => each % source.heads);
      if (!heads.includes(head)) head = heads[0];
      choice(controls, 'Head', heads, heads.indexOf(head), (value) => { head = heads[value]; again(); });
    }
    controls.querySelectorAll('select')[place]?.focus();
  };
  fill();
  again();
  return (to) => {
    [layer, head] = [to.layer, to.head];
    fill();
    again();
  };
}

function similarity(section) {
  const labels = new Set(shown().map((prompt) => meta.prompts[prompt].label)).size;
  const shares = [shown().length === meta.prompts.length ? `All ${shown().length} prompts`
    : `${shown().length} of ${meta.prompts.length} prompts, the first of each label`];
  if (labels < meta.labels.length) shares.push(`${labels} of ${meta.labels.length} labels`);
  section.append(element('p', shares.join('; ') + '.'), ...headsKept());
  const [controls, beside, panels] = ['controls', 'beside', 'panels'].map((name) => element('div', null, { class: name }));
  section.append(controls, beside, panels);
  const comparison = new Comparison(beside, (to) => set(to));
  const set = sourceControls(controls, meta.similarity.sources, (source, layer, head) => {
    comparison.show(source, layer, head);
    clear(panels);
    Object.keys(MEASURES).forEach((name) => matrix(panels, name, source, layer, head));
  });
}

// Which heads the page has, if not all.
const headsKept = () => meta.similarity.sources
  .filter((source) => source.kind === 'heads' && source.places.length < source.layers.length * source.heads)
  .map((source) => element('p', `${source.words}: the page has ${source.places.length} of ${source.layers.length * source.heads} heads, those that tell labels apart best.`));

function rawHead(section) {
  section.append(...headsKept());
  const [controls, panels] = ['controls', 'panels'].map((name) => element('div', null, { class: name }));
  section.append(controls, panels);
  sourceControls(controls, meta.similarity.sources.filter((source) => source.kind === 'heads'), (source, layer, head) => {
    clear(panels);
    const where = `L${source.layers[layer]}H${head}`;
    matrix(panels, 'cosine', source, layer, head);
    const vectors = headVectors(source, layer, head);
    const prompts = shown();
    const { edges, names } = groups(prompts);
    const limit = vectors.reduce((most, vector) => vector.reduce((m, v) => Math.max(m, Math.abs(v)), most), 0) || 1;
    const fig = figure(panels, `Values of head ${where}`, source.pattern);
    grid(fig, {
      xs: prompts, ys: Array.from({ length: source.width }, (_, d) => d), height: Math.min(460, Math.max(260, fig.box.clientWidth)),
      xEdges: edges, xGroups: names, xTitle: '', yTitle: 'dimension',
      alt: 'Each column is a prompt’s vector; a bright dimension is a row that stands out.',
      legend: () => aroundLegend(limit),
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
    const fig = figure(panels, `How far apart labels are, by ${what}${all.words ? ` (${within(all)})` : ''}`, all.pattern);
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

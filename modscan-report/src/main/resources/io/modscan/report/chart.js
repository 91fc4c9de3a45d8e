// Pictures that mouse, keyboard and screen reader can read: what is under the pointer or the cursor stands below as text.
const drawn = [];
const dark = () => document.documentElement.classList.contains('dark');
const colours = new Map();
const colour = (name) => {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim());
  return colours.get(name);
};

const DIVERGING = {
  light: ['#2166ac', '#67a9cf', '#f7f7f7', '#ef8a62', '#b2182b'],
  dark: ['#7cc0ff', '#2f6fab', '#22262d', '#b0532f', '#ffa27f'],
};
const SEQUENTIAL = ['#440154', '#3b528b', '#21918c', '#5ec962', '#fde725'];
const LINES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

const stops = (diverging) => (diverging ? DIVERGING[dark() ? 'dark' : 'light'] : SEQUENTIAL);

function mix(scale, share) {
  const at = Math.min(1, Math.max(0, share)) * (scale.length - 1);
  const low = Math.min(scale.length - 2, Math.floor(at));
  const channel = (hex, place) => parseInt(hex.slice(1 + 2 * place, 3 + 2 * place), 16);
  const parts = [0, 1, 2].map((place) =>
    Math.round(channel(scale[low], place) + (at - low) * (channel(scale[low + 1], place) - channel(scale[low], place))));
  return 'rgb(' + parts.join(',') + ')';
}

// From -limit to limit, zero in the middle.
const around = (value, limit) => (Number.isNaN(value) ? colour('grey') : mix(stops(true), 0.5 + value / (2 * limit)));
const between = (value, low, high) =>
  Number.isNaN(value) ? colour('grey') : mix(stops(false), high > low ? (value - low) / (high - low) : 0.5);

// `pattern`: the name of the tensors that it is of, for who knows them.
function figure(parent, title, pattern) {
  const box = element('figure');
  const head = element('div', null, { class: 'head' });
  const heading = element('h3', title);
  const buttons = element('span');
  head.append(heading, buttons);
  if (pattern && !title.includes(pattern)) head.append(element('code', short(pattern, 120), { class: 'pattern' }));
  const chart = element('div', null, { class: 'chart' });
  const readout = element('div', '', { class: 'readout', 'aria-live': 'polite' });
  const legend = element('div', null, { class: 'legend' });
  box.append(head, chart, readout, legend);
  parent.append(box);
  return { box, heading, buttons, chart, readout, legend, title };
}

// The words for what a picture is of, in the middle of a title. Names of foreign tensors stay as they are.
const within = ({ words, pattern }) => (words !== pattern && /^.[a-z]/.test(words) ? words.charAt(0).toLowerCase() + words.slice(1) : words);
const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function clear(parent) {
  for (let i = drawn.length - 1; i >= 0; i--) {
    if (parent.contains(drawn[i].place)) {
      drawn[i].end();
      drawn.splice(i, 1);
    }
  }
  parent.replaceChildren();
}

function fillLegend(place, legend) {
  place.replaceChildren();
  if (!legend) return;
  if (legend.from !== undefined) {
    const bar = element('span', null, { class: 'bar', 'aria-hidden': 'true', 'data-diverging': legend.diverging ? 'yes' : 'no' });
    bar.style.background = 'linear-gradient(to right,' + (legend.stops || stops(legend.diverging)).join(',') + ')';
    place.append(element('span', legend.from), bar, element('span', legend.to));
  }
  for (const [fill, text] of legend.chips || []) {
    const chip = element('span', null, { class: 'chip', 'aria-hidden': 'true' });
    chip.style.background = fill();
    place.append(chip, element('span', text));
  }
}

function base() {
  const text = { color: colour('text') };
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: text,
    tooltip: {
      renderMode: 'richText', confine: true, backgroundColor: colour('back'), borderColor: colour('line'),
      textStyle: { ...text, fontSize: 12 },
    },
  };
}

const axisLook = () => ({
  axisLine: { lineStyle: { color: colour('line') } },
  axisTick: { show: false },
  nameTextStyle: { color: colour('soft') },
  nameLocation: 'middle',
});

const fileName = (title) => title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60) || 'picture';

// A saved picture has its title and legend, as it is looked at away from the page.
function savePng(fig, drawing) {
  const density = 2;
  const [edge, line] = [12 * density, 20 * density];
  const canvas = element('canvas');
  const pen = canvas.getContext('2d');
  const font = `${12 * density}px system-ui, sans-serif`;
  pen.font = font;
  // The legend's parts one behind the other, in as many lines as they need.
  const parts = [...fig.legend.children].map((part) => ({ part, text: part.textContent,
    wide: part.textContent ? pen.measureText(part.textContent).width : part.classList.contains('bar') ? 120 * density : 14 * density }));
  let [x, y] = [edge, 0];
  for (const part of parts) {
    if (x > edge && x + part.wide > drawing.width - edge) [x, y] = [edge, y + line];
    Object.assign(part, { x, y });
    x += part.wide + 8 * density;
  }
  const top = 2 * line;
  canvas.width = drawing.width;
  canvas.height = top + drawing.height + (parts.length ? y + 1.5 * line : 0);
  pen.fillStyle = colour('back');
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = colour('text');
  pen.textBaseline = 'middle';
  pen.font = `bold ${14 * density}px system-ui, sans-serif`;
  pen.fillText(fig.title, edge, line, canvas.width - 2 * edge);
  pen.drawImage(drawing, 0, top);
  pen.font = font;
  for (const { part, text, wide, x: left, y: down } of parts) {
    const middle = top + drawing.height + down + line / 2;
    if (text) {
      pen.fillStyle = colour('text');
      pen.fillText(text, left, middle);
    } else if (part.classList.contains('bar')) {
      const scale = stops(part.dataset.diverging === 'yes');
      const gradient = pen.createLinearGradient(left, 0, left + wide, 0);
      scale.forEach((stop, index) => gradient.addColorStop(index / (scale.length - 1), stop));
      pen.fillStyle = gradient;
      pen.fillRect(left, middle - 5 * density, wide, 10 * density);
    } else {
      pen.fillStyle = part.style.background;
      pen.fillRect(left, middle - 5 * density, wide, 10 * density);
    }
  }
  canvas.toBlob((blob) => download(fileName(fig.title) + '.png', blob), 'image/png');
}

// `drawing` gives a canvas of two pixels for each of the page's.
function saveButtons(fig, drawing, csv) {
  fig.buttons.replaceChildren(
    element('button', 'PNG', { type: 'button', 'aria-label': 'Save as PNG: ' + fig.title, onclick: () => savePng(fig, drawing()) }),
    element('button', 'CSV', { type: 'button', 'aria-label': 'Numbers as CSV: ' + fig.title, onclick: () => saveCsv(fileName(fig.title), csv()) }));
}

// The part that all pictures have: drawing again in another theme or width, saving, and a cursor for the keyboard.
function show(fig, spec, height, option, cursor) {
  fig.chart.style.height = height + 'px';
  const chart = echarts.init(fig.chart, null, { renderer: 'canvas' });
  const draw = () => {
    chart.setOption(option(), true);
    fillLegend(fig.legend, spec.legend && spec.legend());
    if (document.activeElement === fig.chart) mark();
  };
  const watch = new ResizeObserver(() => chart.resize());
  watch.observe(fig.chart);
  drawn.push({ place: fig.chart, chart, draw, end: () => { watch.disconnect(); chart.dispose(); } });
  fig.chart.tabIndex = 0;
  fig.chart.setAttribute('role', 'application');
  fig.chart.setAttribute('aria-roledescription', 'picture');
  fig.chart.setAttribute('aria-label', fig.title + '. ' + (spec.alt || '') + ' Arrow keys move, Enter opens.');
  const told = (text) => { fig.readout.textContent = text; };
  chart.on('mouseover', (event) => { if (event.value) told(cursor.describe(event.value)); });
  chart.on('click', (event) => { if (event.value && cursor.pick) cursor.pick(event.value); });
  const mark = () => {
    chart.setOption({ series: [{}, { data: [cursor.at()] }] });
    told(cursor.describe(cursor.at()));
  };
  fig.chart.addEventListener('focus', mark);
  fig.chart.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step) cursor.move(...step);
    else if (event.key === 'Home') cursor.move(-Infinity, 0);
    else if (event.key === 'End') cursor.move(Infinity, 0);
    else if (event.key === 'Enter' && cursor.pick) cursor.pick(cursor.at());
    else return;
    event.preventDefault();
    if (event.key !== 'Enter') mark();
  });
  saveButtons(fig, () => chart.renderToCanvas({ pixelRatio: 2, backgroundColor: colour('back') }), spec.csv);
  draw();
  return chart;
}

const bounded = (at, length) => Math.min(length - 1, Math.max(0, at));

// Black or white, whichever stands out more: by 4.5 to 1 at least, as WCAG reckons contrast.
function inkOn(fill) {
  const channels = fill.startsWith('#') ? [1, 3, 5].map((from) => parseInt(fill.slice(from, from + 2), 16)) : fill.match(/\d+/g).map(Number);
  const [red, green, blue] = channels.map((channel) => channel / 255).map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff';
}

// Cells of a grid. spec: xs, ys (names), fill(x, y), describe(x, y), pick(x, y), xTitle, yTitle, down (first row on top),
// xEdges, yEdges (a line before these), xGroups, yGroups (names at the middle of what lies between), text(x, y), strong(x, y),
// named (letters of names that are not of groups).
function grid(fig, spec) {
  const cells = [];
  for (let y = 0; y < spec.ys.length; y++) for (let x = 0; x < spec.xs.length; x++) cells.push([x, y]);
  let at = [0, spec.down ? 0 : spec.ys.length - 1];
  const cursor = {
    at: () => at,
    move: (x, y) => { at = [bounded(at[0] + x, spec.xs.length), bounded(at[1] + (spec.down ? -y : y), spec.ys.length)]; },
    describe: ([x, y]) => spec.describe(x, y),
    pick: spec.pick && (([x, y]) => spec.pick(x, y)),
  };
  const axis = (names, title, edges, groups, gap) => {
    const most = groups ? 14 : spec.named || 14;
    const places = groups && [...groups.keys()];
    const cut = groups ? new Map(axisNames([...groups.values()], most).map((name, index) => [places[index], name])) : axisNames(names, most);
    return {
    type: 'category', data: names, name: title, nameGap: gap, ...axisLook(), z: 5,
    splitArea: { show: false },
    splitLine: { show: Boolean(edges), interval: (index) => edges && edges.has(index), lineStyle: { color: colour('text'), width: 1 } },
    axisLabel: {
      color: colour('text'), fontSize: 11, hideOverlap: true, width: spec.named && !groups ? 215 : 90, overflow: 'truncate',
      interval: groups ? (index) => groups.has(index) : 'auto',
      formatter: (name, index) => (groups ? cut.get(index) ?? '' : cut[index]),
      rotate: groups && gap < 60 && spec.xs.length > 0 && groups.size > 4 ? 45 : 0,
    },
    };
  };
  const rectangle = (look) => (params, api) => {
    const [x, y] = [api.value(0), api.value(1)];
    const middle = api.coord([x, y]);
    const [width, height] = api.size([1, 1]);
    const seam = width > 12 && height > 12 ? 1 : 0;
    const shape = {
      x: middle[0] - width / 2, y: middle[1] - height / 2,
      width: Math.max(0.5, width - seam), height: Math.max(0.5, height - seam),
    };
    const text = look.text && look.text(x, y);
    const content = text && { type: 'text', style: { text, fill: look.ink(x, y), fontSize: 11, fontWeight: look.strong(x, y) ? 'bold' : 'normal' } };
    return { type: 'rect', shape, style: look(x, y), emphasis: { style: { stroke: colour('text'), lineWidth: 2 } },
      ...(content ? { textContent: content, textConfig: { position: 'inside' } } : {}) };
  };
  const cell = (x, y) => ({ fill: spec.fill(x, y) });
  if (spec.text) Object.assign(cell, { text: spec.text, strong: spec.strong || (() => false), ink: (x, y) => inkOn(spec.fill(x, y)) });
  const option = () => ({
    ...base(),
    grid: { left: spec.left || 56, right: 12, top: 8, bottom: spec.xGroups ? 74 : 44 },
    xAxis: axis(spec.xs, spec.xTitle, spec.xEdges, spec.xGroups, spec.xGroups ? 56 : 26),
    yAxis: { ...axis(spec.ys, spec.yTitle, spec.yEdges, spec.yGroups, (spec.left || 56) - 14), inverse: Boolean(spec.down) },
    tooltip: { ...base().tooltip, formatter: (event) => wrapped(spec.describe(...event.value)) },
    series: [
      { type: 'custom', data: cells, renderItem: rectangle(cell), progressive: 0 },
      { type: 'custom', data: [], silent: true, z: 10,
        renderItem: rectangle(() => ({ fill: 'none', stroke: colour('accent'), lineWidth: 3 })) },
    ],
  });
  return show(fig, spec, spec.height, option, cursor);
}

function wrapped(text) {
  // Braces would be taken for a style.
  return text.slice(0, 600).replaceAll('{', '{\u2060').replace(/(.{1,60})(\s|$)/g, '$1\n').trim();
}

// Curves with intervals. spec: xs, series: [{name, values, low, high, hollow, hue, bold}], describe(series, x), xTitle, yTitle, logarithmic
// (xs are numbers above 0), range (values that the axis reaches over, beside its own).
function curves(fig, spec) {
  let at = [0, 0];
  const place = (x) => (spec.logarithmic ? spec.xs[x] : x);
  const cursor = {
    at: () => [place(at[0]), spec.series[at[1]].values[at[0]] ?? '-', at[1], at[0]],
    move: (x, y) => { at = [bounded(at[0] + x, spec.xs.length), bounded(at[1] + y, spec.series.length)]; },
    describe: ([, , s, x]) => spec.describe(s, x),
  };
  const reach = spec.series.flatMap((series) => [...series.values, ...(series.low || []), ...(series.high || [])]).concat(spec.range || []);
  const hue = (s) => spec.series[s].hue || (spec.series.length > LINES.length ? mix(SEQUENTIAL, s / (spec.series.length - 1)) : LINES[s]);
  const option = () => ({
    ...base(),
    grid: { left: 68, right: 16, top: 12, bottom: 44 },
    xAxis: { ...(spec.logarithmic ? logTicks(spec.xs) : { type: 'category', data: axisNames(spec.xs, 14), axisLabel: { color: colour('text'), hideOverlap: true } }),
      name: spec.xTitle, nameGap: 26, ...axisLook(), splitLine: { show: false } },
    yAxis: { ...ticks(reach), name: spec.yTitle, nameGap: 48, ...axisLook(), splitLine: { lineStyle: { color: colour('line') } } },
    tooltip: { ...base().tooltip, formatter: (event) => wrapped(cursor.describe(event.value)) },
    series: [
      { type: 'scatter', data: [] },
      { type: 'scatter', data: [], symbolSize: 16, silent: true, z: 10,
        itemStyle: { color: 'transparent', borderColor: colour('accent'), borderWidth: 3 } },
      ...spec.series.map((series, s) => ({
        type: 'line', name: apart(short(series.name, 40)), symbol: 'circle', symbolSize: spec.xs.length > 40 ? 3 : series.hue && !series.bold ? 5 : 8, showSymbol: true,
        lineStyle: { color: hue(s), width: series.bold ? 4 : series.hue ? 1.2 : 2, type: series.hue ? 'solid' : spec.series.length <= LINES.length ? ['solid', 'dashed', 'dotted'][s % 3] : 'solid' },
        z: series.bold ? 4 : 2,
        data: series.values.map((value, x) => ({ value: [place(x), value == null ? '-' : value, s, x],
          itemStyle: { color: series.hollow && series.hollow[x] ? colour('panel') : hue(s), borderColor: hue(s), borderWidth: 2 } })),
      })),
      ...spec.series.filter((series) => series.low).map((series) => ({
        type: 'custom', silent: true, data: series.low.map((low, x) => [place(x), low, series.high[x]]),
        renderItem: (params, api) => {
          const bottom = api.coord([api.value(0), api.value(1)]);
          const top = api.coord([api.value(0), api.value(2)]);
          return { type: 'line', shape: { x1: bottom[0], y1: bottom[1], x2: top[0], y2: top[1] },
            style: { stroke: hue(spec.series.indexOf(series)), lineWidth: 2, opacity: 0.7 } };
        },
      })),
    ],
  });
  spec.legend = spec.legend || (() => ({
    chips: spec.series.length > 12 ? [] : spec.series.map((series, s) => [() => hue(s), short(series.name, 40)]),
  }));
  return show(fig, spec, spec.height || 280, option, cursor);
}

// Points of two numbers. spec: points [{x, y, hue(), hollow, size}], describe(point), xTitle, yTitle, diagonal (a line where both numbers are alike).
function scatter(fig, spec) {
  const { points } = spec;
  let at = 0;
  const value = (index) => (points[index] ? [points[index].x, points[index].y, index] : [0, 0, 0]);
  const cursor = {
    at: () => value(at),
    move: (x, y) => { at = bounded(at + x + y, points.length); },
    describe: ([, , index]) => (points[index] ? spec.describe(points[index]) : ''),
  };
  const [low, high] = reachOf(points.flatMap(({ x, y }) => [x, y]).concat(0));
  const axis = (name, gap, of) => ({ ...ticks(points.map(of).concat(spec.diagonal ? 0 : [])), name, nameGap: gap, ...axisLook(), splitLine: { lineStyle: { color: colour('line') } } });
  const option = () => ({
    ...base(),
    grid: { left: 68, right: 16, top: 12, bottom: 44 },
    xAxis: axis(spec.xTitle, 26, ({ x }) => x),
    yAxis: axis(spec.yTitle, 48, ({ y }) => y),
    tooltip: { ...base().tooltip, formatter: (event) => wrapped(cursor.describe(event.value)) },
    series: [
      { type: 'scatter', data: [] },
      { type: 'scatter', data: [], symbolSize: 18, silent: true, z: 10, itemStyle: { color: 'transparent', borderColor: colour('accent'), borderWidth: 3 } },
      { type: 'line', data: spec.diagonal ? [[low, low], [high, high]] : [], silent: true, symbol: 'none', lineStyle: { color: colour('soft'), type: 'dashed', width: 1 }, z: 1 },
      { type: 'scatter', z: 3, data: points.map((point, index) => ({ value: value(index), symbolSize: point.size || 10,
        itemStyle: { color: point.hollow ? 'transparent' : point.hue(), borderColor: point.hue(), borderWidth: 1.5, opacity: point.hollow ? 0.7 : 0.95 } })) },
    ],
  });
  return show(fig, spec, 420, option, cursor);
}

function choice(parent, title, names, chosen, onchange) {
  const select = element('select');
  names.forEach((name, index) => select.append(element('option', short(String(name), 60), { value: index, title: short(String(name), 400) })));
  select.value = chosen;
  select.addEventListener('change', () => onchange(Number(select.value)));
  const label = element('label', title);
  label.append(select);
  parent.append(label);
  return select;
}

// What a number's filter may say: '> 1', '<= -0.5', or '1', which is at least 1.
function numberFits(wanted, value) {
  const [, sign, limit] = /^\s*([<>]=?)?\s*(\S*)/.exec(wanted.replace('−', '-'));
  const than = Number(limit);
  if (limit === '' || Number.isNaN(than)) return true;
  if (sign === '<') return value < than;
  if (sign === '<=') return value <= than;
  return sign === '>' ? value > than : value >= than;
}

function table(parent, name, columns, rows, picked, height) {
  const place = element('div', null, { class: 'table' });
  const bar = element('div', null, { class: 'controls' });
  parent.append(bar, place);
  const named = columns.map((column) => (column.headerFilter
    ? { ...column, headerFilterParams: { elementAttributes: { 'aria-label': 'Filter by ' + column.title } } } : column));
  const made = new Tabulator(place, {
    data: rows, columns: named, height: height || Math.min(420, 90 + 34 * rows.length), layout: 'fitColumns', responsiveLayout: 'hide',
    placeholder: 'No row fits the filters', selectableRows: picked ? 1 : false,
    rowFormatter: picked && ((row) => {
      row.getElement().tabIndex = 0;
      row.getElement().onkeydown = (event) => { if (event.key === 'Enter') picked(row.getData()); };
    }),
  });
  // What scrolls is the group of rows: a screen reader wants nothing else between it and the grid.
  made.on('tableBuilt', () => ['header', 'tableholder'].forEach((part) => {
    const outer = place.querySelector('.tabulator-' + part);
    outer.querySelector('[role=rowgroup]').setAttribute('role', 'presentation');
    outer.setAttribute('role', 'rowgroup');
  }));
  if (picked) made.on('rowClick', (event, row) => picked(row.getData()));
  bar.append(element('button', 'CSV', { type: 'button', 'aria-label': 'Table as CSV: ' + name, onclick: () =>
    saveCsv(fileName(name), [columns.map((column) => column.title),
      ...made.getData('active').map((row) => columns.map((column) => row[column.field]))]) }));
  return made;
}

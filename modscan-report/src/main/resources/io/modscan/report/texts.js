// Texts, token by token, coloured by what one unit does there. All texts of a unit have one scale, and its contexts have the same.

// Line ends as signs, and broken; what can't be seen as a sign, too.
const seen = (text) => text.replace(/\r?\n/g, '↵\n').replace(/[\u2028\u2029]/g, '↵')
  .replace(/[\u0000-\u0008\u000b-\u001f]/g, (sign) => String.fromCharCode(0x2400 + sign.charCodeAt(0)));

// From the least to the most. Where values have both signs, 0 is in the middle.
function textScale(low, high) {
  const isAround = low < 0 && high > 0;
  const limit = Math.max(-low, high);
  const digits = Math.max(4, digitsFor(high - low) + 1);
  const share = (value) => (isAround ? value / limit : !(high > low) ? 0 : high <= 0 ? (value - high) / (high - low) : (value - low) / (high - low));
  const end = (value) => number(value, digitsFor(high - low));
  const half = () => (isAround ? stops(true) : high <= 0 ? stops(true).slice(0, 3) : stops(true).slice(2));
  return {
    share, told: (value) => number(value, digits),
    fill: (value) => (Number.isNaN(value) ? colour('grey') : mix(stops(true), 0.5 + share(value) / 2)),
    legend: () => ({
      ...(isAround ? { ...aroundLegend(limit), stops: half() } : high > low ? { from: end(low), to: end(high), stops: half() } : { chips: [[() => stops(true)[2], `all ${end(low)}`]] }),
      note: isAround ? 'The thicker the line below a token, the farther from 0; dashed is below 0.' : 'The thicker the line below a token, the farther along the scale.',
    }),
  };
}

const THICKEST = 4;

// One text: one tab stop, in which the arrow keys move from token to token. spec: name (of the text), scale, tokens [{text, value, plain (why it
// has no value), position}], at (the token that it is about).
function tokenLine(fig, place, spec) {
  const line = element('div', null, { class: 'tokens', dir: 'auto', tabindex: '0', role: 'application', 'aria-roledescription': 'text',
    'aria-label': `${spec.name}. Arrow keys move from token to token.` });
  const spans = spec.tokens.map(({ text, value, plain }, index) => {
    const span = element('span', seen(text), { class: 'token' + (text === '' ? ' part' : '') + (index === spec.at ? ' about' : ''), title: plain || spec.scale.told(value) });
    if (!plain && !Number.isNaN(value)) {
      const share = spec.scale.share(value);
      span.style.borderBottom = `${Math.round(THICKEST * Math.abs(share))}px ${share < 0 ? 'dashed' : 'solid'} var(--text)`;
    }
    return span;
  });
  line.append(...spans);
  place.append(line);
  const draw = () => spec.tokens.forEach(({ value, plain }, index) => {
    if (plain) return;
    const fill = spec.scale.fill(value);
    spans[index].style.background = fill;
    spans[index].style.color = inkOn(fill);
  });
  const tell = (index) => {
    const { text, value, plain, position } = spec.tokens[index];
    fig.readout.textContent = `Token ${position} of ${spec.name}, ${text === '' ? 'part of a character' : `“${apart(short(seen(text), 60))}”`}: ${plain || spec.scale.told(value)}`;
  };
  let at = Math.max(0, spec.at ?? 0);
  const mark = (isOn) => { if (spans[at]) spans[at].classList.toggle('cursor', isOn); };
  const move = (to) => {
    mark(false);
    at = bounded(to, spans.length);
    mark(true);
    spans[at].scrollIntoView({ block: 'nearest', inline: 'nearest' });
    tell(at);
  };
  line.addEventListener('focus', () => { if (spans.length) move(at); });
  line.addEventListener('blur', () => mark(false));
  line.addEventListener('keydown', (event) => {
    const onward = getComputedStyle(line).direction === 'rtl' ? -1 : 1;
    const to = { ArrowLeft: at - onward, ArrowRight: at + onward, Home: 0, End: spans.length - 1 }[event.key];
    if (to === undefined || !spans.length) return;
    event.preventDefault();
    move(to);
  });
  line.addEventListener('pointerover', (event) => {
    const index = spans.indexOf(event.target);
    if (index >= 0) tell(index);
  });
  draw();
  drawn.push({ place: line, draw, end: () => {} });
}

const NO_VALUE = { '-1': 'no value was kept here', '-2': 'the beginning of the sequence, which has no part in this' };

const scaled = (value, low, high) => (value === 65535 ? NaN : low + (value / 65534) * (high - low));

// A unit's values in the texts: of a family and a unit, or null. Ranges are of all that the page has of the unit there.
function unitTexts(family, id) {
  if (!meta.texts) return null;
  const name = `texts${families.indexOf(family)}`;
  const row = array(`${name}.units`).indexOf(id);
  if (row < 0) return null;
  const [low, high] = array(`${name}.range`).subarray(2 * row);
  const values = array(`${name}.values`).subarray(row * meta.texts.values, (row + 1) * meta.texts.values);
  const [tokens, slots] = [array('texts.tokens'), array('texts.slots')];
  let first = 0;
  const texts = meta.texts.prompts.map(({ prompt, from, count, of }) => {
    const own = Array.from({ length: count }, (_, index) => {
      const slot = slots[first + index];
      return { text: meta.tokenTexts[tokens[first + index]], position: from + index, plain: NO_VALUE[slot], value: slot < 0 ? NaN : scaled(values[slot], low, high) };
    });
    first += count;
    return { prompt, from, of, tokens: own, most: reachOf(own.map(({ value }) => value))[1] };
  });
  return { low, high, texts };
}

// A unit's contexts, or null.
function unitContexts(family, id) {
  if (!meta.contexts) return null;
  const name = `contexts${families.indexOf(family)}`;
  const row = array(`${name}.units`).indexOf(id);
  if (row < 0) return null;
  const ends = array(`${name}.ends`);
  const begin = row > 0 ? ends[row - 1] : firstContext(families.indexOf(family));
  const [low, high] = array(`${name}.range`).subarray(2 * row);
  const of = (what) => array(`contexts.${what}`);
  const [counts, tokens, values] = [of('count'), of('tokens'), of('values')];
  let first = counts.subarray(0, begin).reduce((sum, count) => sum + count, 0);
  const contexts = [];
  for (let index = begin; index < ends[row]; index++) {
    const at = of('at')[index];
    const position = of('position')[index];
    const own = Array.from({ length: counts[index] }, (_, token) => {
      const value = values[first + token];
      return { text: meta.tokenTexts[tokens[first + token]], position: position - at + token, plain: value === 65535 ? 'no value was kept here' : undefined, value: scaled(value, low, high) };
    });
    first += counts[index];
    contexts.push({ prompt: meta.contexts.names[of('prompt')[index]], label: meta.contexts.names[of('label')[index]], position, at, tokens: own,
      quantile: of('quantile')[index], value: own[at].value });
  }
  return { low, high, contexts, notFinite: array(`${name}.notFinite`)[row] };
}

// Of the families before, all contexts come first.
function firstContext(family) {
  for (let before = family - 1; before >= 0; before--) {
    const ends = array(`contexts${before}.ends`);
    if (ends.length) return ends[ends.length - 1];
  }
  return 0;
}

// Where the texts and contexts of the chosen unit are shown, when one is chosen.
const textPlaces = () => [['texts', meta.texts], ['contexts', meta.contexts]].filter(([, has]) => has)
  .map(([what]) => element('div', null, { id: `unit-${what}` }));

function showTexts(family, id) {
  const found = [unitTexts(family, id), unitContexts(family, id)];
  const [low, high] = reachOf(found.filter(Boolean).flatMap((each) => [each.low, each.high]));
  const scale = textScale(low, high);
  if (meta.texts) drawTexts(document.getElementById('unit-texts'), family, id, found[0], scale);
  if (meta.contexts) drawContexts(document.getElementById('unit-contexts'), family, id, found[1], scale);
}
chosenUnit.watch(showTexts, () => {});

function textFigure(place, title, family) {
  clear(place);
  const fig = figure(place, title, family.pattern);
  fig.chart.className = 'texts';
  return fig;
}

// The legend, and the numbers as a file: a text is no picture to be saved.
function finish(fig, scale, header, rows) {
  const draw = () => {
    fillLegend(fig.legend, scale.legend());
    fig.legend.append(element('span', scale.legend().note));
  };
  draw();
  drawn.push({ place: fig.legend, draw, end: () => {} });
  fig.buttons.replaceChildren(element('button', 'CSV', { type: 'button', 'aria-label': 'Numbers as CSV: ' + fig.title,
    onclick: () => saveCsv(fileName(fig.title), [header, ...rows()]) }));
}

const sum = (numbers) => numbers.reduce((all, each) => all + each, 0);
const which = (units, of, name) => `${name} is not among the ${sum(units)} units${sum(units) < of ? ` (of ${of})` : ''} `;

function drawTexts(place, family, id, found, scale) {
  const name = family.name(id);
  const fig = textFigure(place, `${name}: token by token`, family);
  const { prompts, all, units, measured } = meta.texts;
  if (!found) {
    fig.readout.textContent = `${which(units, measured, name)}whose values at each token are in this page.`;
    return;
  }
  const cut = prompts.filter(({ from, count, of }) => from > 0 || count < of).length;
  const facts = [prompts.length < all ? `${prompts.length} of ${all} texts` : `${prompts.length} ${prompts.length === 1 ? 'text' : 'texts'}`, 'the one with the highest value first'];
  if (cut) facts.push(`${cut} of them cut to ${Math.max(...prompts.map(({ count }) => count))} tokens`);
  box(fig, `${facts.join(', ')}. All on one scale.`);
  const texts = [...found.texts].sort((a, b) => b.most - a.most);
  const list = element('ol', null, { 'aria-label': 'Texts, highest value first' });
  texts.forEach(({ prompt, from, of, tokens, most }) => {
    const item = element('li');
    const { id: own, label } = meta.prompts[prompt];
    item.append(element('strong', Number.isFinite(most) ? scale.told(most) : 'no value'), ' ', element('bdi', short(meta.labels[label], 60)), ', prompt ', element('bdi', short(own, 60)));
    if (from > 0 || tokens.length < of) item.append(element('span', `, tokens ${from} to ${from + tokens.length - 1} of ${of}`));
    list.append(item);
    tokenLine(fig, item, { name: `prompt ${apart(short(own, 60))}`, scale, tokens });
  });
  fig.chart.append(list);
  finish(fig, scale, ['unit', 'prompt', 'label', 'position', 'token', 'value'], () => texts.flatMap(({ prompt, tokens }) => tokens
    .map(({ text, value, position }) => [name, meta.prompts[prompt].id, meta.labels[meta.prompts[prompt].label], position, text, value])));
}

const box = (fig, text) => fig.box.insertBefore(element('p', text), fig.chart);

function drawContexts(place, family, id, found, scale) {
  const name = family.name(id);
  const fig = textFigure(place, `${name}: strongest contexts, and samples beside them`, family);
  const { units, measured, tokens: all } = meta.contexts;
  if (!found) {
    fig.readout.textContent = `${which(units, measured, name)}whose contexts are in this page.`;
    return;
  }
  box(fig, `Of ${all} tokens${found.notFinite ? `, at ${found.notFinite} of which the value is NaN or infinite` : ''}. On the scale of the unit’s texts. What the strongest have in common need not be what the unit answers to as a rule: look at the samples, too.`);
  const panels = element('div', null, { class: 'panels' });
  fig.chart.append(panels);
  const kinds = [['Strongest, each of another prompt', found.contexts.filter(({ quantile }) => quantile < 0)],
    ['Tokens at quantiles of a random sample', found.contexts.filter(({ quantile }) => quantile >= 0)]];
  kinds.filter(([, contexts]) => contexts.length).forEach(([title, contexts]) => {
    const part = element('div');
    const list = element('ol', null, { 'aria-label': title });
    part.append(element('h4', title), list);
    panels.append(part);
    contexts.forEach(({ prompt, label, position, at, tokens, quantile, value }) => {
      const item = element('li');
      const rank = quantile < 0 ? '' : `${number(100 * quantile, 0)} % `;
      item.append(element('span', rank), element('strong', scale.told(value)), ' ', element('bdi', short(label, 60)), ', prompt ', element('bdi', short(prompt, 60)), `, token ${position}`);
      list.append(item);
      tokenLine(fig, item, { name: `prompt ${apart(short(prompt, 60))}`, scale, tokens, at });
    });
  });
  finish(fig, scale, ['unit', 'kind', 'quantile', 'prompt', 'label', 'position', 'token', 'value'], () => found.contexts.flatMap(({ prompt, label, quantile, tokens }, index) => tokens
    .map(({ text, value, position }) => [name, quantile < 0 ? `strongest ${index + 1}` : 'sample', quantile < 0 ? '' : quantile, prompt, label, position, text, value])));
}

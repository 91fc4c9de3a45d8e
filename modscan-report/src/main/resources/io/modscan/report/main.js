// What the page shows, top to bottom. The first part is drawn at once, the others when they come near the window, or later.
const SECTIONS = [
  ['mri', 'What lights up', mri, () => meta.families.length > 0,
    'Coloured by effect (Hedges’ g): red lights up for the label, blue goes dark, grey fails the false discovery rate or has too small an effect. Choose a label to see it large.'],
  ['units', 'Heads and neurons', units, () => meta.families.length > 0, 'Sort by a column’s name, filter below it. A row shows its values for each prompt.'],
  ['halves', 'In both halves', halves, () => meta.halves.length > 0 && meta.families.length > 0,
    'What one half of the prompts shows, the other has to confirm. Each half was measured by itself.'],
  ['behaviour', 'How heads attend', behaviour, () => meta.behaviour.length > 0,
    'Which heads attend in another way for a label than for other prompts. Entropy and distance grow with the length of prompts: a label of longer prompts seems to look wider and farther.'],
  ['token-labels', 'Labels of tokens', tokenLabels, () => meta.tokenLabels.length > 0,
    'Which units respond to which tokens: those of a label against the other tokens of the same prompts, each prompt counting once. What a prompt is about has no part in it.'],
  ['steps', 'Steps', steps, () => Boolean(meta.steps),
    'Units that go up and down together from token to token within prompts, and where in a prompt they do. 0 is what the same units do in the same prompts on average, 1 a standard deviation more.'],
  ['similarity', 'Similarity of prompts', similarity, () => Boolean(meta.similarity),
    'Cosine hides magnitude; scaled cosine divides by the longest vector twice; closeness, 1 − ‖a − b‖² / 2M², finds two short vectors alike.'],
  ['head', 'One head, as it is', rawHead, () => Boolean(meta.similarity) && meta.similarity.sources.some((source) => source.kind === 'heads'),
    'Where a single dimension is bright for all prompts, the cosine of all pairs is near 1 and tells nothing.'],
  ['separation', 'Separation over layers', separation, () => Boolean(meta.separation), 'How far apart labels are in each layer. Bars are 95 % intervals.'],
  ['modules', 'Modules', modules, () => meta.modules.length > 0, 'Units that vary together over prompts. Certainty: how often a unit is in its module, over searches of these prompts. Stability: how far a module, or a member, is found again in halves of the prompts.'],
  ['comparison', 'Comparison of modules', comparison, () => meta.comparisons.length > 0, 'Adjusted Rand index: 1 is the same partition, 0 is chance. Variation of information: 0 is the same, in nats.'],
  ['used', 'What is used', used, () => Boolean(meta.used), 'What lights up for a label need not be what it uses. Here gradients estimate what each label would lose without a unit; nothing was switched off for it.'],
  ['effects', 'Does it do the work?', effects, () => Boolean(meta.effects || meta.moduleEffects) || meta.effectCurves.length > 0,
    'What lights up for a label need not be what the label needs. Here units were switched off, and each label’s prompts run again.'],
  ['bases', 'Bases', bases, () => meta.bases.length > 0, 'Few components that explain much mean that a layer uses few directions.'],
  ['angles', 'Labels’ subspaces', angles, () => Boolean(meta.angles), 'Principal angles between the directions in which each label’s prompts vary.'],
  ['attention', 'Attention patterns', attention, () => Boolean(meta.attention), 'What one head attends to in one prompt.'],
];

// Parts that are not drawn yet.
const draws = new Map();

function drawOnce(section) {
  const draw = draws.get(section);
  draws.delete(section);
  if (draw) draw(section);
  section.dataset.drawn = 'yes';
}

const drawNow = (id) => drawOnce(document.getElementById(id));

function setTheme(isDark) {
  document.documentElement.classList.toggle('dark', isDark);
  colours.clear();
  const button = document.getElementById('theme');
  button.setAttribute('aria-pressed', String(isDark));
  drawn.forEach((each) => each.draw());
}

function facts() {
  const place = document.getElementById('provenance');
  for (const [key, fact] of Object.entries(meta.provenance)) {
    place.append(element('dt', key), element('dd', fact));
  }
  document.getElementById('summary').textContent =
    `${meta.prompts.length} prompts, ${meta.labels.length} labels by “${apart(short(meta.key, 60))}”.`;
}

// Nothing found is no finding where nothing could be measured.
function warn() {
  if (!meta.nonFinite.length) return;
  const box = element('div', null, { class: 'warning', id: 'non-finite', role: 'note' });
  box.append(element('p', `Values are NaN or infinite at ${meta.nonFiniteSites} ${meta.nonFiniteSites === 1 ? 'site' : 'sites'}. What is computed of them is not measured: that nothing is found there is no finding.`));
  const list = element('ul');
  meta.nonFinite.forEach((each) => list.append(element('li', apart(short(each, 200)))));
  if (meta.nonFinite.length < meta.nonFiniteSites) list.append(element('li', `and ${meta.nonFiniteSites - meta.nonFinite.length} more`));
  box.append(list);
  document.getElementById('main').append(box);
}

async function start() {
  const query = matchMedia('(prefers-color-scheme: dark)');
  setTheme(query.matches);
  const follow = (event) => setTheme(event.matches);
  query.addEventListener('change', follow);
  document.getElementById('theme').addEventListener('click', () => {
    query.removeEventListener('change', follow);
    setTheme(!dark());
  });
  facts();
  warn();
  await loadNumbers();
  families = meta.families.map((family) => new Family(family));
  const main = document.getElementById('main');
  const observer = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting)
    .forEach((entry) => drawOnce(entry.target)), { rootMargin: '300px' });
  // The rest when there is time, so that the page can be printed, too.
  const drawNext = () => {
    const [next] = draws.keys();
    if (next) {
      drawOnce(next);
      setTimeout(drawNext, 50);
    }
  };
  for (const [id, title, draw, has, about] of SECTIONS) {
    if (!has()) continue;
    const section = element('section', null, { id, 'aria-labelledby': id + '-title' });
    section.append(element('h2', title, { id: id + '-title' }), element('p', about));
    section.style.minHeight = '320px';
    main.append(section);
    document.getElementById('nav').append(element('a', title, { href: '#' + id }));
    draws.set(section, draw);
    observer.observe(section);
  }
  drawNext();
  document.documentElement.dataset.ready = 'yes';
  performance.mark('modscan.ready');
}

start().catch((error) => {
  document.getElementById('main').append(element('p', 'This page could not be drawn: ' + error.message, { class: 'warning', role: 'alert' }));
  throw error;
});

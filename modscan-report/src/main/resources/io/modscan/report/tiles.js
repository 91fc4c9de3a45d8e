// Small pictures side by side, all on one scale. One of them is chosen, by mouse or arrow keys, to be seen large elsewhere; its words
// stand below it for who can't see it, or not its colours.

// spec: what (of the whole), names, about(index) (words), columns, rows, down (first row on top), seams (between cells),
// fill(index, x, y), describe(index, x, y), pick(index), chosen, legend, csv(). Gives back what chooses another from outside.
function tiles(fig, spec) {
  const place = fig.chart;
  place.className = 'tiles' + (spec.columns === spec.rows && spec.down ? ' square' : '') + (spec.names.length > 24 ? ' many' : '');
  place.setAttribute('role', 'radiogroup');
  place.setAttribute('aria-label', `${spec.what}. Arrow keys choose the one that is shown large.`);
  const group = 'tiles' + (tiles.groups = (tiles.groups || 0) + 1);
  const boxes = spec.names.map((name, index) => {
    const box = element('label', null, { class: 'tile' });
    const input = element('input', null, { type: 'radio', name: group, class: 'hidden' });
    input.checked = index === spec.chosen;
    input.addEventListener('change', () => spec.pick(index));
    const canvas = element('canvas', null, { 'aria-hidden': 'true' });
    canvas.addEventListener('pointermove', (event) => {
      const at = canvas.getBoundingClientRect();
      const x = bounded(Math.floor((event.clientX - at.left) / at.width * spec.columns), spec.columns);
      const y = bounded(Math.floor((event.clientY - at.top) / at.height * spec.rows), spec.rows);
      fig.readout.textContent = spec.describe(index, x, spec.down ? y : spec.rows - 1 - y);
    });
    box.append(input, canvas, element('bdi', short(String(name), 40)), element('span', spec.about(index), { class: 'about' }));
    place.append(box);
    return { input, canvas };
  });
  let turn = 0;
  const draw = () => {
    const mine = ++turn;
    fillLegend(fig.legend, spec.legend());
    let next = 0;
    // A few at a time, so that a hundred don't hold up whoever turns back.
    const some = () => {
      for (let cells = 0; next < boxes.length && cells < 40000; next++, cells += spec.columns * spec.rows) paintTile(boxes[next].canvas, spec, next);
      if (next < boxes.length) setTimeout(() => { if (mine === turn) some(); }, 0);
    };
    some();
  };
  drawn.push({ place, draw, end: () => { turn++; } });
  saveButtons(fig, () => tilesAsOne(place), spec.csv);
  draw();
  return { choose: (index) => { boxes.forEach(({ input }, each) => { input.checked = each === index; }); } };
}

function paintTile(canvas, spec, index) {
  const [wide, high] = [Math.max(2, Math.round(480 / spec.columns)), Math.max(2, Math.round(240 / spec.rows))];
  canvas.width = wide * spec.columns;
  canvas.height = high * spec.rows;
  const pen = canvas.getContext('2d');
  // Seams must not be what one sees of many layers.
  const seam = spec.seams ? Math.min(2, Math.floor(Math.min(wide, high) / 8)) : 0;
  for (let y = 0; y < spec.rows; y++) {
    for (let x = 0; x < spec.columns; x++) {
      pen.fillStyle = spec.fill(index, x, y);
      pen.fillRect(x * wide, (spec.down ? y : spec.rows - 1 - y) * high, wide - seam, high - seam);
    }
  }
}

// As they stand on the screen, to be saved.
function tilesAsOne(place) {
  const density = 2;
  const whole = place.getBoundingClientRect();
  const canvas = element('canvas');
  canvas.width = whole.width * density;
  canvas.height = whole.height * density;
  const pen = canvas.getContext('2d');
  pen.textBaseline = 'middle';
  for (const part of place.querySelectorAll('canvas, bdi, .about')) {
    const at = part.getBoundingClientRect();
    const [x, y] = [(at.left - whole.left) * density, (at.top - whole.top) * density];
    if (part.tagName === 'CANVAS') {
      pen.drawImage(part, x, y, at.width * density, at.height * density);
    } else {
      const look = getComputedStyle(part);
      pen.font = `${parseFloat(look.fontSize) * density}px system-ui, sans-serif`;
      pen.fillStyle = look.color;
      pen.fillText(part.textContent, x, y + at.height * density / 2, part.parentElement.clientWidth * density);
    }
  }
  return canvas;
}

// What is written at the ends of axes and scales: as many digits as tell two numbers apart, and no two names alike.

// Digits for numbers of which two are so far apart.
const digitsFor = (reach) => (reach > 0 ? Math.min(12, Math.max(2, 1 - Math.floor(Math.log10(reach)))) : 2);

function reachOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

// An axis from one round number to another, with ticks at round numbers between.
function ticks(values, wanted = 5) {
  let [low, high] = reachOf(values);
  if (low > high) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - (Math.abs(low) * 0.05 || 0.5), high + (Math.abs(high) * 0.05 || 0.5)];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9));
  const digits = Math.min(20, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  // As decimals are written: an end that is off by a rounding would be a tick of its own beside the last one.
  const exact = (value) => Number(value.toFixed(digits));
  return { type: 'value', min: exact(step * Math.floor(low / step + 1e-9)), max: exact(step * Math.ceil(high / step - 1e-9)), interval: exact(step),
    axisLabel: { color: colour('text'), hideOverlap: true, formatter: (tick) => number(tick, digits) } };
}

// An axis by powers of ten for numbers above 0. Its ends are 1, 2 or 5 of a power.
function logTicks(values) {
  const [low, high] = reachOf(values.filter((value) => value > 0));
  const round = (value, up) => {
    const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
    const steps = [1, 2, 5, 10].map((each) => Number((each * power).toPrecision(1)));
    return up ? steps.find((each) => each >= value * (1 - 1e-9)) : steps.reverse().find((each) => each <= value * (1 + 1e-9));
  };
  const [min, max] = low > high ? [1, 10] : [round(low, false), round(high, true)];
  return { type: 'log', min, max: max > min ? max : 10 * min, minorTick: { show: true },
    axisLabel: { color: colour('text'), hideOverlap: true, formatter: (tick) => String(Number(tick.toPrecision(3))) } };
}

// Names as short as there is room for. Where two would read alike, their ends tell them apart, or else a number does.
function axisNames(names, most) {
  const all = names.map(String);
  const alike = (cut) => {
    const of = new Map();
    cut.forEach((each, index) => of.set(each, (of.get(each) || new Set()).add(all[index])));
    return (each) => each !== '' && of.get(each).size > 1;
  };
  let cut = all.map((name) => short(name, most));
  let isAlike = alike(cut);
  cut = cut.map((each, index) => {
    if (!isAlike(each)) return each;
    const letters = Array.from(all[index].slice(-4 * most).replace(/\s+/g, ' ').trim());
    const end = Math.ceil(most / 2);
    return short(each, most - end) + letters.slice(-end).join('');
  });
  isAlike = alike(cut);
  const seen = new Map();
  return cut.map((each, index) => {
    if (!isAlike(each)) return each;
    if (!seen.has(all[index])) seen.set(all[index], seen.size + 1);
    return `${short(each, most - 4)} (${seen.get(all[index])})`;
  });
}

// The legend of a scale from one number to another.
function scaleLegend(low, high, unit = '') {
  if (!(low <= high)) return { chips: [] };
  if (low === high) return { chips: [[() => between(low, low, high), `all ${number(low, 2)}${unit}`]] };
  const digits = digitsFor(high - low);
  return { from: number(low, digits) + unit, to: number(high, digits) + unit };
}

// The legend of a scale that has 0 in its middle.
function aroundLegend(limit, dim = '', lit = '') {
  const end = String(Number(limit.toFixed(digitsFor(2 * limit))));
  return { diverging: true, from: `${dim}−${end}`, to: `+${end}${lit}` };
}

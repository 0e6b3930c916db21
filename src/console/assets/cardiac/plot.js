/** A line over time with its units, gaps as gaps, a summary in words and the same as a table. */
import { element, moment, say } from '../page.js';
import Plot from '../vendor/uplot.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LONG = 15 * 60_000;

/** A silence is a gap where it is far longer than what is usual between two values. */
function withGaps(points) {
  const steps = points.slice(1).map(([at], i) => at - points[i][0]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] ?? 0;
  const longest = Math.max(LONG, 4 * usual);
  const [times, values] = [[], []];
  let gaps = 0;
  points.forEach(([at, value], i) => {
    const before = points[i - 1]?.[0];
    if (before !== undefined && at - before > longest) {
      times.push((before + at) / 2_000);
      values.push(null);
      gaps++;
    }
    // Two values of one moment: a line has one.
    if (at / 1_000 === times.at(-1)) values[values.length - 1] = value;
    else {
      times.push(at / 1_000);
      values.push(value);
    }
  });
  return { data: [times, values], gaps };
}

const two = (number) => String(number).padStart(2, '0');
const hours = (seconds) => {
  const at = new Date(seconds * 1_000);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
};
const days = (seconds) => {
  const at = new Date(seconds * 1_000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
};

function table({ name, unit, points }) {
  const rows = points.toReversed().map(([at, value]) => element('tr', {}, element('td', {}, moment(at)), element('td', { class: 'number' }, `${value} ${unit}`)));
  const head = element('tr', {}, element('th', { scope: 'col' }, say('cardiac.time')), element('th', { scope: 'col' }, `${say('cardiac.value')} (${unit})`));
  const whole = element('details', {}, element('summary', {}, say('cardiac.table')));
  // A thousand rows are made for who wants them.
  whole.addEventListener('toggle', () => {
    if (whole.open && whole.childElementCount === 1)
      whole.append(
        element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, element('table', {}, element('thead', {}, head), element('tbody', {}, rows))),
      );
  });
  return whole;
}

/** Puts a chart of one series into `place`; `sync` names charts whose cursors go together. */
export function plot(place, series, { from, to, sync, height = 160 }) {
  const { name, unit, points } = series;
  const { data, gaps } = withGaps(points);
  const values = points.map(([, value]) => value);
  const [at, last] = points.at(-1);
  const count = points.length;
  const text = say('cardiac.summary', { count, low: Math.min(...values), high: Math.max(...values), unit, last, time: moment(at) });
  const words = gaps > 0 ? `${text}; ${say('cardiac.gaps', { count: gaps })}` : text;
  const box = element('div', { class: 'plot', role: 'img', 'aria-label': `${name}. ${words}` });
  place.append(element('figure', {}, element('h3', {}, `${name} (${unit})`), box, element('figcaption', { class: 'hint' }, words), table(series)));
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
  const isDay = to - from <= 86_400_000;
  const drawn = new Plot(
    {
      width: Math.max(200, box.clientWidth),
      height,
      legend: { show: false },
      cursor: { sync: { key: sync ?? name }, y: false },
      scales: { x: { time: true, range: [from / 1_000, to / 1_000] } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map(isDay ? hours : days), space: isDay ? 60 : 90 },
        { ...axis, size: 56 },
      ],
      series: [{}, { label: name, stroke: colour('--focus'), width: 2, spanGaps: false, points: { show: count < 200, size: 5 } }],
    },
    data,
    box,
  );
  const resized = new ResizeObserver(() => {
    if (box.isConnected && Math.abs(box.clientWidth - drawn.width) > 1) drawn.setSize({ width: Math.max(200, box.clientWidth), height });
  });
  resized.observe(box);
  return () => {
    resized.disconnect();
    drawn.destroy();
  };
}

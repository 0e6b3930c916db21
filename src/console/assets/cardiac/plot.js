/** A line over time with its units, gaps as gaps, a summary in words and the same as a table. */
import { element, moment, say } from '../page.js';
import { unitText, valueName } from './named.js';
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

/** Rows are made for who opens it; `fill` again when there are newer values. */
function table(name, unit) {
  const body = element('tbody');
  const head = element('tr', {}, element('th', { scope: 'col' }, say('cardiac.time')), element('th', { scope: 'col' }, `${say('cardiac.value')} (${unit})`));
  const region = element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': name }, element('table', {}, element('thead', {}, head), body));
  const whole = element('details', {}, element('summary', {}, say('cardiac.table')), region);
  let points = [];
  const rows = () =>
    whole.open &&
    body.replaceChildren(...points.toReversed().map(([at, value, beyond]) => element('tr', {}, element('td', {}, moment(at)), element('td', { class: 'number' }, `${value} ${unit}${beyond ? `, ${say(`cardiac.beyond.${beyond}`)}` : ''}`))));
  whole.addEventListener('toggle', rows);
  return {
    whole,
    fill(next) {
      points = next;
      rows();
    },
  };
}

function wordsOf({ points, band }, unit, gaps) {
  const values = points.map(([, value]) => value);
  const [at, last] = points.at(-1);
  const about = { count: points.length, low: Math.min(...values), high: Math.max(...values), unit, last, time: moment(at) };
  const text = say('cardiac.summary', about);
  const beyond = points.filter(([, , how]) => how).length;
  const normal = band && say(band.low === undefined ? 'cardiac.band.high' : band.high === undefined ? 'cardiac.band.low' : 'cardiac.band', { ...band, unit });
  return [text, normal, beyond > 0 && say('cardiac.beyond', { count: beyond }), gaps > 0 && say('cardiac.gaps', { count: gaps })].filter(Boolean).join('; ');
}

/** What is normal, behind the line; an end that is open goes on to the edge. */
function backdrop(drawn, band) {
  if (!band) return;
  const { ctx: pen, bbox } = drawn;
  const y = (value, edge) => (value === undefined ? edge : Math.min(bbox.top + bbox.height, Math.max(bbox.top, drawn.valToPos(value, 'y', true))));
  const [top, end] = [y(band.high, bbox.top), y(band.low, bbox.top + bbox.height)];
  pen.save();
  pen.globalAlpha = 0.14;
  pen.fillStyle = colour('--good');
  pen.fillRect(bbox.left, top, bbox.width, end - top);
  pen.restore();
}

/** A triangle on each value beyond its limits: up for what is high, down for what is low. */
function marks(drawn, points) {
  const { ctx: pen } = drawn;
  const size = 5 * (devicePixelRatio || 1);
  pen.save();
  pen.fillStyle = colour('--critical');
  for (const [at, value, beyond] of points) {
    if (!beyond) continue;
    const [x, y] = [drawn.valToPos(at / 1_000, 'x', true), drawn.valToPos(value, 'y', true)];
    const way = beyond.startsWith('H') ? -1 : 1;
    pen.beginPath();
    pen.moveTo(x, y + way * size);
    pen.lineTo(x - size, y - way * size);
    pen.lineTo(x + size, y - way * size);
    pen.fill();
  }
  pen.restore();
}

/** Puts a chart of one series into `place`; `sync` names charts whose cursors go together. Returns how to bring it up to date, and to end it. */
export function plot(place, series, { from, to, sync, height = 160 }) {
  const unit = unitText(series.unit);
  const name = valueName(series);
  const box = element('div', { class: 'plot', role: 'img' });
  const caption = element('figcaption', { class: 'hint' });
  const values = table(name, unit);
  place.append(element('figure', {}, element('h3', {}, `${name} (${unit})`), box, caption, values.whole));
  let { points, band } = series;
  let range = [from / 1_000, to / 1_000];
  const isDay = to - from <= 86_400_000;
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
  const drawn = new Plot(
    {
      width: Math.max(200, box.clientWidth),
      height,
      legend: { show: false },
      hooks: { drawClear: [(chart) => backdrop(chart, band)], draw: [(chart) => marks(chart, points)] },
      cursor: { sync: { key: sync ?? name }, y: false },
      scales: { x: { time: true, range: () => range } },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map(isDay ? hours : days), space: isDay ? 60 : 90, size: 34 },
        // As wide as its longest label.
        { ...axis, space: 22, size: (_, ticks) => Math.max(56, ...(ticks ?? []).map((tick) => 20 + 8 * tick.length)) },
      ],
      series: [{}, { label: name, stroke: colour('--focus'), width: 2, spanGaps: false, points: { show: series.points.length < 200, size: 5 } }],
    },
    [[], []],
    box,
  );
  const resized = new ResizeObserver(() => {
    if (box.isConnected && Math.abs(box.clientWidth - drawn.width) > 1) drawn.setSize({ width: Math.max(200, box.clientWidth), height });
  });
  resized.observe(box);

  function update(next, span) {
    range = [span.from / 1_000, span.to / 1_000];
    ({ points, band } = next);
    const { data, gaps } = withGaps(points);
    drawn.setData(data);
    caption.textContent = wordsOf(next, unit, gaps);
    box.setAttribute('aria-label', `${name}. ${caption.textContent}`);
    values.fill(points);
  }
  update(series, { from, to });
  return {
    update,
    end() {
      resized.disconnect();
      drawn.destroy();
    },
  };
}

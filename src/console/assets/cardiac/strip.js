/** A strip of an electrogram to scale, as on paper: 25 mm/s, 10 mm/mV. https://hl7.org/fhir/R4/datatypes.html#SampledData */
import { element, moment, say } from '../page.js';

/** CSS pixels of a millimetre. */
const MM = 96 / 25.4;
const [SPEED, GAIN] = [25, 10];
const HEIGHT = 50;
/** Millimetres that a canvas takes; what is longer is cut, and says how long it is. */
const WIDEST = 1_500;
const inMillivolt = { mV: 1, uV: 0.001, 'µV': 0.001, V: 1_000 };

/** Samples as numbers; `E`, `L` and `U` are none. */
const samplesOf = ({ data, factor }) => data.trim().split(/\s+/).map((word) => (/^[ELU]$/.test(word) ? undefined : Number(word) * factor));

export function strip(place, told) {
  const { at, title, period, unit } = told;
  const samples = samplesOf(told);
  const scale = inMillivolt[unit];
  const known = samples.filter((sample) => sample !== undefined);
  const highest = known.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) || 1;
  // Without a unit of voltage the height says nothing, and the page says so.
  const gain = scale === undefined ? (HEIGHT / 2 - 5) / highest : scale * GAIN;
  const seconds = (samples.length * period) / 1_000;
  const width = Math.min(WIDEST, Math.max(25, seconds * SPEED));
  const canvas = document.createElement('canvas');
  const sharp = Math.min(2, devicePixelRatio || 1);
  [canvas.width, canvas.height] = [width * MM * sharp, HEIGHT * MM * sharp];
  [canvas.style.width, canvas.style.height] = [`${width * MM}px`, `${HEIGHT * MM}px`];
  const name = title ?? say('cardiac.strips');
  const words = `${moment(at)}, ${say('cardiac.strip.length', { seconds: seconds.toFixed(1) })}, ${scale === undefined ? say('cardiac.strip.unscaled', { unit: unit || '?' }) : say('cardiac.strip.scale')}`;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${name}. ${words}`);
  place.append(
    element('figure', {}, element('h3', {}, name), element('div', { class: 'strip', tabindex: 0, role: 'region', 'aria-label': name }, canvas), element('figcaption', { class: 'hint' }, words)),
  );
  draw(canvas.getContext('2d'), { sharp, width, gain, period, samples });
}

function draw(pen, { sharp, width, gain, period, samples }) {
  pen.scale(MM * sharp, MM * sharp);
  pen.fillStyle = '#fffaf7';
  pen.fillRect(0, 0, width, HEIGHT);
  for (const [step, colour, thin] of [
    [1, '#f6d9cf', 0.08],
    [5, '#e3a590', 0.15],
  ]) {
    pen.beginPath();
    for (let x = 0; x <= width; x += step) pen.rect(x, 0, thin, HEIGHT);
    for (let y = 0; y <= HEIGHT; y += step) pen.rect(0, y, width, thin);
    pen.fillStyle = colour;
    pen.fill();
  }
  pen.strokeStyle = '#1c1917';
  pen.lineWidth = 0.3;
  pen.lineJoin = 'round';
  pen.beginPath();
  let isDown = false;
  samples.forEach((sample, i) => {
    if (sample === undefined) {
      isDown = false;
      return;
    }
    const [x, y] = [((i * period) / 1_000) * SPEED, HEIGHT / 2 - sample * gain];
    if (isDown) pen.lineTo(x, y);
    else pen.moveTo(x, y);
    isDown = true;
  });
  pen.stroke();
}

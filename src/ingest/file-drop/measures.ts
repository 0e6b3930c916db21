/** What the file drop tells Prometheus: files by what became of them, and how many wait. docs/file-drop.md */
import type { Measure } from '../../measure.ts';
import type { FileDrop } from './room.ts';

export const fileDropMeasures = ({ totals }: Pick<FileDrop, 'totals'>): readonly Measure[] => [
  {
    name: 'iot_files',
    help: 'Files of the inbox, by what became of them.',
    kind: 'counter',
    labels: ['outcome'],
    read: () => [
      { labels: { outcome: 'processed' }, value: totals().processed },
      { labels: { outcome: 'failed' }, value: totals().failed },
    ],
  },
  {
    name: 'iot_files_waiting',
    help: 'Files in the inbox that are not whole yet, or wait for the store.',
    kind: 'gauge',
    labels: [],
    read: () => [{ labels: {}, value: totals().waiting }],
  },
];

/** How arguments of commands are read, and where their lines go. */
import { InvalidArgumentError } from 'commander';
import { systemRuntime } from '../runtime.ts';

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** One line that is written over while work goes on; plain lines where nobody watches. */
export function progressLine() {
  let shown = 0;
  return (text: string, isLast = false) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}${isLast ? '\n' : ''}`);
    else if (isLast || systemRuntime.now() - shown > 2_000) {
      shown = systemRuntime.now();
      process.stderr.write(`${text}\n`);
    }
  };
}

export const whole = (text: string) => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
};
export const seconds = (text: string) => {
  if (!/^\d{1,6}(\.\d+)?$/.test(text)) throw new InvalidArgumentError('must be a number of seconds');
  return Number(text);
};
export const list = (text: string) => text.split(',').map((item) => item.trim());

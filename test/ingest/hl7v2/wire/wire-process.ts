/** The wire room as a process of its own: one that kills itself at chosen steps, or one whose memory is looked at. Run by mllp.long.test.ts. */
import { openWireRoom } from './wire-room.ts';

const [folder, port, mode] = process.argv.slice(2) as [string, string, 'crash' | 'sink' | 'plain'];
const die = () => process.kill(process.pid, 'SIGKILL');

const room = await openWireRoom({
  folder,
  settings: { WATCHFIRE_MLLP_PORT: port },
  takeIn: (real) => {
    if (mode === 'plain') return real;
    if (mode === 'sink') {
      return async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return { status: 200 };
      };
    }
    return async (...of) => {
      const chance = Math.random();
      if (chance < 0.02) die();
      // In the middle of the commit, or of others'.
      if (chance < 0.04) setTimeout(die, Math.random() * 4);
      const answer = await real(...of);
      if (chance > 0.98) die();
      // The answer is on its way by then.
      if (chance > 0.96) setTimeout(die, 1);
      return answer;
    };
  },
});
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(`listening ${room.port}\n`);

/** One key to acknowledge, and ten seconds to take that back: the same in the list and on the page of a patient. docs/dashboard.md */
import { announce, ask, clock, note, offerUndo, say, whenSignedIn } from '../page.js';
import { whoText } from './named.js';

/** The server allows ten seconds from its own clock; the way there takes some. */
const UNDO_SECONDS = 9;
const underway = new Set();
/** Who looks: `Practitioner/7`. */
let me;
whenSignedIn(({ who }) => {
  me = who;
});

/** `about` names the alert and its patient for people; `onDone` hears when it was acknowledged, `onUndone` that it was taken back. */
export async function acknowledge({ alert_id: id, flag, task }, about, onDone, onUndone) {
  if (underway.has(id)) return;
  underway.add(id);
  const path = `/cardiac/alerts/${encodeURIComponent(id)}/acknowledge`;
  try {
    const { acknowledged_by: by, acknowledged_at: at } = await ask(path, { method: 'POST' });
    onDone(at);
    underway.delete(id);
    if (by !== me) {
      const { rows } = await ask(`/console/api/triage?${flag ? 'flag' : 'task'}=${encodeURIComponent(flag ?? task)}`);
      return void note(say('cardiac.acknowledged.before', { by: whoText(rows[0]?.acknowledged_by ?? by), time: clock(at) }));
    }
    if (!(await offerUndo(say('cardiac.acknowledged', about), UNDO_SECONDS))) return;
    await ask(`${path}/undo`, { method: 'POST' });
    onUndone();
    announce(say('cardiac.undone'));
  } catch (error) {
    note(say('failed', { why: error.message }), { isFault: true });
  } finally {
    underway.delete(id);
  }
}

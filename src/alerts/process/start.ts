/** Where the two-stage process hangs on an alert: what it adds to the commit in which an alert opens, gets worse or ends. docs/alerts.md */
import type { Pending } from '../../interactions/interaction.ts';
import type { Look } from '../../store/store.ts';
import type { Alert, AlertSetting } from '../alert.ts';

export const startProcess = (_alert: Alert, _setting: AlertSetting): Pending => [];

export const raiseProcess = async (
  _alert: Alert,
  _setting: AlertSetting,
  _pending: Pending,
  _look: Look,
): Promise<Pending> => [];

export const endProcess = async (
  _alert: Alert,
  _setting: AlertSetting,
  _pending: Pending,
  _look: Look,
): Promise<Pending> => [];

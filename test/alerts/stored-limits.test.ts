/** Limits that somebody stores go before the shipped ones at the next reading. */
import { storedLimitsOn } from './stored-limits.ts';

storedLimitsOn('sqlite');

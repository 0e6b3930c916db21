/** The same of two servers on one database. */
import { describeOnMongod } from '../support/describe-mongod.ts';
import { storedLimitsOn } from './stored-limits.ts';

describeOnMongod('Two servers', () => storedLimitsOn('mongodb'));

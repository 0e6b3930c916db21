/** healthcare_device_activity_log: what devices asked for, and what became of it, out of the audit trail; with the right to AuditEvent. docs/cardiac.md */
import { keyOf } from '../../fhir/references.ts';
import { byDevice } from './filters.ts';
import type { Table } from './table.ts';

export const deviceActivityLog: Table = {
  name: 'healthcare_device_activity_log',
  columns: [
    { name: 'device_id', type: 'text', nullable: true },
    { name: 'api_key', type: 'text', nullable: true },
    { name: 'ip_address', type: 'text' },
    { name: 'timestamp', type: 'datetime' },
    { name: 'action', type: 'text' },
    { name: 'response_status', type: 'integer' },
    { name: 'error_message', type: 'text', nullable: true },
  ],
  sort: 'timestamp',
  type: 'AuditEvent',
  needs: ['Device'],
  hasTotal: false,
  where: () => [['_sort', '-date']],
  filters: { device_id: byDevice('agent') },
  async rowsOf(groups, _sight, { search, rows, canonical }) {
    const events = groups.flat();
    const deviceIn = (event: any): string | undefined => {
      const reference: string | undefined = event.agent?.[0]?.who?.reference;
      return keyOf(reference ?? '')?.type === 'Device' ? reference : undefined;
    };
    const references = [...new Set(events.flatMap((event) => deviceIn(event) ?? []))];
    const ids = references.map((one) => one.split('/')[1]).join(',');
    const found =
      ids === ''
        ? []
        : (
            await search('Device', [
              ['_id', ids],
              ['_count', '1000'],
            ])
          ).matches;
    const names = new Map(found.map((device) => [`Device/${device.id}`, rows.device(device).device_id]));
    return events.map((event) => {
      const agent = event.agent?.[0];
      const device = deviceIn(event);
      const identifier = agent?.who?.identifier;
      const key = identifier?.system === `${canonical}/sid/api-key` ? identifier.value : undefined;
      // A key that was refused is nobody's; tokens of apps have prefixes of another form.
      if (device === undefined && !key?.startsWith('wfk_')) return undefined;
      const [, status = '', error = ''] = /^(\d{3}) ?(.*)$/.exec(event.outcomeDesc ?? '') ?? [];
      return {
        device_id: device === undefined ? null : (names.get(device) ?? device.split('/')[1]),
        api_key: key ?? null,
        ip_address: agent?.network?.address ?? '',
        timestamp: event.recorded,
        action: event.subtype?.[0]?.code ?? event.action ?? '',
        response_status: Number(status),
        error_message: error || null,
      };
    });
  },
};

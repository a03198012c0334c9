// What the status bar says, in words.

import type { ServerState } from './client.ts';
import type { Status } from './protocol.ts';

export interface Words {
  text: string;
  tooltip: string[];
  warn: boolean;
}

export function statusWords(trusted: boolean, state: ServerState, problem: string, s: Status | undefined): Words {
  if (!trusted) return { text: '$(shield) fpbls', tooltip: ['The workspace is not trusted: the language server does not run'], warn: false };
  switch (state) {
    case 'off':
      return { text: '$(circle-slash) fpbls', tooltip: ['The language server does not run'], warn: false };
    case 'starting':
      return { text: '$(sync~spin) fpbls', tooltip: ['The language server starts'], warn: false };
    case 'failed':
      return { text: '$(error) fpbls', tooltip: [problem], warn: true };
  }
  if (!s) return { text: '$(circuit-board) fpbls', tooltip: ['No folder is open'], warn: false };
  const busy = s.jobs.find((j) => j.running);
  const icon = busy ? '$(sync~spin)' : s.match === 'mismatch' ? '$(warning)' : s.connected ? '$(circuit-board)' : '$(debug-disconnect)';
  const tooltip = [s.port ? `Port: ${s.port}` : 'No port is set'];
  if (s.connected) {
    tooltip.push(`Loader: ${s.loader}`, `Slots: ${s.slotsUsed} of ${s.slotsTotal} used`);
  }
  tooltip.push(`Firmware: ${s.elf || 'no ELF was found'}${s.connected ? `, ${matchWords(s)}` : ''}`);
  if (s.health) tooltip.push(`Line: ${s.health}`);
  if (busy) tooltip.push(busy.title);
  if (s.lost?.length) tooltip.push(`Lost by a reset: ${s.lost.map((p) => p.function ?? p.original).join(', ')}`);
  return { text: `${icon} Board: ${s.text}`, tooltip, warn: s.match === 'mismatch' };
}

export function matchWords(s: Status): string {
  switch (s.match) {
    case 'match':
      return 'the one on the board';
    case 'mismatch':
      return 'not the one on the board';
    default:
      return 'not compared with the board yet';
  }
}

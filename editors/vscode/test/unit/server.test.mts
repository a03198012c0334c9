import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findServer, type Places } from '../../src/discovery.ts';
import { relative } from '../../src/listing.ts';
import { skew, version, type Status } from '../../src/protocol.ts';
import { statusWords } from '../../src/words.ts';

let root: string;
const at = (...names: string[]) => join(root, ...names);

before(() => {
  root = mkdtempSync(join(tmpdir(), 'fpbls-unit-'));
  for (const folder of ['extension/bin', 'bare', 'path', 'path2', 'tools/folder']) mkdirSync(at(folder), { recursive: true });
  for (const file of ['extension/bin/fpbls', 'path2/fpbls', 'tools/fpbls']) {
    writeFileSync(at(file), '#!/bin/sh\n');
    chmodSync(at(file), 0o755);
  }
  writeFileSync(at('path/fpbls'), 'not executable');
});
after(() => rmSync(root, { recursive: true }));

test('where the server is looked for', () => {
  const places = (p: Partial<Places>): Places => ({
    setting: '', extension: at('bare'), path: `relative:${at('path')}:${at('path2')}`, platform: 'linux', ...p,
  });
  const found = (p: Partial<Places>) => {
    const f = findServer(places(p));
    return 'file' in f ? f.file.slice(root.length) : f.missing.replaceAll(root, '');
  };
  assert.equal(found({ setting: at('tools/fpbls'), extension: at('extension') }), '/tools/fpbls');
  assert.equal(found({ extension: at('extension') }), '/extension/bin/fpbls');
  assert.equal(found({}), '/path2/fpbls');
  assert.match(found({ path: at('path') }), /not found: neither with the extension nor on the PATH/);
  assert.match(found({ path: '' }), /not found/);
  assert.match(found({ setting: 'fpbls' }), /not an absolute path: fpbls/);
  assert.match(found({ setting: at('nowhere') }), /names no program: \/nowhere/);
  assert.match(found({ setting: at('tools/folder') }), /names no program/);
});

test('versions that do not fit', () => {
  assert.equal(skew({ fpbls: { version } }), undefined);
  assert.match(skew(undefined)!, /too old for this extension/);
  assert.match(skew({ fpbls: {} })!, /too old for this extension/);
  assert.match(skew({ fpbls: { version: version - 1 } })!, /update fpbls/);
  assert.match(skew({ fpbls: { version: version + 1 } })!, /update the extension/);
});

test('listings can be compared', () => {
  const before = 'f:\n08000a14  b508        push {r3, lr}\n08000a16  f7ff fffe   bl g\n08000a1a  bd08        pop {r3, pc}\n';
  const after = 'f:\n       0  b508        push {r3, lr}\n       2  f000 f801   bl g\n       6  bd08        pop {r3, pc}\n';
  assert.equal(relative(before), 'f:\n  +0x00  push {r3, lr}\n  +0x02  bl g\n  +0x06  pop {r3, pc}\n');
  assert.equal(relative(after), relative(before));
});

test('the status in words', () => {
  const status: Status = {
    folder: 'file:///p', elf: '/p/a.elf', text: '1/6 slots', connected: true, port: 'sim:', loader: 'v1.5.6', match: 'match',
    patches: [], slotsUsed: 1, slotsTotal: 6, health: 'responsive', jobs: [],
  };
  const words = (change: Partial<Status>) => statusWords(true, 'running', '', { ...status, ...change });
  assert.deepEqual(words({}), {
    text: '$(circuit-board) Board: 1/6 slots',
    tooltip: ['Port: sim:', 'Loader: v1.5.6', 'Slots: 1 of 6 used', 'Firmware: /p/a.elf, the one on the board', 'Line: responsive'],
    warn: false,
  });
  assert.ok(words({ match: 'mismatch' }).warn);
  assert.match(words({ jobs: [{ id: 1, title: 'Injecting f', running: true }] }).text, /sync~spin/);
  assert.match(statusWords(false, 'off', '', undefined).tooltip.join(), /not trusted/);
  assert.deepEqual(statusWords(true, 'failed', 'no program', undefined).tooltip, ['no program']);
});

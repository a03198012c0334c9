import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineEnds, Pacer, window } from '../../src/pacer.ts';

// server sends text as the language server does: never more than window messages
// ahead of what was confirmed.
function server(messages: string[]) {
  let next = 0;
  let acked = 0;
  let ahead = 0;
  let written = '';
  let done: () => void;
  const end = new Promise<void>((resolve) => (done = resolve));
  const pacer = new Pacer({
    write: (text) => (written += text),
    confirm(seq) {
      assert.ok(seq > acked, 'confirmed in order');
      acked = seq;
      if (acked === messages.length) done();
      send();
    },
  });
  const send = () => {
    while (next < messages.length && next - acked < window) {
      pacer.add({ folder: '', seq: ++next, text: messages[next - 1]! });
      ahead = Math.max(ahead, pacer.waiting);
    }
  };
  send();
  return { end, written: () => written, ahead: () => ahead };
}

test('a megabyte arrives whole and in order, and little of it waits', async () => {
  const line = (n: number) => `line ${String(n).padStart(8)} with some text\r\n`;
  const messages: string[] = [];
  for (let n = 0; messages.join('').length < 1 << 20; ) {
    let text = '';
    while (text.length < 16 << 10) text += line(n++);
    messages.push(text);
  }
  const s = server(messages);
  await s.end;
  assert.equal(s.written(), messages.join(''));
  assert.ok(s.ahead() <= window * (17 << 10), `${s.ahead()} characters waited`);
});

test('what was lost is marked where it was', () => {
  let written = '';
  const pacer = new Pacer({ write: (t) => (written += t), confirm() {} });
  pacer.add({ folder: '', seq: 1, text: 'before' });
  pacer.dispose();
  pacer.add({ folder: '', seq: 2, lost: 512, text: 'after' });
  pacer.dispose();
  assert.match(written, /^before\r\n.*512 bytes lost here.*\r\nafter$/s);
});

test('a character of two halves is not cut', async () => {
  const text = 'x' + '🙂'.repeat(20_000);
  const parts: string[] = [];
  await new Promise<void>((resolve) => {
    const pacer = new Pacer({ write: (t) => parts.push(t), confirm: () => resolve() });
    pacer.add({ folder: '', seq: 1, text });
  });
  assert.equal(parts.join(''), text);
  for (const p of parts) assert.ok(p.isWellFormed());
});

test('line ends', () => {
  for (const [chunks, want] of [
    [['a\nb'], 'a\r\nb'],
    [['a\r\nb'], 'a\r\nb'],
    [['a\r', '\nb'], 'a\r\nb'],
    [['a', '\nb\n', '\n'], 'a\r\nb\r\n\r\n'],
    [['a\n\nb'], 'a\r\n\r\nb'],
  ] as const) {
    const ends = new LineEnds();
    assert.equal(chunks.map((c) => ends.toTerminal(c)).join(''), want);
  }
});

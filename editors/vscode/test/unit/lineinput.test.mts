import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineInput } from '../../src/lineinput.ts';

test('a line is sent when it is complete', () => {
  const input = new LineInput();
  assert.deepEqual(input.type('ab'), { echo: 'ab', send: [] });
  assert.deepEqual(input.type('\x7f'), { echo: '\b \b', send: [] });
  assert.deepEqual(input.type('c\r'), { echo: 'c\r\n', send: ['ac\n'] });
  assert.deepEqual(input.type('\x7f'), { echo: '', send: [] });
});

test('lines are pasted', () => {
  assert.deepEqual(new LineInput().type('a\r\nb\nc').send, ['a\n', 'b\n']);
});

test('cursor keys and other controls are no text', () => {
  assert.deepEqual(new LineInput().type('\x1b[A\x1b[1;5C\x1bOP\x01x'), { echo: 'x', send: [] });
});

test('Ctrl-C drops the line', () => {
  const input = new LineInput();
  input.type('abc');
  assert.deepEqual(input.type('\x03'), { echo: '\x1b[3D\x1b[J', send: [] });
  assert.deepEqual(input.type('x\r').send, ['x\n']);
});

test('output goes above the line', () => {
  const input = new LineInput();
  assert.equal(input.around('out\r\n'), 'out\r\n');
  input.type('ab');
  assert.equal(input.around('out\r\n'), '\x1b[2D\x1b[Jout\r\nab');
});

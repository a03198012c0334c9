// What has the version in it is in step.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

test('the changelog begins with the version of the extension', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.equal(/^## (\S+)/m.exec(readFileSync('CHANGELOG.md', 'utf8'))?.[1], version);
});

// Runs the tests inside the extension host: once in a trusted workspace, once in
// one that is not.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { extension, Session } from '../harness.mts';

for (const trust of [true, false]) {
  const session = new Session();
  try {
    const board = await session.board();
    session.edit('fpbls.toml', (s) => s.replace('"sim:"', JSON.stringify(board.address)));
    await session.start({ trust, arguments: ['--vscode-option', 'enable-smoke-test-driver'] });
    const code = await run(session);
    console.log(readFileSync(join(session.root, 'report'), 'utf8'));
    if (code !== 0) {
      console.error(`the extension host ended with ${code}`);
      process.exitCode = 1;
    }
  } finally {
    await session.stop();
  }
}

async function run(session: Session): Promise<unknown> {
  const page = await session.page();
  const ended = new Promise((resolve) => page.exposeFunction('codeAutomationExit', resolve));
  await page.exposeFunction('codeAutomationLog', () => undefined);
  const remote = (path: string) => `vscode-remote://${new URL(session.url).host}${path}`;
  const payload = [
    ['extensionDevelopmentPath', remote(extension)],
    ['extensionTestsPath', remote(join(extension, 'dist', 'test', 'index.js'))],
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ];
  await page.goto(`${session.url}/?folder=${encodeURIComponent(session.project)}&payload=${encodeURIComponent(JSON.stringify(payload))}`);
  const late = new Promise((resolve) => setTimeout(resolve, 180_000, 'nothing in three minutes').unref());
  return Promise.race([ended, late]);
}

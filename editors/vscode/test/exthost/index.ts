// Runs inside the extension host.

import { appendFileSync } from 'node:fs';
import { format } from 'node:util';
import Mocha from 'mocha';
import * as vscode from 'vscode';

export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, color: false, reporter: 'spec' });
  // The console has much else to say.
  Mocha.reporters.Base.consoleLog = (...args: unknown[]) => appendFileSync(process.env['FPBLS_REPORT']!, `${format(...args)}\n`);
  mocha.suite.emit('pre-require', globalThis, null, mocha);
  if (vscode.workspace.isTrusted) await import('./trusted.ts');
  else await import('./untrusted.ts');
  await new Promise<void>((resolve, reject) => {
    mocha.run((failures) => (failures ? reject(new Error(`${failures} tests failed`)) : resolve()));
  });
}

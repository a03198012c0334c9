// What a person does with the extension, in the real VS Code, with screenshots.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { extension, Session } from '../harness.mts';

const shots = process.env['FPBLS_SHOTS'] ?? join(extension, 'test', 'out');
mkdirSync(shots, { recursive: true });
const began = Date.now();
const step = (what: string) => console.log(`${String(Date.now() - began).padStart(7)} ms  ${what}`);

const session = new Session();
let page: any;
try {
  let board = await session.board();
  session.edit('fpbls.toml', (s) => s.replace('"sim:"', JSON.stringify(board.address)));
  await session.start({ vsix: join(extension, 'dist', 'fpbls.vsix') });
  page = await session.page();
  await story(board);
  console.log('the story held');
} catch (error) {
  console.error(error);
  await page?.screenshot({ path: join(shots, 'failed.png') }).catch(() => undefined);
  process.exitCode = 1;
} finally {
  await session.stop();
}

async function story(board: Awaited<ReturnType<Session['board']>>): Promise<void> {
  const shot = (name: string) => page.screenshot({ path: join(shots, `${name}.png`) });
  const key = (k: string) => page.keyboard.press(k);
  const type = (t: string) => page.keyboard.type(t);

  // again does it until it has an effect: a menu closes, and a row is drawn anew under the
  // mouse, when something else happens in that moment. A person would do it again, too.
  async function again(f: () => Promise<void>, done: any, state: 'visible' | 'detached' = 'visible'): Promise<void> {
    for (let tries = 1; ; tries++) {
      await f();
      try {
        return await done.waitFor({ state, timeout: 10_000 });
      } catch (error) {
        if (tries === 3) throw error;
      }
    }
  }
  // palette runs a command by its title.
  async function palette(title: string): Promise<void> {
    await key('F1');
    await page.locator('.quick-input-widget input.input').waitFor();
    await type(title);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().waitFor();
    await key('Enter');
  }
  async function goTo(line: number, column: number): Promise<void> {
    await page.locator('.editor-instance .monaco-editor .view-lines').first().click({ position: { x: 300, y: 5 } });
    await key('Control+G');
    await page.locator('.quick-input-widget input.input').waitFor();
    await type(`${line}:${column}`);
    await key('Enter');
    await page.locator('.quick-input-widget input.input').waitFor({ state: 'hidden' });
  }
  const lens = (text: string | RegExp) => page.locator('.codelens-decoration a', { hasText: text });
  const row = (text: string | RegExp) => page.locator('.pane-body .monaco-list-row', { hasText: text });
  const bar = (text: string | RegExp) => page.locator('.part.statusbar .statusbar-item', { hasText: text });
  const told = (text: string | RegExp) => page.locator('.notification-list-item-message', { hasText: text });
  const terminal = (text: string, options?: { timeout: number }) =>
    page.waitForFunction(
      (t: string) => [...(globalThis as any).document.querySelectorAll('.xterm-rows > div')].slice(-9).some((l: any) => l.textContent.replace(/\u00a0/g, ' ').includes(t)),
      text,
      options,
    );
  const clear = () => palette('Notifications: Clear All Notifications');

  await page.goto(`${session.url}/?folder=${encodeURIComponent(session.project)}`);
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'fpbls.toml' }).waitFor();
  await key('Control+P');
  await page.locator('.quick-input-widget input.input').waitFor();
  await type('status.c');
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'status.c' }).first().waitFor();
  await key('Enter');
  await lens('Inject').first().waitFor();
  await bar('not connected').waitFor();
  step('the file is open: lenses, status bar');

  // The view welcomes; connecting from it.
  await page.locator('.activitybar .action-item a[aria-label="Board"]').click();
  await page.locator('.welcome-view-content', { hasText: 'No board is connected' }).waitFor();
  await shot('welcome');
  await page.locator('.welcome-view-content a.monaco-button', { hasText: 'Connect' }).click();
  await row('0 of 6 slots').waitFor();
  await bar('0/6 slots').waitFor();
  step('connected from the view');

  await palette("fpbls: Show the Board's Output");
  await terminal('all systems nominal');
  step('the terminal shows what the board prints');

  // By code action.
  await goTo(6, 20);
  await key('End');
  for (let i = 0; i < 'all systems nominal";'.length; i++) await key('Backspace');
  await type('patched by action";');
  const inject = page.locator('.action-widget .monaco-list-row', { hasText: 'Inject `status_text`' });
  await again(() => key('Control+.'), inject);
  await shot('action');
  await inject.click();
  await told(/status_text → slot \d/).first().waitFor();
  await terminal('patched by action');
  await lens(/live, slot 0/).waitFor();
  await row('status_text').waitFor();
  await bar('1/6 slots').waitFor();
  await shot('injected');
  step('injected by action: message, lens, view, status bar, output');

  // By lens.
  await clear();
  await goTo(6, 25);
  await key('End');
  for (let i = 0; i < 'action";'.length; i++) await key('Backspace');
  await type('lens";');
  await lens('edited since injected: Update').click();
  await terminal('patched by lens');
  step('updated by lens');

  // By command, with the key.
  await goTo(6, 25);
  await key('End');
  for (let i = 0; i < 'lens";'.length; i++) await key('Backspace');
  await type('key";');
  await lens('edited since injected: Update').waitFor();
  await key('Control+Alt+J');
  await terminal('patched by key');
  step('updated by key');
  await palette('fpbls: Inject or Update the Function at the Cursor');
  await told(/status_text → slot/).first().waitFor();
  step('updated by command');

  // A syntax error appears where it is, and disappears.
  await clear();
  await goTo(6, 11);
  await type('@ ');
  await key('Control+Alt+J');
  await page.locator('.squiggly-error').first().waitFor();
  await shot('error');
  step('a syntax error is shown');
  await key('Backspace');
  await key('Backspace');
  await key('Control+Alt+J');
  await page.locator('.squiggly-error').first().waitFor({ state: 'detached' });
  await lens(/^● live/).waitFor();
  await lens('edited since injected').waitFor({ state: 'detached' });
  step('and goes away');

  // From the view: disable, enable, update, disassembly, revert.
  await clear();
  const inline = (name: string, done: any, state?: 'visible' | 'detached') =>
    again(async () => {
      await row('status_text').hover();
      await row('status_text').locator(`.action-label[aria-label^="${name}"]`).click();
    }, done, state);
  await inline('Disable', row(/status_text.*disabled/));
  await lens(/○ disabled/).waitFor();
  await terminal('all systems nominal');
  await shot('disabled');
  step('disabled from the view');
  await inline('Enable', row(/status_text.*live/));
  await terminal('patched by key');
  step('enabled again');
  await inline('Update', told(/status_text → slot/).first());
  step('updated from the view');

  await palette('fpbls: Compare the Disassembly of the Function at the Cursor');
  await page.locator('.tab.active', { hasText: 'firmware ↔ as edited' }).waitFor();
  await page.locator('[class*=diff-editor] .view-line', { hasText: 'bx' }).first().waitFor();
  await shot('disassembly');
  await key('Control+F4');
  step('disassembly compared');

  await palette('fpbls: Go to Symbol of the Firmware');
  await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
  await type('sensor');
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'sensor_read' }).waitFor();
  await shot('symbols');
  await page.locator('.quick-input-list .monaco-list-row', { hasText: 'sensor_read' }).click();
  await page.locator('.tab.active', { hasText: 'sensor.c' }).waitFor();
  step('went to a symbol');

  await row('status_text').click(); // goes back to the source
  await page.locator('.tab.active', { hasText: 'status.c' }).waitFor();
  step('went to the source of a patch');

  // What is typed into the terminal goes to the board, whose loader answers.
  await page.locator('.terminal-wrapper.active .xterm-screen').click();
  await type('fl -c ping\n');
  await terminal('PONG');

  step('typed into the terminal; the board answered');

  await inline('Revert', row('status_text'), 'detached');
  await terminal('all systems nominal');
  step('reverted from the view');

  // The server restarts and finds the board as it is.
  await page.locator('.tab', { hasText: 'status.c' }).click();
  await goTo(5, 3);
  await key('Control+Alt+J');
  await row(/status_text.*live/).waitFor();
  await palette('fpbls: Restart the Language Server');
  await page.locator('.welcome-view-content', { hasText: 'No board is connected' }).waitFor();
  await lens('Inject').first().waitFor();
  await palette('fpbls: Connect to the Board');
  await row(/status_text.*live/).waitFor();
  step('the server restarted; the patch is still on the board');

  // The board is unplugged, and comes back reset.
  const { address } = board;
  await clear();
  await board.unplug();
  await bar('not connected').waitFor();
  step('unplugged');
  await shot('unplugged');
  board = await session.board(address);
  await page.locator('.welcome-view-content a.monaco-button', { hasText: 'Connect' }).click();
  await told(/The board was reset; it has lost status_text/).waitFor();
  await shot('reset');
  await page.locator('.notification-list-item a.monaco-button', { hasText: 'Re-inject' }).click();
  await row(/status_text.*live/).waitFor();
  await terminal('patched by key');
  step('plugged in again and injected again');
  await key('Control+S');
  await page.locator('.tab.dirty').first().waitFor({ state: 'detached' });

  // The window is loaded again, in each look.
  for (const [name, theme] of [['light', 'Default Light Modern'], ['high-contrast', 'Default High Contrast'], ['dark', 'Default Dark Modern']] as const) {
    session.settings({ 'workbench.colorTheme': theme });
    await page.reload();
    await lens('Inject').first().waitFor();
    await palette('fpbls: Connect to the Board');
    await row(/status_text.*live/).waitFor();
    // A terminal that VS Code restores may come later, and in front.
    await again(() => palette("fpbls: Show the Board's Output"), { waitFor: (o: { timeout: number }) => terminal('patched by key', o) });
    await again(() => page.locator('.tab', { hasText: 'status.c' }).click(), lens(/^● live/));
    assert.equal(await page.locator('.monaco-workbench.hc-black').count(), name === 'high-contrast' ? 1 : 0);
    await shot(name);
    step(`the window was loaded again: ${name}`);
  }
}

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Node } from '../../src/boardView.ts';
import type { Api } from '../../src/main.ts';
import { version } from '../../src/protocol.ts';

const extension = () => vscode.extensions.getExtension<Api>('fpbls.fpbls')!;
const folder = () => vscode.workspace.workspaceFolders![0]!.uri;
const run = (command: string, ...args: unknown[]) => vscode.commands.executeCommand(`fpbls.${command}`, ...args);

let api: Api;

// until waits for changes of the server's state or a board's status.
function until(what: string, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${what}: state ${api.client.state}, ${JSON.stringify(api.client.status)}`)), 30_000);
    const look = () => {
      if (!holds()) return;
      clearTimeout(late);
      watch.dispose();
      resolve();
    };
    const watch = api.client.onDidChange(look);
    look();
  });
}

async function open(file: string, at: string): Promise<vscode.TextEditor> {
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder(), file));
  const editor = await vscode.window.showTextDocument(document);
  const position = document.positionAt(document.getText().indexOf(at));
  editor.selection = new vscode.Selection(position, position);
  return editor;
}

async function replace(editor: vscode.TextEditor, from: string, to: string): Promise<void> {
  const start = editor.document.getText().indexOf(from);
  assert.notEqual(start, -1, `the source has no ${from}`);
  const range = new vscode.Range(editor.document.positionAt(start), editor.document.positionAt(start + from.length));
  assert.ok(await editor.edit((e) => e.replace(range, to)));
}

const lenses = async (editor: vscode.TextEditor) =>
  (await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', editor.document.uri, 100)).map((l) => l.command?.title);

const isPatch = (name: string, state?: string) => (n: Node) => n.kind === 'patch' && n.patch.function === name && (!state || n.patch.state === state);

// patches are the nodes of the view below its heading.
function patches(): Node[] {
  const heading = api.view.getChildren().find((n) => n.kind === 'heading' && n.id === 'patches');
  return heading ? api.view.getChildren(heading) : [];
}

before(async () => {
  api = await extension().activate();
  await until('the server runs', () => api.client.state === 'running' && api.client.status !== undefined);
});

describe('manifest', () => {
  it('has a handler for every command', async () => {
    const known = new Set(await vscode.commands.getCommands(true));
    for (const { command } of extension().packageJSON.contributes.commands) assert.ok(known.has(command), command);
  });

  it('binds Inject to a key that nothing else has', async () => {
    const [{ key }] = extension().packageJSON.contributes.keybindings;
    const defaults = await vscode.workspace.openTextDocument(vscode.Uri.parse('vscode://defaultsettings/keybindings.json'));
    const bindings = [...defaults.getText().matchAll(/"key": "([^"]+)",\s+"command": "([^"]+)"/g)];
    assert.ok(bindings.length > 300, `${bindings.length} bindings`);
    const same = bindings.filter(([, k]) => k === key || k!.startsWith(`${key} `)).map(([, , command]) => command);
    assert.deepEqual(same.filter((c) => c !== 'fpbls.injectAtCursor'), []);
  });

  it('leaves settings to fpbls.toml where nothing is said', () => {
    const settings = vscode.workspace.getConfiguration('fpbls');
    for (const key of ['port', 'baud', 'mode', 'lenses.inject']) assert.equal(settings.get(key), null, key);
  });
});

describe('board', () => {
  after(() => run('revertAll'));

  it('welcomes, then shows the connection', async () => {
    assert.deepEqual(api.view.getChildren(), []);
    await run('connectBoard');
    await until('connected', () => api.client.status!.connected);
    const [connection] = api.view.getChildren();
    assert.equal(connection?.kind, 'connection');
    const item = api.view.getTreeItem(connection!);
    assert.match(String(item.label), /^tcp:/);
    assert.match(String(item.description), /^0 of 6 slots/);
  });

  it('injects the function at the cursor', async () => {
    const editor = await open('app/status.c', 'all systems');
    await replace(editor, 'all systems nominal', 'from the extension host');
    await run('injectAtCursor');
    await until('injected', () => patches().some(isPatch('status_text', 'live')));
    const item = api.view.getTreeItem(patches()[0]!);
    assert.equal(item.contextValue, 'patch.live');
    assert.match(String(item.description), /^live, \d+ B at 0x2/);
  });

  it('says why the cursor is at the wrong place', async () => {
    await open('app/status.c', '#include');
    await assert.rejects(async () => run('injectAtCursor'), /not in a function/);
  });

  it('disables, enables, updates and opens a patch of the view', async () => {
    const patch = () => patches().find(isPatch('status_text'))!;
    await run('patch.disable', patch());
    await until('disabled', () => patches().some(isPatch('status_text', 'disabled')));
    await run('patch.enable', patch());
    await until('enabled', () => patches().some(isPatch('status_text', 'live')));
    await run('patch.update', patch());
    await until('updated', () => patches().some(isPatch('status_text', 'live')));
    await run('patch.open', patch());
    assert.match(vscode.window.activeTextEditor!.document.uri.path, /app\/status\.c$/);
    assert.equal(vscode.window.activeTextEditor!.selection.active.line, 3);
    await run('patch.revert', patch());
    await until('reverted', () => patches().length === 0);
  });

  it('compares disassembly', async () => {
    await open('app/status.c', 'return value');
    await run('disassembleAtCursor');
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
    assert.ok(tab instanceof vscode.TabInputTextDiff);
    for (const uri of [tab.original, tab.modified]) {
      const text = (await vscode.workspace.openTextDocument(uri)).getText();
      assert.match(text, /^clamp:\n {2}\+0x00 {2}\S/);
    }
    await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  });

  it('shows the message of the server when something fails', async () => {
    await assert.rejects(async () => api.client.run('fpbls.revert', { function: 'no_such' }), /no_such/);
  });
});

describe('settings', () => {
  it('reach the server', async () => {
    const editor = await open('app/status.c', 'clamp');
    assert.ok((await lenses(editor)).includes('Inject'));
    const settings = vscode.workspace.getConfiguration('fpbls', folder());
    const refreshed = () => new Promise((resolve) => setTimeout(resolve, 50));
    await settings.update('lenses.inject', false, vscode.ConfigurationTarget.Workspace);
    while ((await lenses(editor)).includes('Inject')) await refreshed();
    await settings.update('lenses.inject', undefined, vscode.ConfigurationTarget.Workspace);
    while (!(await lenses(editor)).includes('Inject')) await refreshed();
  });
});

describe('output', () => {
  it('of a burst is in order, and what is missing is marked', async () => {
    const last = 40_000;
    let text = '';
    let finish: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const watch = api.terminal.onDidWrite((t) => {
      text += t;
      if (t.includes(`burst ${last}.`)) finish();
    });
    await run('openTerminal');
    const editor = await open('app/status.c', 'static int count;');
    await replace(editor, 'static int count;', `static int count, n; while (n < ${last}) print("burst %d.\\n", ++n);`);
    await run('injectAtCursor');
    await finished;
    watch.dispose();
    let previous = 0;
    for (const part of text.split(/(burst \d+\.\r\n|\d+ bytes lost here)/)) {
      const number = /^burst (\d+)/.exec(part)?.[1];
      if (/bytes lost/.test(part)) previous = -1;
      else if (number) {
        if (previous > 0) assert.equal(Number(number), previous + 1, 'without a gap mark');
        previous = Number(number);
      }
    }
    assert.equal(previous, last);
    await run('revertAll');
  });
});

describe('discovery', () => {
  const use = (path: string | undefined) => vscode.workspace.getConfiguration('fpbls').update('path', path, vscode.ConfigurationTarget.Global);
  const failed = async (path: string, problem: RegExp) => {
    await use(path);
    await until(`fails with ${problem}`, () => api.client.state === 'failed' && problem.test(api.client.problem));
  };
  const dir = mkdtempSync(join(tmpdir(), 'fpbls-fake-'));

  // program writes a server that answers initialize, and nothing else.
  function program(name: string, experimental: object): string {
    const file = join(dir, name);
    const answer = JSON.stringify({ jsonrpc: '2.0', id: 0, result: { capabilities: { experimental } } });
    writeFileSync(file, `#!/bin/sh\nprintf 'Content-Length: ${answer.length}\\r\\n\\r\\n%s' '${answer}'\nexec cat >/dev/null\n`);
    chmodSync(file, 0o755);
    return file;
  }

  after(async () => {
    await use(undefined);
    await until('the packed server runs again', () => api.client.state === 'running');
  });

  it('says what is wrong with the setting', () => failed(join(dir, 'nowhere'), /names no program/));
  it('refuses a server that is too old', () => failed(program('old', {}), /update fpbls/));
  it('refuses a server that is too new', () => failed(program('new', { fpbls: { version: version + 1 } }), /update the extension/));
  it('refuses what is no language server', () => failed('/bin/true', /does not start as a language server/));
});

describe('server', () => {
  it('starts again, with its commands', async () => {
    await run('restartServer');
    await until('running', () => api.client.state === 'running');
    assert.ok((await vscode.commands.getCommands(true)).includes('fpbls.inject'));
  });
});

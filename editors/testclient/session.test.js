// A whole session with the language server, through the library that VS Code's
// client is built on, which checks what the server sends as VS Code would.
//
// FPBLS names the program. The board is the simulated one of "fpbls demo".

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import lsp from 'vscode-languageserver-protocol/node';

const fpbls = process.env.FPBLS ?? 'fpbls';

let root, server, connection, uri;
let text, version = 1;
const events = []; // what the server sent, as [method, params]
const waiting = new Set();

// received resolves with what find makes of the events, once that is not undefined.
function received(find) {
  return new Promise((resolve) => {
    const look = () => {
      const found = find(events);
      if (found !== undefined && waiting.delete(look)) resolve(found);
    };
    waiting.add(look);
    look();
  });
}

function record(method, params) {
  events.push([method, params]);
  for (const look of waiting) look();
}

const command = (name, args, token) =>
  connection.sendRequest(lsp.ExecuteCommandRequest.type, { command: name, arguments: args ? [args] : [] }, token);

function edit(from, to) {
  const at = text.indexOf(from);
  assert.notEqual(at, -1, `the source has no ${from}`);
  const position = (offset) => {
    const lines = text.slice(0, offset).split('\n');
    return { line: lines.length - 1, character: lines.at(-1).length };
  };
  const range = { start: position(at), end: position(at + from.length) };
  text = text.slice(0, at) + to + text.slice(at + from.length);
  connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, {
    textDocument: { uri, version: ++version },
    contentChanges: [{ range, text: to }],
  });
}

// lineOf is the range of a function's name.
function rangeOf(name) {
  const lines = text.split('\n');
  const line = lines.findIndex((l) => l.includes(`${name}(`));
  const character = lines[line].indexOf(name);
  return { start: { line, character }, end: { line, character } };
}

const actions = async (name) =>
  connection.sendRequest(lsp.CodeActionRequest.type, {
    textDocument: { uri },
    range: rangeOf(name),
    context: { diagnostics: [] },
  });

const diagnostics = (check) =>
  received((all) => {
    const last = all.findLast(([method, p]) => method === 'diagnostics' && p.uri === uri);
    return last && check(last[1].diagnostics) ? last[1].diagnostics : undefined;
  });

before(async () => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'fpbls-client-'));
  execFileSync(fpbls, ['demo', '--keep', join(root, 'project'), '--json']);
  const file = join(root, 'project', 'app', 'status.c');
  uri = pathToFileURL(file).href;
  text = readFileSync(file, 'utf8');

  server = spawn(fpbls, ['serve', '--stdio'], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  connection = lsp.createProtocolConnection(
    new lsp.StreamMessageReader(server.stdout),
    new lsp.StreamMessageWriter(server.stdin),
    { error: (m) => record('error', m), warn() {}, info() {}, log() {} },
  );
  connection.onError(([error]) => record('error', String(error)));
  connection.onRequest(lsp.WorkDoneProgressCreateRequest.type, ({ token }) => {
    record('create', token);
    connection.onProgress(lsp.WorkDoneProgress.type, token, (value) => record('progress', { token, ...value }));
  });
  connection.onRequest(lsp.CodeLensRefreshRequest.type, () => record('refresh'));
  connection.onRequest(lsp.InlayHintRefreshRequest.type, () => {});
  connection.onRequest(lsp.RegistrationRequest.type, () => {});
  connection.onRequest(lsp.ConfigurationRequest.type, ({ items }) => items.map(() => null));
  connection.onNotification(lsp.PublishDiagnosticsNotification.type, (p) => record('diagnostics', p));
  connection.onNotification('fpbls/output', (p) => record('output', p.text));
  connection.onNotification('fpbls/status', (p) => record('status', p));
  connection.listen();
});

after(() => {
  connection?.dispose();
  server?.kill();
  rmSync(root, { recursive: true, force: true });
});

test('initialize', async () => {
  const folder = pathToFileURL(join(root, 'project')).href;
  const result = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    rootUri: folder,
    workspaceFolders: [{ uri: folder, name: 'project' }],
    initializationOptions: { protocol: 1, status: true },
    capabilities: {
      general: { positionEncodings: ['utf-16'] },
      window: { workDoneProgress: true },
      workspace: { configuration: true, codeLens: { refreshSupport: true }, inlayHint: { refreshSupport: true } },
      textDocument: {
        codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } }, disabledSupport: true },
        publishDiagnostics: { relatedInformation: true },
      },
    },
  });
  assert.equal(result.serverInfo.name, 'fpbls');
  assert.ok(result.capabilities.executeCommandProvider.commands.includes('fpbls.inject'));
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId: 'c', version, text },
  });
});

test('what is shown before a board is connected', async () => {
  const offered = await actions('status_text');
  const inject = offered.find((a) => a.title === 'Inject `status_text`');
  assert.ok(lsp.CodeAction.is(inject), 'a code action');
  assert.notEqual(inject.isPreferred, true);
  const lenses = await connection.sendRequest(lsp.CodeLensRequest.type, { textDocument: { uri } });
  assert.ok(lenses.every(lsp.CodeLens.is) && lenses.some((l) => l.command.title === 'Inject'));
  const hover = await connection.sendRequest(lsp.HoverRequest.type, {
    textDocument: { uri },
    position: rangeOf('status_text').start,
  });
  assert.ok(lsp.Hover.is(hover));
  const symbols = await connection.sendRequest(lsp.WorkspaceSymbolRequest.type, { query: 'status_text' });
  assert.ok(symbols.some((s) => s.name === 'status_text'));
});

test('inject, as the code action says', async () => {
  edit('all systems nominal', 'patched by the library');
  const inject = (await actions('status_text')).find((a) => a.title === 'Inject `status_text`');
  const result = await connection.sendRequest(lsp.ExecuteCommandRequest.type, inject.command);
  const progress = events.filter(([method]) => method === 'progress').map(([, p]) => p);
  assert.equal(progress[0].kind, 'begin');
  assert.ok(progress.filter((p) => p.kind === 'report').length >= 2);
  assert.equal(progress.at(-1).kind, 'end', 'progress ends before the answer comes');
  assert.equal(result.patches[0].function, 'status_text');
  assert.equal(result.patches[0].state, 'live');

  const info = await command('fpbls.info');
  assert.deepEqual(info.patches.map((p) => p.function), ['status_text']);
  await command('fpbls.output', { on: true });
  await received((all) => {
    const printed = all.filter(([method]) => method === 'output').map(([, t]) => t).join('');
    return printed.includes('patched by the library') || undefined;
  });
  const offered = (await actions('status_text')).map((a) => a.title);
  assert.ok(offered.includes('Revert `status_text`'), offered.join());
});

test('a syntax error is shown at its line, and goes away', async () => {
  edit('return ++count;', 'return ++count');
  await assert.rejects(command('fpbls.inject', { uri, function: 'next_count' }), (error) => {
    assert.equal(error.data.code, 'compile-error');
    return true;
  });
  const [first] = await diagnostics((list) => list.length > 0);
  assert.ok(lsp.Diagnostic.is(first));
  assert.equal(first.severity, lsp.DiagnosticSeverity.Error);
  assert.equal(first.range.start.line, text.split('\n').findIndex((l) => l.includes('return ++count')));
  edit('return ++count', 'return count += 2;');
  await command('fpbls.inject', { uri, function: 'next_count' });
  await diagnostics((list) => list.length === 0);
});

test('a cancelled injection leaves the board as it was', async () => {
  edit('value > high', 'value >= high');
  const source = new lsp.CancellationTokenSource();
  const answer = command('fpbls.inject', { uri, function: 'clamp' }, source.token);
  source.cancel();
  await assert.rejects(answer, (error) => error.code === lsp.LSPErrorCodes.RequestCancelled);
  const info = await command('fpbls.info');
  assert.deepEqual(info.patches.map((p) => p.function).sort(), ['next_count', 'status_text']);
});

test('wrong commands get clear errors', async () => {
  await assert.rejects(command('fpbls.nothing'), /fpbls\.nothing/);
  await assert.rejects(command('fpbls.inject', { uri: 5 }));
});

test('revert', async () => {
  const result = await command('fpbls.revert', { all: true });
  assert.equal(result.reverted.length, 2);
  const info = await command('fpbls.info');
  assert.deepEqual(info.patches, []);
});

test('shutdown and exit', async () => {
  await connection.sendRequest(lsp.ShutdownRequest.type);
  const exited = once(server, 'exit');
  await connection.sendNotification(lsp.ExitNotification.type);
  assert.deepEqual(await exited, [0, null]);
  assert.deepEqual(events.filter(([method]) => method === 'error'), []);
});

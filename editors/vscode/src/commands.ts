// The commands of the palette, the view and the status bar. They have names of
// their own: those of the server are registered by the client library.

import * as vscode from 'vscode';
import type { Node } from './boardView.ts';
import type { Client } from './client.ts';
import { actionAt, functionAt } from './cursor.ts';
import { openDemo } from './demo.ts';
import type { DisassemblyView } from './disassembly.ts';
import type { Patch, Ports } from './protocol.ts';
import { openSymbol, pickSymbol, symbolOf } from './symbols.ts';
import type { BoardTerminal } from './terminal.ts';

export function commands(
  context: vscode.ExtensionContext,
  client: Client,
  terminal: BoardTerminal,
  disassembly: DisassemblyView,
): Record<string, (...args: never[]) => unknown> {
  const onPatch = (f: (patch: Patch) => Promise<unknown>) => (node: Node) => {
    if (node.kind === 'patch' || node.kind === 'lost') return f(node.patch);
    throw new Error('Choose a patch in the view Board');
  };
  const bySlot = (command: string) => onPatch((p) => client.run(command, { slot: p.slot }));
  return {
    injectAtCursor: () => actionAt(client, 'fpbls.inject'),
    injectChangedInFile: () => injectChanged(client),
    revertAtCursor: () => actionAt(client, 'fpbls.revert'),
    toggleAtCursor: () => actionAt(client, 'fpbls.disable', 'fpbls.enable'),
    checkAtCursor: () => actionAt(client, 'fpbls.check'),
    wrapAtCursor: () => actionAt(client, 'fpbls.wrap'),
    disassembleAtCursor: async () => disassembly.show(await functionAt(client)),
    findSymbol: () => pickSymbol(client, (s) => disassembly.show({ uri: s.location.uri, function: s.name })),
    connectBoard: () => client.run('fpbls.connect'),
    choosePort: () => choosePort(client),
    disconnectBoard: () => client.run('fpbls.disconnect'),
    revertAll: () => client.run('fpbls.revert', { all: true }),
    reinjectLost: () => client.run('fpbls.reinject'),
    openTerminal: () => terminal.show(),
    boardActions: () => boardActions(client),
    lookAgain: () => client.run('fpbls.reload'),
    restartServer: () => client.restart(),
    showLog: () => client.log.show(),
    reportProblem: () => reportProblem(client),
    openDemo: () => openDemo(context),
    openSettings: () => vscode.commands.executeCommand('workbench.action.openSettings', `@ext:${context.extension.id}`),
    openWalkthrough: () => vscode.commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`),
    'patch.open': onPatch(async (p) => openSymbol(await symbolOf(client, p))),
    'patch.update': onPatch(async (p) => {
      const symbol = await symbolOf(client, p);
      await client.run('fpbls.inject', { uri: symbol.location.uri, function: symbol.name });
    }),
    'patch.enable': bySlot('fpbls.enable'),
    'patch.disable': bySlot('fpbls.disable'),
    'patch.revert': bySlot('fpbls.revert'),
    'patch.disassemble': onPatch(async (p) => {
      const symbol = await symbolOf(client, p);
      await disassembly.show({ uri: symbol.location.uri, function: symbol.name });
    }),
    'job.cancel': (node: Node) => node.kind === 'job' && client.run('fpbls.cancelJob', { id: node.job.id }),
  };
}

// injectChanged lets the board converge to the file of the editor.
async function injectChanged(client: Client): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error('No editor is open');
  await client.run('fpbls.injectChanged', { uri: client.toServer(editor.document) });
}

// choosePort connects to a port that the user picks.
async function choosePort(client: Client): Promise<void> {
  const { ports } = await client.run<Ports>('fpbls.ports');
  const other = 'Another…';
  const items: vscode.QuickPickItem[] = [
    ...ports.map((p) => ({ label: p.name, description: [p.device, p.description].filter(Boolean).join(', ') })),
    { label: 'sim:', description: "the simulated board, running the folder's ELF" },
    { label: other, description: 'a device, tcp://host:port, sim:path.elf' },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: 'Port of the board', placeHolder: client.status?.port || 'none is set' });
  if (!picked) return;
  const port =
    picked.label === other
      ? await vscode.window.showInputBox({ title: 'Port of the board', value: client.status?.port ?? '', placeHolder: 'tcp://localhost:4000' })
      : picked.label;
  if (port) await client.run('fpbls.connect', { port });
}

// boardActions is what a click on the status bar offers.
async function boardActions(client: Client): Promise<void> {
  if (client.state !== 'running') {
    return vscode.commands.executeCommand(client.state === 'failed' ? 'fpbls.restartServer' : 'fpbls.board.focus');
  }
  const s = client.status;
  const items: [string, string, boolean][] = [
    ['$(plug) Connect', 'connectBoard', !s?.connected],
    ['$(list-tree) Show the board and its patches', 'board.focus', true],
    ['$(terminal) Show its output', 'openTerminal', true],
    ['$(refresh) Re-inject what a reset has lost', 'reinjectLost', Boolean(s?.lost?.length)],
    ['$(discard) Revert all patches', 'revertAll', Boolean(s?.patches.length)],
    ['$(settings) Choose another port…', 'choosePort', true],
    ['$(debug-disconnect) Disconnect', 'disconnectBoard', Boolean(s?.connected)],
    ['$(search) Go to symbol of the firmware…', 'findSymbol', true],
    ['$(output) Show the log', 'showLog', true],
  ];
  const picked = await vscode.window.showQuickPick(
    items.filter(([, , shown]) => shown).map(([label, command]) => ({ label, command })),
    { title: s ? `Board on ${s.port || 'no port'}: ${s.text}` : 'Board' },
  );
  if (picked) await vscode.commands.executeCommand(`fpbls.${picked.command}`);
}

async function reportProblem(client: Client): Promise<void> {
  const { text } = await client.run<{ text: string }>('fpbls.report');
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'markdown', content: text }));
}

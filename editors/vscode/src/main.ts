// The extension: everything that it does is the language server's; what is here
// makes it pleasant.

import * as vscode from 'vscode';
import { BoardView } from './boardView.ts';
import { Client } from './client.ts';
import { commands } from './commands.ts';
import { DisassemblyView } from './disassembly.ts';
import { isProject, projectFiles } from './project.ts';
import { statusBar } from './statusbar.ts';
import { BoardTerminal } from './terminal.ts';

// What the tests inside the extension host look at.
export interface Api {
  client: Client;
  view: BoardView;
  terminal: BoardTerminal;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const client = new Client(context);
  const view = new BoardView(client);
  const terminal = new BoardTerminal(client);
  const disassembly = new DisassemblyView(client);
  context.subscriptions.push(client.log, view, terminal, disassembly, statusBar(client), contexts(client));

  // What is shown by the server itself elsewhere has a better place here.
  client.intercept = async (command, args) => {
    const [a] = args as { uri?: string; function?: string; show?: boolean }[];
    if (command === 'fpbls.disassemble' && a?.show && a.function) {
      await disassembly.show({ ...(a.uri ? { uri: a.uri } : {}), function: a.function });
      return true;
    }
    if (command === 'fpbls.status') {
      // The lens of a live function.
      await vscode.commands.executeCommand('fpbls.board.focus');
      return true;
    }
    return false;
  };

  for (const [name, run] of Object.entries(commands(context, client, terminal, disassembly))) {
    context.subscriptions.push(vscode.commands.registerCommand(`fpbls.${name}`, run));
  }
  context.subscriptions.push(
    vscode.workspace.onDidGrantWorkspaceTrust(() => startInProject(client)),
    vscode.workspace.onDidChangeWorkspaceFolders(() => startInProject(client)),
    vscode.workspace.onDidChangeConfiguration((e) => {
      if (e.affectsConfiguration('fpbls.path')) void client.restart();
    }),
    projectWatcher(client),
  );
  await startInProject(client);
  running = client;
  return { client, view, terminal };
}

let running: Client | undefined;

export async function deactivate(): Promise<void> {
  await running?.dispose();
}

async function startInProject(client: Client): Promise<void> {
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    if (await isProject(folder.uri)) return client.start();
  }
}

// projectWatcher starts the server once the project has been built or configured.
function projectWatcher(client: Client): vscode.Disposable {
  const watcher = vscode.workspace.createFileSystemWatcher(`**/${projectFiles}`, false, true, true);
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(() => {
      if (client.state === 'off') void startInProject(client);
    }),
  );
}

// contexts keeps what the "when" clauses of package.json ask for.
function contexts(client: Client): vscode.Disposable {
  const update = () => {
    const set = (key: string, value: boolean) => void vscode.commands.executeCommand('setContext', `fpbls.${key}`, value);
    set('running', client.state === 'running');
    set('connected', Boolean(client.status?.connected));
    set('hasPatches', Boolean(client.status?.patches.length));
    set('hasLost', Boolean(client.status?.lost?.length));
  };
  update();
  return vscode.Disposable.from(client.onDidChange(update), vscode.window.onDidChangeActiveTextEditor(update));
}

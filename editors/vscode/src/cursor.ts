// Commands for the function at the cursor. What can be done there, and how, is
// asked of the server: its code actions carry the command and its arguments.

import * as vscode from 'vscode';
import type { Client } from './client.ts';

interface Action {
  title: string;
  kind: string;
  command?: { command: string; arguments?: [{ uri: string; function: string }] };
  disabled?: { reason: string };
}

// actionAt runs the first code action of one of the kinds at the cursor.
export async function actionAt(client: Client, ...kinds: string[]): Promise<void> {
  const action = await find(client, kinds);
  if (action?.disabled) throw new Error(action.disabled.reason);
  if (!action?.command) throw new Error('The cursor is not in a function for which that can be done');
  await client.request('workspace/executeCommand', action.command);
}

// functionAt is the function at the cursor, as the server names it.
export async function functionAt(client: Client): Promise<{ uri: string; function: string }> {
  const found = (await find(client, ['fpbls.disassemble']))?.command?.arguments?.[0];
  if (!found) throw new Error('The cursor is not in a function of the firmware');
  return found;
}

async function find(client: Client, only: string[]): Promise<Action | undefined> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error('No editor is open');
  const position = { line: editor.selection.active.line, character: editor.selection.active.character };
  const actions = await client.request<Action[]>('textDocument/codeAction', {
    textDocument: { uri: client.toServer(editor.document) },
    range: { start: position, end: position },
    context: { diagnostics: [], only },
  });
  return actions.find((a) => only.includes(a.kind));
}

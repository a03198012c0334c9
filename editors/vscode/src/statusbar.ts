import * as vscode from 'vscode';
import type { Client } from './client.ts';
import { statusWords } from './words.ts';

// statusBar shows the board of the active editor's folder.
export function statusBar(client: Client): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('fpbls.board', vscode.StatusBarAlignment.Left, 0);
  item.name = 'fpbls: Board';
  item.command = 'fpbls.boardActions';
  const show = () => {
    const words = statusWords(vscode.workspace.isTrusted, client.state, client.problem, client.status);
    item.text = words.text;
    item.tooltip = words.tooltip.join('\n');
    item.accessibilityInformation = { label: `${words.text.replace(/\$\([^)]*\) ?/g, '')}. ${words.tooltip.join('. ')}`, role: 'button' };
    item.backgroundColor = words.warn ? new vscode.ThemeColor('statusBarItem.warningBackground') : undefined;
  };
  show();
  item.show();
  return vscode.Disposable.from(item, client.onDidChange(show), vscode.window.onDidChangeActiveTextEditor(show));
}

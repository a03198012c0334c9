// Functions and variables of the firmware: where they are, and a list to pick from.

import * as vscode from 'vscode';
import type { Client } from './client.ts';
import { patchName, type Patch } from './protocol.ts';

export interface Symbol {
  name: string;
  kind: number;
  containerName?: string; // its address and size
  location: { uri: string; range: { start: { line: number; character: number } } };
}

const variable = 13; // LSP SymbolKind.Variable

export async function findSymbols(client: Client, query: string): Promise<Symbol[]> {
  return (await client.request<Symbol[] | null>('workspace/symbol', { query })) ?? [];
}

// symbolOf finds where the function of a patch comes from, by its address.
export async function symbolOf(client: Client, patch: Patch): Promise<Symbol> {
  const name = patchName(patch);
  const symbols = await findSymbols(client, name);
  const found = symbols.find((s) => s.containerName?.startsWith(patch.original)) ?? symbols.find((s) => s.name === name);
  if (!found) throw new Error(`It is not known where ${name} comes from: the ELF has no debug information for it`);
  return found;
}

export async function openSymbol(symbol: Symbol): Promise<void> {
  const { line, character } = symbol.location.range.start;
  const at = new vscode.Position(line, character);
  await vscode.window.showTextDocument(vscode.Uri.parse(symbol.location.uri), { selection: new vscode.Range(at, at) });
}

// pickSymbol lets the user choose from all symbols as he types.
export function pickSymbol(client: Client, compare: (symbol: Symbol) => Promise<void>): void {
  type Item = vscode.QuickPickItem & { symbol: Symbol };
  const diff: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('diff'), tooltip: 'Compare Disassembly' };
  const pick = vscode.window.createQuickPick<Item>();
  pick.placeholder = 'A function or variable of the firmware';
  pick.matchOnDescription = true;
  let latest = 0;
  const fill = async (query: string) => {
    const mine = ++latest;
    pick.busy = true;
    try {
      const symbols = await findSymbols(client, query);
      if (mine !== latest) return;
      pick.items = symbols.map((symbol) => ({
        label: `$(symbol-${symbol.kind === variable ? 'variable' : 'function'}) ${symbol.name}`,
        description: symbol.containerName ?? '',
        detail: vscode.workspace.asRelativePath(vscode.Uri.parse(symbol.location.uri)),
        alwaysShow: true,
        buttons: symbol.kind === variable ? [] : [diff],
        symbol,
      }));
    } catch (error) {
      pick.hide();
      void vscode.window.showErrorMessage(String(error instanceof Error ? error.message : error));
    } finally {
      if (mine === latest) pick.busy = false;
    }
  };
  const guarded = (p: Promise<void>) => void p.catch((e: Error) => vscode.window.showErrorMessage(e.message));
  pick.onDidChangeValue(fill);
  pick.onDidAccept(() => {
    const item = pick.selectedItems[0];
    pick.hide();
    if (item) guarded(openSymbol(item.symbol));
  });
  pick.onDidTriggerItemButton(({ item }) => {
    pick.hide();
    guarded(compare(item.symbol));
  });
  pick.onDidHide(() => {
    latest++;
    pick.dispose();
  });
  pick.show();
  void fill('');
}

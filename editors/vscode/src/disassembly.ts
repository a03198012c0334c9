// The code of a function in the firmware and as the document compiles now, side by
// side, as virtual documents.

import * as vscode from 'vscode';
import type { Client } from './client.ts';
import { relative } from './listing.ts';
import type { Disassembly } from './protocol.ts';

const scheme = 'fpbls-disassembly';
const kept = 40; // listings; older ones are forgotten

export class DisassemblyView implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly client: Client;
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  readonly onDidChange = this.changed.event;

  constructor(client: Client) {
    this.client = client;
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  // show takes a document, or a folder where there is nothing to compare with.
  async show(of: { uri?: string; function: string }): Promise<void> {
    const code = await this.client.run<Disassembly>('fpbls.disassemble', { ...of, show: false });
    const firmware = this.put(of.function, 'firmware', code.before);
    if (code.after === '') {
      await vscode.window.showTextDocument(firmware, { preview: true });
      return;
    }
    const edited = this.put(of.function, 'edited', code.after);
    await vscode.commands.executeCommand('vscode.diff', firmware, edited, `${of.function}: firmware ↔ as edited`, { preview: true });
  }

  private put(name: string, side: string, listing: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme, path: `/${name} (${side}).s` });
    this.texts.delete(uri.toString());
    this.texts.set(uri.toString(), relative(listing));
    for (const old of [...this.texts.keys()].slice(0, -kept)) this.texts.delete(old);
    this.changed.fire(uri);
    return uri;
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

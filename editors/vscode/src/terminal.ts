// The board's output as a terminal. What is typed goes to the firmware line by line.

import * as vscode from 'vscode';
import type { Client } from './client.ts';
import { LineInput } from './lineinput.ts';
import { Pacer, window as outputWindow } from './pacer.ts';

export class BoardTerminal implements vscode.Disposable {
  private readonly client: Client;
  private terminal: vscode.Terminal | undefined;
  private pty: Pty | undefined;
  private readonly watch: vscode.Disposable;
  private readonly written = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.written.event; // of what any terminal shows

  constructor(client: Client) {
    this.client = client;
    let state = client.state;
    this.watch = client.onDidChange(() => {
      if (client.state === state) return;
      state = client.state;
      if (state === 'running') void this.pty?.subscribe();
      else if (state === 'off') this.pty?.note('The language server has stopped');
    });
  }

  show(): void {
    if (!this.terminal) {
      const pty = new Pty(this.client, () => {
        if (this.pty === pty) this.terminal = this.pty = undefined;
      });
      this.pty = pty;
      pty.onDidWrite((text) => this.written.fire(text));
      this.terminal = vscode.window.createTerminal({
        name: 'Board',
        pty,
        iconPath: new vscode.ThemeIcon('circuit-board'),
        isTransient: true,
      });
    }
    this.terminal.show(false);
  }

  dispose(): void {
    this.watch.dispose();
    this.terminal?.dispose();
  }
}

class Pty implements vscode.Pseudoterminal {
  private readonly writer = new vscode.EventEmitter<string>();
  readonly onDidWrite = this.writer.event;
  private readonly client: Client;
  private readonly closed: () => void;
  private readonly input = new LineInput();
  private folder = '';
  private readonly pacer: Pacer;
  private readonly output: vscode.Disposable;

  constructor(client: Client, closed: () => void) {
    this.client = client;
    this.closed = closed;
    this.pacer = new Pacer({
      write: (text) => this.writer.fire(this.input.around(text)),
      confirm: (seq) => client.notify('fpbls/outputAck', { folder: this.folder, seq }),
    });
    this.output = client.onOutput((o) => {
      if (o.folder === this.folder) this.pacer.add(o);
    });
  }

  open(): void {
    void this.subscribe();
  }

  async subscribe(): Promise<void> {
    this.folder = this.client.status?.folder ?? '';
    if (!this.client.status?.connected) this.note('No board is connected: its output follows when it is');
    await this.guard(() => this.client.run('fpbls.output', { uri: this.folder, on: true, history: true, window: outputWindow }));
  }

  close(): void {
    this.output.dispose();
    this.pacer.dispose();
    this.closed();
    if (this.client.state === 'running') {
      void this.client.run('fpbls.output', { uri: this.folder, on: false }).catch(() => undefined);
    }
  }

  handleInput(data: string): void {
    const typed = this.input.type(data);
    if (typed.echo !== '') this.writer.fire(typed.echo);
    if (typed.send.length > 0) {
      void this.guard(() => this.client.run('fpbls.send', { uri: this.folder, text: typed.send.join('') }));
    }
  }

  note(text: string): void {
    this.writer.fire(this.input.around(`\x1b[0;2m[${text}]\x1b[0m\r\n`));
  }

  private async guard(f: () => Promise<unknown>): Promise<void> {
    try {
      await f();
    } catch (error) {
      this.note(error instanceof Error ? error.message : String(error));
    }
  }
}

// Starts, stops and watches over the language server, and knows the last status of
// each folder's board. One client serves all folders of the window.

import * as vscode from 'vscode';
import {
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type Middleware,
} from 'vscode-languageclient/node';
import { findServer } from './discovery.ts';
import { skew, version, type Output, type Status } from './protocol.ts';

export type ServerState = 'off' | 'starting' | 'running' | 'failed';

// Own settings, which the server does not know.
const own = ['path', 'trace'];

export class Client implements vscode.Disposable {
  state: ServerState = 'off';
  problem = ''; // why it failed

  private client: LanguageClient | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly statuses = new Map<string, Status>();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly printed = new vscode.EventEmitter<Output>();
  private readonly context: vscode.ExtensionContext;

  readonly log: vscode.LogOutputChannel;
  readonly onDidChange = this.changed.event; // state or status
  readonly onOutput = this.printed.event;

  // intercept may answer a command of the server's, as a lens runs it, in the editor.
  intercept: (command: string, args: unknown[]) => Promise<boolean> = async () => false;

  constructor(context: vscode.ExtensionContext) {
    this.context = context;
    this.log = vscode.window.createOutputChannel('fpbls', { log: true });
  }

  // start does nothing if the server runs already. The user is told of failures.
  start(): Promise<void> {
    return this.inTurn(async () => {
      if (this.state === 'running' || !vscode.workspace.isTrusted) return;
      const found = findServer({
        setting: vscode.workspace.getConfiguration('fpbls').get<string>('path', ''),
        extension: this.context.extensionPath,
        path: process.env['PATH'] ?? '',
        platform: process.platform,
      });
      if ('missing' in found) return this.failed(found.missing);
      await this.end(); // of one that ended by itself
      await this.launch(found.file);
    });
  }

  stop(): Promise<void> {
    return this.inTurn(() => this.end());
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  dispose(): Promise<void> {
    return this.stop();
  }

  // status is that of the active editor's folder, or of the only one.
  get status(): Status | undefined {
    const active = vscode.window.activeTextEditor?.document.uri;
    const folder = active && vscode.workspace.getWorkspaceFolder(active);
    const statuses = [...this.statuses.values()];
    const mine = folder && statuses.find((s) => vscode.Uri.parse(s.folder).fsPath === folder.uri.fsPath);
    return mine ?? statuses.find((s) => s.connected) ?? statuses[0];
  }

  // run runs a command of the server's. Errors are the server's, written for people.
  async run<T>(command: string, args: object = {}): Promise<T> {
    return this.request<T>('workspace/executeCommand', { command, arguments: [{ ...this.folder(), ...args }] });
  }

  async request<T>(method: string, params: object): Promise<T> {
    if (!this.client?.isRunning()) throw new Error(this.problem || 'fpbls does not run: open a firmware project');
    return this.client.sendRequest<T>(method, params);
  }

  notify(method: string, params: object): void {
    if (this.client?.isRunning()) void this.client.sendNotification(method, params);
  }

  // toServer is how the server knows a document.
  toServer(document: vscode.TextDocument): string {
    return this.client?.code2ProtocolConverter.asUri(document.uri) ?? document.uri.toString();
  }

  private folder(): { uri?: string } {
    const folder = this.status?.folder ?? vscode.workspace.workspaceFolders?.[0]?.uri.toString();
    return folder ? { uri: folder } : {};
  }

  private async launch(file: string): Promise<void> {
    this.set('starting');
    this.log.info(`starting ${file}`);
    const run = { command: file, args: ['serve'] };
    const client = new LanguageClient('fpbls', 'fpbls', { run, debug: run }, {
      documentSelector: [
        { scheme: 'file', language: 'c' },
        { scheme: 'file', language: 'cpp' },
      ],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { protocol: version, status: true },
      initializationFailedHandler: () => false,
      middleware: this.middleware(),
    });
    this.client = client;
    client.onNotification('fpbls/status', (s: Status) => {
      this.statuses.set(s.folder, s);
      this.changed.fire();
    });
    client.onNotification('fpbls/output', (o: Output) => this.printed.fire(o));
    client.onDidChangeState(({ newState }) => {
      if (this.client !== client || this.state === 'starting') return;
      if (newState === State.Stopped) {
        this.statuses.clear();
        this.set('off'); // and starts again by itself, unless it ended too often
      } else if (newState === State.Running) {
        void this.ask();
        this.set('running');
      }
    });
    try {
      await client.start();
    } catch (error) {
      await this.end();
      return this.failed(`${file} does not start as a language server: ${text(error)}`);
    }
    const wrong = skew(client.initializeResult?.capabilities.experimental);
    if (wrong) {
      await this.end();
      return this.failed(`${wrong} (${file})`);
    }
    await this.ask();
    this.set('running');
  }

  // ask gets the status of each folder, before there is a change to be told of.
  private async ask(): Promise<void> {
    for (const folder of vscode.workspace.workspaceFolders ?? []) {
      try {
        const status = await this.run<Status>('fpbls.status', { uri: folder.uri.toString() });
        this.statuses.set(status.folder, status);
      } catch (error) {
        this.log.warn(`status of ${folder.name}: ${text(error)}`);
      }
    }
    this.changed.fire();
  }

  private async end(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.statuses.clear();
    this.problem = '';
    this.set('off');
    try {
      await client?.dispose(5000);
    } catch (error) {
      this.log.warn(`stopping: ${text(error)}`);
    }
  }

  private middleware(): Middleware {
    return {
      executeCommand: async (command, args, next) => {
        if (await this.intercept(command, args)) return undefined;
        return next(command, args);
      },
      workspace: {
        configuration: async (params, token, next) => {
          const answer = await next(params, token);
          if (!Array.isArray(answer)) return answer;
          return answer.map((s: object | null) =>
            s && Object.fromEntries(Object.entries(s).filter(([key]) => !own.includes(key))),
          );
        },
      },
    };
  }

  private async failed(problem: string): Promise<void> {
    this.problem = problem;
    this.set('failed');
    this.log.error(problem);
    void (async () => {
      const choose = 'Choose the Program…';
      const chosen = await vscode.window.showErrorMessage(problem, choose, 'How to Install', 'Show the Log');
      if (chosen === choose) {
        const files = await vscode.window.showOpenDialog({ title: 'The program fpbls', canSelectMany: false });
        if (!files?.[0]) return;
        await vscode.workspace.getConfiguration('fpbls').update('path', files[0].fsPath, vscode.ConfigurationTarget.Global);
      } else if (chosen === 'How to Install') {
        await vscode.commands.executeCommand('markdown.showPreview', vscode.Uri.joinPath(this.context.extensionUri, 'README.md'));
      } else if (chosen) {
        this.log.show();
      }
    })();
  }

  private set(state: ServerState): void {
    this.state = state;
    this.changed.fire();
  }

  // inTurn keeps starts and stops from overtaking each other.
  private inTurn<T>(f: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(f, f);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

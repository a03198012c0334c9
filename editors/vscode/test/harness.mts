// The real VS Code, headless: code-server with its own folders, and Chromium. The
// board is "fpbls sim" beside it, so that it can be unplugged.

import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const tools = need('FPBLS_EDITORS'); // where .ci/setup has put the editors
export const program = need('FPBLS');
export const extension = join(import.meta.dirname, '..');

const { chromium } = createRequire(join(tools, 'x.js'))('playwright-core');

function need(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set: use test/run`);
  return value;
}

const settings = {
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'git.enabled': false,
  'json.schemaDownload.enable': false,
  'npm.fetchOnlinePackageInfo': false,
  'editor.minimap.enabled': false,
  'editor.stickyScroll.enabled': false,
  'editor.cursorBlinking': 'solid',
  'editor.cursorSmoothCaretAnimation': 'off',
  'editor.occurrencesHighlight': 'off',
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'terminal.integrated.gpuAcceleration': 'off',
  'files.autoSave': 'off',
};

export interface Options {
  trust?: boolean; // whether workspaces are trusted without asking; true
  vsix?: string; // to install
  arguments?: string[];
}

export class Session {
  readonly root: string;
  readonly project: string;
  url = '';
  private readonly children: ChildProcess[] = [];
  private added: object = {};
  private browser: any;

  constructor() {
    this.root = mkdtempSync(join(realpathSync(tmpdir()), 'fpbls-vscode-'));
    this.project = join(this.root, 'project');
    execFileSync(program, ['demo', '--keep', this.project, '--json']);
  }

  // settings writes the user's settings; an editor that runs takes them up.
  settings(more: object): void {
    writeFileSync(join(this.root, 'data/User/settings.json'), JSON.stringify({ ...settings, ...this.added, ...more }));
  }

  // board plugs the simulated board in, on a port of its own or the one it had.
  async board(address = 'tcp://127.0.0.1:0'): Promise<{ address: string; unplug: () => Promise<void> }> {
    const firmware = join(this.project, 'build', 'firmware.elf');
    const sim = this.spawn(program, ['sim', '--json', '--firmware', firmware, '--listen', address], {});
    const line = await lineOf(sim, /"address"/);
    const ended = new Promise<void>((resolve) => sim.once('exit', () => resolve()));
    return {
      address: JSON.parse(line).address,
      unplug: () => {
        sim.kill();
        return ended;
      },
    };
  }

  // start starts the editor's server.
  async start(options: Options = {}): Promise<void> {
    const at = (name: string) => join(this.root, name);
    mkdirSync(at('data/User'), { recursive: true });
    mkdirSync(at('home'), { recursive: true });
    mkdirSync(at('tmp'), { recursive: true });
    const trusted = options.trust ?? true;
    this.added = { 'security.workspace.trust.enabled': !trusted, 'security.workspace.trust.startupPrompt': 'never' };
    this.settings({});
    writeFileSync(at('config.yaml'), '');
    const entry = join(tools, 'node_modules/code-server/out/node/entry.js');
    const env = { FPBLS_REPORT: at('report'), HOME: at('home'), TMPDIR: at('tmp'), XDG_CONFIG_HOME: '', XDG_DATA_HOME: '', EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
    const common = [entry, '--config', at('config.yaml'), '--user-data-dir', at('data'), '--extensions-dir', at('extensions')];
    if (options.vsix) execFileSync(process.execPath, [...common, '--install-extension', options.vsix], { env: { ...process.env, ...env }, stdio: 'pipe' });
    const server = this.spawn(
      process.execPath,
      [...common, '--auth', 'none', '--bind-addr', '127.0.0.1:0', '--disable-telemetry', '--disable-update-check',
        '--disable-getting-started-override', ...(trusted ? ['--disable-workspace-trust'] : []), ...(options.arguments ?? [])],
      env,
    );
    const line = await lineOf(server, /listening on http/);
    this.url = /http:\/\/[^/\s]+/.exec(line)![0];
  }

  // page opens the browser.
  async page(size = { width: 1280, height: 800 }): Promise<any> {
    this.browser ??= await chromium.launch({
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
    });
    const page = await (await this.browser.newContext({ viewport: size })).newPage();
    page.setDefaultTimeout(45_000);
    return page;
  }

  edit(file: string, change: (text: string) => string): void {
    const path = join(this.project, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  }

  async stop(): Promise<void> {
    await this.browser?.close();
    for (const child of this.children) {
      try {
        process.kill(-child.pid!, 'SIGKILL'); // with its children, which outlive it
      } catch {
        // it has ended
      }
    }
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  private spawn(file: string, args: string[], env: object): ChildProcess {
    const child = spawn(file, args, { env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', openSync(join(this.root, 'stderr'), 'a')] });
    this.children.push(child);
    return child;
  }
}

// lineOf waits for a line of the child's output. The rest of it is read, and thrown away.
function lineOf(child: ChildProcess, wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface(child.stdout!).on('line', (line) => wanted.test(line) && resolve(line));
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it said ${wanted}`)));
  });
}

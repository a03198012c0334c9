// The view "Board": connection, patches by the block they were injected in, what a
// reset has lost, and the operations that run or wait.

import * as vscode from 'vscode';
import type { Client } from './client.ts';
import { patchName, type Job, type Patch, type Status } from './protocol.ts';
import { matchWords } from './words.ts';

export type Node =
  | { kind: 'connection'; status: Status }
  | { kind: 'heading'; label: string; children: Node[]; id: string }
  | { kind: 'patch'; patch: Patch }
  | { kind: 'lost'; patch: Patch }
  | { kind: 'job'; job: Job };

// nodes is what the view shows of a status; nothing where the welcome text stands.
export function nodes(s: Status | undefined): Node[] {
  if (!s || (!s.connected && s.jobs.length === 0 && !s.lost?.length)) return [];
  const top: Node[] = [{ kind: 'connection', status: s }];
  const heading = (id: string, label: string, children: Node[]) => {
    if (children.length > 0) top.push({ kind: 'heading', id, label, children });
  };
  heading('patches', 'Patches', groups(s.patches));
  heading('lost', 'Lost by Reset', (s.lost ?? []).map((patch) => ({ kind: 'lost', patch })));
  heading('queue', 'Queue', s.jobs.map((job) => ({ kind: 'job', job })));
  return top;
}

// groups puts what was injected together below one heading.
function groups(patches: Patch[]): Node[] {
  const byGroup = new Map<string, Patch[]>();
  for (const p of patches) byGroup.set(p.group, [...(byGroup.get(p.group) ?? []), p]);
  return [...byGroup].flatMap(([group, members]): Node[] => {
    const children = members.map((patch): Node => ({ kind: 'patch', patch }));
    return members.length === 1 ? children : [{ kind: 'heading', id: `group ${group}`, label: `Injected together at ${group}`, children }];
  });
}

export class BoardView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly client: Client;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  readonly tree: vscode.TreeView<Node>;
  private readonly watch: vscode.Disposable;

  constructor(client: Client) {
    this.client = client;
    this.tree = vscode.window.createTreeView<Node>('fpbls.board', { treeDataProvider: this });
    let shown = '';
    const update = () => {
      // A row that is drawn anew under the mouse would miss the click.
      const now = JSON.stringify(nodes(client.status));
      if (now === shown) return;
      shown = now;
      const used = client.status?.connected ? client.status.patches.length : 0;
      this.tree.badge = used ? { value: used, tooltip: `${used} patched functions` } : undefined;
      this.changed.fire();
    };
    this.watch = vscode.Disposable.from(client.onDidChange(update), vscode.window.onDidChangeActiveTextEditor(update));
  }

  getChildren(node?: Node): Node[] {
    if (!node) return nodes(this.client.status);
    return node.kind === 'heading' ? node.children : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case 'connection':
        return connectionItem(node.status);
      case 'heading': {
        const item = new vscode.TreeItem(node.label, vscode.TreeItemCollapsibleState.Expanded);
        item.id = node.id;
        return item;
      }
      case 'patch':
        return patchItem(node.patch, stateWords[node.patch.state], `patch.${node.patch.state}`);
      case 'lost':
        return patchItem(node.patch, 'lost by reset', 'lost');
      case 'job': {
        const item = new vscode.TreeItem(node.job.title);
        item.id = `job ${node.job.id}`;
        item.iconPath = new vscode.ThemeIcon(node.job.running ? 'sync~spin' : 'clock');
        item.description = node.job.running ? 'running' : 'waiting';
        item.contextValue = 'job';
        return item;
      }
    }
  }

  dispose(): void {
    this.watch.dispose();
    this.tree.dispose();
    this.changed.dispose();
  }
}

const stateWords = { live: 'live', disabled: 'disabled', held: 'off, others use it' };

function connectionItem(s: Status): vscode.TreeItem {
  const item = new vscode.TreeItem(s.port || 'no port');
  item.id = 'connection';
  item.description = s.connected ? `${s.slotsUsed} of ${s.slotsTotal} slots, ${s.health || 'connected'}` : 'not connected';
  if (s.match === 'mismatch') item.description = 'another firmware';
  item.iconPath = new vscode.ThemeIcon(s.match === 'mismatch' ? 'warning' : s.connected ? 'vm-active' : 'vm-outline');
  item.contextValue = s.connected ? 'connection' : 'connection.off';
  item.tooltip = [`Port ${s.port}`, `Loader ${s.loader || 'unknown'}`, `Firmware ${s.elf || 'unknown'}, ${matchWords(s)}`].join('\n');
  return item;
}

function patchItem(p: Patch, state: string, context: string): vscode.TreeItem {
  const item = new vscode.TreeItem(patchName(p));
  item.id = `${context} ${p.slot} ${p.original}`;
  item.description = `${state}, ${p.size} B at ${p.address}, ${p.mode}`;
  item.tooltip = [`${patchName(p)} at ${p.original}`, `replaced by ${p.size} B at ${p.address}`, `slot ${p.slot}, ${p.mode}`, state].join('\n');
  item.iconPath = new vscode.ThemeIcon(context === 'patch.live' ? 'zap' : context === 'lost' ? 'warning' : 'circle-outline');
  item.contextValue = context;
  item.accessibilityInformation = { label: `${patchName(p)}, ${item.description}` };
  item.command = { command: 'fpbls.patch.open', title: 'Go to Source', arguments: [{ kind: 'patch', patch: p }] };
  return item;
}

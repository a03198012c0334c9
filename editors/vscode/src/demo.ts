// The demo project of "fpbls demo --keep", for the simulated board.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';
import { findServer } from './discovery.ts';

export async function openDemo(context: vscode.ExtensionContext): Promise<void> {
  const found = findServer({
    setting: vscode.workspace.getConfiguration('fpbls').get<string>('path', ''),
    extension: context.extensionPath,
    path: process.env['PATH'] ?? '',
    platform: process.platform,
  });
  if ('missing' in found) throw new Error(found.missing);
  const folders = await vscode.window.showOpenDialog({
    title: 'Where to put the folder fpbls-demo',
    openLabel: 'Make fpbls-demo Here',
    canSelectFiles: false,
    canSelectFolders: true,
  });
  if (!folders?.[0]) return;
  const project = vscode.Uri.joinPath(folders[0], 'fpbls-demo');
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: 'Building the demo firmware' }, () =>
    makeDemo(found.file, project.fsPath),
  );
  await vscode.commands.executeCommand('vscode.openFolder', project, { forceNewWindow: vscode.workspace.workspaceFolders !== undefined });
}

// makeDemo makes the project, and fails with the program's own words.
export async function makeDemo(program: string, folder: string): Promise<void> {
  try {
    await promisify(execFile)(program, ['demo', '--keep', folder, '--json'], { timeout: 120_000 });
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    let told: { error?: { message: string; hint?: string } } = {};
    try {
      told = JSON.parse(stdout ?? '{}') as typeof told;
    } catch {
      // what failed printed no JSON: its own error has to do
    }
    if (!told.error) throw error;
    throw new Error([told.error.message, told.error.hint].filter(Boolean).join(': '));
  }
}

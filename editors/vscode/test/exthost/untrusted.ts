import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { Api } from '../../src/main.ts';

describe('in a workspace that is not trusted', () => {
  it('runs nothing', async () => {
    const api: Api = await vscode.extensions.getExtension<Api>('fpbls.fpbls')!.activate();
    assert.equal(api.client.state, 'off');
    await vscode.commands.executeCommand('fpbls.restartServer');
    assert.equal(api.client.state, 'off');
    await assert.rejects(async () => vscode.commands.executeCommand('fpbls.connectBoard'), /does not run/);
    assert.deepEqual(api.view.getChildren(), []);
  });
});

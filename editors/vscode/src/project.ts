import * as vscode from 'vscode';

// A folder with one of these, there or in a build directory, is a firmware project.
export const projectFiles = '{fpbls.toml,compile_commands.json,*.elf,*.axf}';

const marks = /^(fpbls\.toml|compile_commands\.json|.*\.(elf|axf))$/i;
const buildFolders = /^(build.*|out|cmake-build-.*)$/;

export async function isProject(folder: vscode.Uri): Promise<boolean> {
  const entries = await list(folder);
  if (entries.some(([name]) => marks.test(name))) return true;
  for (const [name, type] of entries) {
    if (type & vscode.FileType.Directory && buildFolders.test(name)) {
      const built = await list(vscode.Uri.joinPath(folder, name));
      if (built.some(([file]) => marks.test(file))) return true;
    }
  }
  return false;
}

async function list(folder: vscode.Uri): Promise<[string, vscode.FileType][]> {
  try {
    return await vscode.workspace.fs.readDirectory(folder);
  } catch {
    return []; // it may be gone
  }
}

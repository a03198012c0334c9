// Finds the server: the setting fpbls.path, the program packed with the extension,
// the PATH.

import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';

export interface Places {
  setting: string;
  extension: string; // the extension's folder
  path: string; // the environment's PATH
  platform: NodeJS.Platform;
}

export type Found = { file: string } | { missing: string };

export function findServer(places: Places): Found {
  const name = places.platform === 'win32' ? 'fpbls.exe' : 'fpbls';
  const setting = places.setting.trim();
  if (setting !== '') {
    const file = setting.startsWith('~/') ? join(homedir(), setting.slice(2)) : setting;
    if (!isAbsolute(file)) {
      return { missing: `The setting fpbls.path is not an absolute path: ${setting}` };
    }
    return executable(file) ? { file } : { missing: `The setting fpbls.path names no program: ${setting}` };
  }
  const packed = join(places.extension, 'bin', name);
  if (executable(packed)) return { file: packed };
  for (const folder of places.path.split(delimiter)) {
    // A relative entry would start what lies in the workspace.
    if (isAbsolute(folder) && executable(join(folder, name))) return { file: join(folder, name) };
  }
  return { missing: 'The program fpbls was not found: neither with the extension nor on the PATH' };
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

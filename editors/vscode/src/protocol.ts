// What crosses the line to the server beside LSP: see internal/command/REFERENCE.md.

// version of the commands and notifications that this extension knows.
export const version = 1;

export interface Patch {
  function: string | null;
  slot: number;
  mode: string;
  state: 'live' | 'disabled' | 'held';
  original: string;
  address: string;
  size: number;
  group: string;
}

export interface Job {
  id: number;
  title: string;
  running: boolean;
}

export interface Status {
  folder: string;
  elf: string;
  text: string;
  connected: boolean;
  port: string;
  loader: string;
  match: 'unknown' | 'match' | 'mismatch';
  patches: Patch[];
  lost?: Patch[] | null;
  slotsUsed: number;
  slotsTotal: number;
  health: string;
  jobs: Job[];
}

export interface Output {
  folder: string;
  seq: number;
  lost?: number;
  text: string;
}

export interface Disassembly {
  before: string;
  after: string;
}

export interface Ports {
  ports: { name: string; device?: string; description?: string }[];
}

// skew tells what is wrong between this extension and a server, undefined if nothing
// is. The answer of initialize has the server's version as
// capabilities.experimental.fpbls.version; it grows when an older client would go wrong.
export function skew(experimental: unknown): string | undefined {
  const theirs = (experimental as { fpbls?: { version?: unknown } } | undefined)?.fpbls?.version;
  if (typeof theirs !== 'number') {
    return 'The program does not answer like fpbls, or is too old for this extension: update fpbls';
  }
  if (theirs < version) {
    return `fpbls is too old for this extension (protocol ${theirs}, needed ${version}): update fpbls`;
  }
  if (theirs > version) {
    return `This extension is too old for fpbls (protocol ${version}, needed ${theirs}): update the extension`;
  }
  return undefined;
}

// patchName is what a patch is called where no ELF tells the function's name.
export function patchName(p: Patch): string {
  return p.function ?? p.original;
}

// relative rewrites a listing of the server's so that two builds of a function can be
// compared: offsets in place of addresses, and no bytes, which differ wherever the
// linker has put in an address. Where a literal is tells nothing either.
export function relative(listing: string): string {
  let start: number | undefined;
  return listing
    .split('\n')
    .map((line) => {
      const parts = /^\s*([0-9a-f]+)\s{2}[0-9a-f ]+?\s{2,}(.*)$/.exec(line);
      if (!parts) return line;
      const address = parseInt(parts[1]!, 16);
      start ??= address;
      return `  +0x${(address - start).toString(16).padStart(2, '0')}  ${parts[2]!.replace(/\s+@ \(0x[^)]*\)/, '').trimEnd()}`;
    })
    .join('\n');
}

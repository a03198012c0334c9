// Bundles the extension with the licences of what is in the bundle, and with the
// argument "test" what runs inside the extension host.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['vscode'],
  legalComments: 'none',
};

const { metafile } = await build({
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.js',
  minify: true,
  sourcemap: process.argv.includes('test') && 'inline',
  metafile: true,
});

const packages = new Set();
for (const file of Object.keys(metafile.inputs)) {
  const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file);
  if (found) packages.add(found[0]);
}
let notices = '# Third-party notices\n\nThe extension contains these packages.\n';
for (const folder of [...packages].sort()) {
  const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const license = readdirSync(folder).find((f) => /^licen[cs]e/i.test(f));
  if (!license) throw new Error(`${folder} has no licence`);
  notices += `\n## ${name} ${version}\n\n\`\`\`text\n${readFileSync(`${folder}/${license}`, 'utf8').trim()}\n\`\`\`\n`;
}
mkdirSync('dist', { recursive: true });
writeFileSync('dist/THIRD-PARTY-NOTICES.md', notices);

if (process.argv.includes('test')) {
  await build({
    ...common,
    external: ['vscode', 'mocha'],
    entryPoints: ['test/exthost/index.ts'],
    outfile: 'dist/test/index.js',
    sourcemap: 'inline',
  });
}

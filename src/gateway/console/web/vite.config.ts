// Builds the console into dist/console; it is served below /minio/.
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/minio/',
  build: {
    outDir: '../../../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  logLevel: 'warn',
});

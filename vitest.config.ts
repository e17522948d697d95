/**
 * Owns how the tests run. Node itself runs the TypeScript, as it does in production: no transformation, so that the
 * coverage of a child process (a real server) has the same positions as that of the tests and both are added up.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,sdk,scripts,examples,bench}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'data/**'],
    globalSetup: ['server/test/support/global-setup.ts'],
    experimental: { viteModuleRunner: false, nodeLoader: false },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    allowOnly: false,
    slowTestThreshold: 5000,
    coverage: {
      provider: 'v8',
      autoAttachSubprocess: true,
      include: ['server/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.gen.ts'],
      // The second one lists the lines that are missing, file by file: coverage/missing.txt.
      reporter: ['json-summary', ['text', { file: 'missing.txt', maxCols: 200 }]],
      reportOnFailure: true,
    },
  },
})

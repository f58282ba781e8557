import { defineConfig } from "vitest/config"

/** The pages in Debian's Chromium, served by the real program: `npm run test:browser`. */
export default defineConfig({
  test: { include: ["browser/**/*.test.ts"], environment: "node", testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2 },
})

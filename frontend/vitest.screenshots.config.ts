import { defineConfig } from "vitest/config"

/** The pictures of the README: `npm run screenshots` writes docs/images. */
export default defineConfig({
  test: { include: ["browser/screenshots.ts"], environment: "node", testTimeout: 180_000, hookTimeout: 180_000 },
})

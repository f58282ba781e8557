import { expect, test } from "vitest"
import type { Provider } from "./draft"
import { marksOf, withHealth } from "./standing"

const WELL = { is_active: true, is_healthy: true, status: "online" } as const

test.each([
  [WELL, ["online"]],
  [{ ...WELL, is_healthy: false }, ["skipped", "online"]],
  [{ ...WELL, is_healthy: false, status: "unknown" }, ["skipped"]],
  [{ ...WELL, is_active: false, status: "error" }, ["inactive"]],
  [{ ...WELL, trouble: "OPENAI_API_KEY is not set" }, ["unusable"]],
  [{ ...WELL, status: "unknown" }, ["not tested"]],
] as const)("%o stands as %o", (provider, words) => {
  expect(marksOf(provider).map((mark) => mark.words)).toEqual(words)
})

test("news of one provider changes that one", () => {
  const providers = [1, 2].map((id) => ({ id, status: "online", is_healthy: true, consecutive_failures: 0, latency_ms: 3 }) as Provider)
  const news = { id: 2, provider: "b", status: "timeout", latency_ms: null, is_healthy: false, consecutive_failures: 3 } as const
  const after = withHealth(providers, news)
  expect(after[0]).toBe(providers[0])
  expect(after[1]).toEqual({ id: 2, status: "timeout", is_healthy: false, consecutive_failures: 3, latency_ms: null })
})

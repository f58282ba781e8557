import { expect, test } from "vitest"
import { asSealed } from "./preview"

test("a key that was typed is shown as the sealed one that it becomes", () => {
  const plain = { severity: "warning" as const, line: 2, column: 1, path: "providers.a.api_key", message: "the key stands here in plain text" }
  const other = { ...plain, message: "no route uses it" }
  const preview = asSealed({ diff: "-  b: {api_key: [redacted]}\n+  a: {api_key: [redacted], models: [m]}\n", problems: [plain, other] })
  expect(preview.diff).toBe("-  b: {api_key: [redacted]}\n+  a: {api_key: age:… (sealed when it is saved), models: [m]}\n")
  expect(preview.problems).toEqual([other])
})

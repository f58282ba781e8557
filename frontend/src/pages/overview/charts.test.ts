import { expect, test } from "vitest"
import { chartsOf, partOf, type Series } from "./charts"

const numbers = (requests: number) => ({ requests: [requests], errors: [1], p50_ms: [2], p95_ms: [3], prompt_tokens: [4], completion_tokens: [5], cost: [null] })
const SERIES = { bucket_seconds: 60, buckets: ["2026-01-15T10:30:00Z"], total: numbers(9), by_provider: { "a/b": numbers(5) }, by_route: { smart: numbers(7) } } as unknown as Series

test.each([
  ["", 8],
  ["anything", 8],
  ["provider/a/b", 4],
  ["route/smart", 6],
  ["route/gone", 0],
])("the charts of %j have %i answered", (of, answered) => {
  expect(chartsOf(partOf(SERIES, of))[0]!.lines[0]!.values).toEqual([answered])
})

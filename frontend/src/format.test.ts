import { describe, expect, test } from "vitest"
import { ago, bytes, compact, count, duration, money, plural, recent, share, span, UNKNOWN } from "./format"

function table<Value>(name: string, format: (value: Value) => string, rows: [Value, string][]): void {
  test.each(rows)(`${name}(%s) is %s`, (value, text) => expect(format(value)).toBe(text))
}

describe("what people read", () => {
  table("count", count, [[0, "0"], [12_345, "12,345"], [null, UNKNOWN], [undefined, UNKNOWN]])
  table("compact", compact, [[999, "999"], [12_345, "12.3K"], [4_000_000, "4M"], [null, UNKNOWN]])
  table("attempts", (value: number) => plural(value, "attempt"), [[1, "1 attempt"], [2, "2 attempts"], [0, "0 attempts"]])
  table("queries", (value: number) => plural(value, "query", "queries"), [[1, "1 query"], [1_000, "1,000 queries"]])
  table("share", ([part, all]: [number, number]) => share(part, all), [
    [[1, 4], "25 %"], [[1, 30], "3.3 %"], [[1, 100_000], "<0.1 %"], [[99_999, 100_000], ">99.9 %"], [[0, 5], "0 %"], [[5, 5], "100 %"], [[0, 0], UNKNOWN],
  ])
  table("duration", duration, [
    [0, "0 ms"], [0.09, "90 µs"], [3.25, "3.3 ms"], [45.2, "45 ms"], [999, "999 ms"], [999.6, "1.00 s"], [1_240, "1.24 s"], [12_345, "12.3 s"], [59_960, "1 min"], [125_000, "2 min 5 s"], [null, UNKNOWN],
  ])
  table("span", span, [[0, "0 s"], [59, "59 s"], [3_600, "1 h"], [11_520, "3 h 12 min"], [90_061, "1 d 1 h"], [null, UNKNOWN]])
  table("money", money, [
    [0, "$0"], [0.000_000_2, "<$0.000001"], [0.000_012, "$0.000012"], [0.001_24, "$0.0012"], [0.25, "$0.250"], [1.5, "$1.50"], [12_345.6, "$12,346"], [null, UNKNOWN],
  ])
  table("bytes", bytes, [[0, "0 B"], [1_023, "1023 B"], [1_536, "1.5 KiB"], [33_554_432, "32 MiB"], [null, UNKNOWN]])
})

describe("ago", () => {
  const now = Date.parse("2026-01-15T10:30:00+00:00")
  table("ago", (when: string) => ago(when, now), [
    ["2026-01-15T10:29:59+00:00", "just now"],
    ["2026-01-15T10:30:09+00:00", "just now"], // another machine's clock
    ["2026-01-15T10:29:48+00:00", "12 s ago"],
    ["2026-01-15T10:26:30+00:00", "3 min ago"],
    ["2026-01-15T05:30:00+00:00", "5 h ago"],
    ["2026-01-10T10:30:00+00:00", "5 d ago"],
    ["2025-11-15T10:30:00+00:00", "15 Nov 2025"],
    ["not a time", UNKNOWN],
  ])
})

test("a time of another day says the day", () => {
  const now = new Date(2026, 0, 15, 10, 30)
  expect(recent(new Date(2026, 0, 15, 0, 0, 7), now)).toBe("00:00:07")
  expect(recent(new Date(2026, 0, 14, 23, 59, 7), now)).toBe("14 Jan 23:59")
})

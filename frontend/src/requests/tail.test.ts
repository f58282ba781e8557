import { describe, expect, test } from "vitest"
import { filtersOf, fits } from "./filters"
import { fold, merge, MOST_LIVE, type Attempt, type RequestMade, type Row } from "./tail"
import { places, type AttemptMade } from "./timeline"

const FACTS = {
  client: "anonymous", route: "smart", stream: true, ttft_ms: null, prompt_tokens: null, completion_tokens: null, cached_tokens: null,
  reasoning_tokens: null, cache_write_tokens: null, config: "e9cbfdfab815", retry_count: null, trace: null, cost: null, model: "m",
}

function attempt(id: string, which: number, more: Partial<Attempt> = {}): Attempt {
  const failed = { error: "upstream_overloaded", status: 503, attempts: null, total_ms: null }
  return { ...FACTS, at: "2026-01-15T10:00:01+00:00", request_id: id, attempt: which, provider: "one", upstream_status: 500, duration_ms: 10, ...failed, ...more }
}

const ANSWERED = { error: null, status: 200, attempts: 2, total_ms: 30, provider: "two" }

function written(id: string, number: number, at = "2026-01-15T10:00:02+00:00"): RequestMade {
  return { ...FACTS, at, id, number, provider: "two", status: 200, error: null, attempt_count: 2, duration_ms: 30 }
}

const shown = (rows: readonly Row[]) => rows.map((row) => `${row.id} ${row.provider} ${row.attempt_count} ${row.isOpen ? "open" : row.status}`)

describe("the live tail", () => {
  test("attempts of a request become one row, where it stands", () => {
    const told = [attempt("a", 1), attempt("b", 1), attempt("a", 2, ANSWERED)]
    const steps = told.map((_, at) => shown(told.slice(0, at + 1).reduce<Row[]>(fold, [])))
    expect(steps).toEqual([["a one 1 open"], ["b one 1 open", "a one 1 open"], ["b one 1 open", "a two 2 200"]])
  })

  test("an id that a caller sends again is another request", () => {
    const rows = [attempt("a", 1, { ...ANSWERED, attempts: 1 }), attempt("a", 1)].reduce<Row[]>(fold, [])
    expect(shown(rows)).toEqual(["a one 1 open", "a two 1 200"])
  })

  test("holds no more than it may", () => {
    const rows = Array.from({ length: MOST_LIVE + 5 }, (_, at) => attempt(String(at), 1)).reduce<Row[]>(fold, [])
    expect([rows.length, rows[0]!.id]).toEqual([MOST_LIVE, String(MOST_LIVE + 4)])
  })

  test("what the ledger has written replaces what was heard, and older hearsay goes", () => {
    const heard = [
      attempt("old", 1, { ...ANSWERED, at: "2026-01-15T09:00:00+00:00" }),
      attempt("a", 1),
      attempt("new", 1, { ...ANSWERED, at: "2026-01-15T10:00:03+00:00" }),
      attempt("waits", 1),
    ].reduce<Row[]>(fold, [])
    expect(shown(merge(heard, [written("a", 9)]))).toEqual(["waits one 1 open", "new two 1 200", "a two 2 200"])
  })
})

describe("filters", () => {
  test("are what the address says, once", () => {
    expect(filtersOf({ route: "smart", client: "", status: ["4xx", "5xx"], other: "x" })).toEqual({ route: "smart" })
  })

  const answered = merge([], [written("a", 1)])[0]!
  const failed: Row = { ...answered, status: 503, error: "upstream_overloaded" }
  const left: Row = { ...answered, status: 499, error: "cancelled" }
  test.each([
    [answered, {}, true],
    [answered, { route: "smart", provider: "two", client: "anonymous" }, true],
    [answered, { route: "other" }, false],
    [answered, { provider: "one" }, false],
    [answered, { client: "cline" }, false],
    [answered, { status: "ok" }, true],
    [answered, { status: "error" }, false],
    [failed, { status: "error" }, true],
    [failed, { status: "5xx" }, true],
    [failed, { status: "503" }, true],
    [failed, { status: "4xx" }, false],
    [left, { status: "ok" }, false],
    [left, { status: "error" }, false],
    [left, { status: "499" }, true],
    [{ ...failed, isOpen: true }, { status: "5xx" }, false],
    [{ ...failed, isOpen: true }, { route: "smart" }, true],
  ])("%#: what fits", (row, filters, isThere) => expect(fits(row, filters)).toBe(isThere))
})

describe("the timeline", () => {
  const one = (at: string, duration_ms: number, ttft_ms: number | null = null) => ({ at, duration_ms, ttft_ms }) as AttemptMade

  test("attempts lie one after the other, to scale", () => {
    expect(places([one("2026-01-15T10:00:00.100Z", 100), one("2026-01-15T10:00:00.400Z", 200, 50)])).toEqual([
      { left: 0, width: 25, first: null },
      { left: 50, width: 50, first: 12.5 },
    ])
  })

  test("what took no time can still be seen", () => {
    expect(places([one("2026-01-15T10:00:00Z", 0)])).toEqual([{ left: 0, width: 0.6, first: null }])
  })
})

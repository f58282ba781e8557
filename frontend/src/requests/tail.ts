import type { components } from "@/api/schema"

export type RequestMade = components["schemas"]["RequestMade"]

/** A row of the ledger, as `attempt` events have it. `attempts` is null while another attempt may follow. */
export interface Attempt extends Omit<RequestMade, "number" | "id" | "attempt_count" | "duration_ms"> {
  request_id: string
  attempt: number
  attempts: number | null
  duration_ms: number | null
  total_ms: number | null
  upstream_status: number | null
}

/** A request in the list. `isOpen`: its last attempt has failed, and what came of it is not known yet. */
export type Row = Omit<RequestMade, "number"> & { number: number | null; isOpen: boolean }

export const MOST_LIVE = 200

/** The attempt becomes part of its request, or begins one; the newest stands first. */
export function fold(rows: readonly Row[], attempt: Attempt): Row[] {
  const { request_id, attempt: which, attempts, total_ms, upstream_status: _, ...facts } = attempt
  const isOpen = attempts === null
  const row: Row = { ...facts, id: request_id, number: null, isOpen, attempt_count: which, duration_ms: total_ms ?? facts.duration_ms }
  const before = rows.findIndex((other) => other.id === request_id && other.isOpen)
  if (before < 0) return [row, ...rows].slice(0, MOST_LIVE)
  return rows.with(before, row)
}

/** What the ledger has written, and before it what is newer. What the ledger has is right. */
export function merge(live: readonly Row[], written: readonly RequestMade[]): Row[] {
  return [...unwritten(live, written), ...written.map((row) => ({ ...row, isOpen: false }))]
}

/** The live rows that the ledger's newest page has not: they are newer than it, or not at their end. */
export function unwritten(live: readonly Row[], written: readonly RequestMade[]): Row[] {
  const known = new Set(written.map((row) => row.id))
  const newest = written[0] ? Date.parse(written[0].at) : 0
  return live.filter((row) => !known.has(row.id) && (row.isOpen || Date.parse(row.at) >= newest))
}

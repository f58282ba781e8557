import { api, body } from "@/api/client"

const MOST = 500

/** What the log said of one request: what the ledger does not keep. */
export interface Told {
  /** By the number of the attempt: what could not be said in the caller's dialect. */
  dropped: Record<number, string[]>
  /** By the number of the attempt: what routerd itself took, in microseconds. */
  overhead: Record<number, number>
  /** Why it was refused before any attempt. */
  message: string | null
}

type Line = Record<string, unknown>

export function told(lines: readonly Line[], id: string): Told {
  const all: Told = { dropped: {}, overhead: {}, message: null }
  for (const line of lines) {
    if (line.request_id !== id) continue
    if (typeof line.message === "string") all.message ??= line.message
    if (typeof line.attempt !== "number") continue
    if (Array.isArray(line.dropped)) all.dropped[line.attempt] = line.dropped.map(String)
    if (typeof line.overhead_us === "number") all.overhead[line.attempt] = line.overhead_us
  }
  return all
}

/** The latest log lines of a request; nothing, when they can't be had. */
export async function lookUp(id: string, signal: AbortSignal): Promise<Told> {
  const lines = await body(api.GET("/api/admin/logs", { signal, params: { query: { limit: MOST } } })).catch(() => [])
  return told(lines, id)
}

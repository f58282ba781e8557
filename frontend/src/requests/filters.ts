import type { LocationQuery } from "vue-router"
import type { Row } from "./tail"

const FILTERS = ["route", "provider", "client", "status"] as const
export type Filters = Partial<Record<(typeof FILTERS)[number], string>>

export const STATUSES: readonly (readonly [value: string, words: string])[] = [
  ["ok", "Answered"],
  ["error", "Any error"],
  ["4xx", "4xx: the caller's fault"],
  ["429", "429: too many"],
  ["499", "499: the caller left"],
  ["5xx", "5xx: nobody answered"],
]

/** The filters of an address; what is empty or there twice is none. */
export function filtersOf(query: LocationQuery): Filters {
  return Object.fromEntries(FILTERS.flatMap((name) => (typeof query[name] === "string" && query[name] ? [[name, query[name]]] : [])))
}

/** Whether a live row is one of those that the server would answer with. Of an open one the status is not known yet. */
export function fits(row: Row, filters: Filters): boolean {
  const { route, provider, client, status } = filters
  if (route && row.route !== route) return false
  if (provider && row.provider !== provider) return false
  if (client && row.client !== client) return false
  return !status || (!row.isOpen && isOfStatus(row, status))
}

function isOfStatus(row: Row, status: string): boolean {
  if (status === "ok") return row.error === null
  if (status === "error") return row.error !== null && row.error !== "cancelled"
  return status.endsWith("xx") ? String(row.status).startsWith(status[0]!) : String(row.status) === status
}

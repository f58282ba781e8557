import type { components } from "@/api/schema"

export type AttemptMade = components["schemas"]["AttemptMade"]

/** Where an attempt lies on the way of its request, in percent of it. `first`: up to the first content. */
export interface Place {
  left: number
  width: number
  first: number | null
}

const LEAST = 0.6 // percent: what took no time can be seen, too

/** When each attempt began and how long it took, beside the others. */
export function places(attempts: readonly AttemptMade[]): Place[] {
  const ends = attempts.map((attempt) => Date.parse(attempt.at))
  const begins = attempts.map((attempt, at) => ends[at]! - (attempt.duration_ms ?? 0))
  const start = Math.min(...begins)
  const whole = Math.max(...ends) - start || 1
  return attempts.map((attempt, at) => {
    const width = Math.max(LEAST, (100 * (ends[at]! - begins[at]!)) / whole)
    const left = Math.min(100 - width, (100 * (begins[at]! - start)) / whole)
    const first = attempt.ttft_ms === null ? null : Math.min(width, (100 * attempt.ttft_ms) / whole)
    return { left, width, first }
  })
}

import type { components } from "@/api/schema"
import { KINDS } from "@/api/kinds"
import { plural, span } from "@/format"

type Schemas = components["schemas"]
export type Planned = Schemas["Planned"]
export type RouteState = Schemas["RouteState"]
type TargetState = Schemas["TargetState"]
export type Standing = TargetState["standing"] | "unwanted"

/** One target in the picture of a route. `order`: its place among those that are tried, from 1; null: it is not. */
export interface Box {
  node: number
  target: string
  provider: string
  order: number | null
  isBeyond: boolean
  standing: Standing
  reason: string
  readyAt: number | null
  failures: number
  inFlight: number
}

/** What is tried before the next lane: a tier, or the one ring. */
export interface Lane {
  tier: number
  priority: number
  boxes: Box[]
}

/** The picture of a plan: lanes in the order they are tried, what is skipped last in each. `at`: when it was made, in ms. */
export function pictureOf(plan: Planned, state: RouteState | null, at: number): Lane[] {
  const lanes = new Map<number, Lane>()
  for (const node of plan.nodes) if (!lanes.has(node.tier)) lanes.set(node.tier, { tier: node.tier, priority: node.priority, boxes: [] })
  const add = (node: number, box: Box) => lanes.get(plan.nodes[node - 1]?.tier ?? 1)?.boxes.push(box)
  plan.steps.forEach((step, index) => {
    const known = knownOf(state, step.node, step.model)
    add(step.node, {
      ...step,
      reason: plain(step.reason),
      order: index + 1,
      isBeyond: index >= plan.max_attempts,
      standing: known.target?.standing ?? "healthy",
      readyAt: readyAt(known.target?.cooldown_seconds, at),
      failures: known.target?.consecutive_failures ?? 0,
      inFlight: known.inFlight,
    })
  })
  for (const skip of plan.skipped) {
    const known = knownOf(state, skip.node, skip.model)
    add(skip.node, {
      node: skip.node,
      target: skip.target,
      provider: skip.provider,
      order: null,
      isBeyond: false,
      standing: skip.kind,
      reason: plain(skip.reason),
      readyAt: readyAt(skip.cooldown_seconds, at),
      failures: known.target?.consecutive_failures ?? 0,
      inFlight: known.inFlight,
    })
  }
  return [...lanes.values()].sort((one, other) => one.tier - other.tier)
}

function knownOf(state: RouteState | null, position: number, model: string | null): { target?: TargetState; inFlight: number } {
  const node = state?.state.nodes.find((each) => each.position === position)
  return { target: node?.targets.find((target) => target.model === model), inFlight: node?.in_flight ?? 0 }
}

/** A reason with the kinds of errors in it in words: "cooling down after upstream_overloaded". */
export function plain(reason: string): string {
  return reason.replace(/\b[a-z]+_[a-z_]+\b/g, (kind) => (KINDS[kind] ? `"${KINDS[kind].words}"` : kind))
}

function readyAt(seconds: number | null | undefined, at: number): number | null {
  return seconds == null ? null : at + seconds * 1000
}

/** How a target stands, in a word or two. */
export const STANDINGS: Record<Standing, { words: string; kind: "good" | "warn" | "bad" | "" }> = {
  "healthy": { words: "healthy", kind: "good" },
  "half-open": { words: "on trial", kind: "warn" },
  "probing": { words: "on trial", kind: "warn" },
  "cooling": { words: "cooling down", kind: "warn" },
  "full": { words: "full", kind: "warn" },
  "overridden": { words: "taken out by hand", kind: "bad" },
  "unusable": { words: "can't be used", kind: "bad" },
  "unwanted": { words: "not asked for", kind: "" },
}

/** The picture in words: who is tried first, then who, who is not and why. */
export function inWords(plan: Planned): string {
  if (plan.problem && plan.problem.kind !== "route_inactive") return plan.problem.message
  const told = [inactive(plan), tried(plan), skippedInWords(plan)]
  if (plan.note) told.push(`${plan.note[0]!.toUpperCase()}${plan.note.slice(1)}.`)
  return told.filter(Boolean).join(" ")
}

/** Who is not tried, and why: this changes with health, and not with every turn. */
export function skippedInWords(plan: Planned): string {
  return plan.skipped.map((skip) => `${skip.target} is skipped: ${plain(skip.reason)}.`).join(" ")
}

function inactive(plan: Planned): string {
  return plan.problem ? `${plan.problem.message} If it were:` : ""
}

function tried(plan: Planned): string {
  const [first, ...rest] = plan.steps.map((step) => step.target)
  if (!first) return "Nothing can be tried."
  const begin = plan.last_resort ? `All are cooling down: ${first} is tried, since it is ready first` : `${first} is tried first`
  const then = rest.length ? `, then ${listed(rest)}` : ""
  return `${begin}${then}. At most ${plural(plan.max_attempts, "attempt")}.`
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
}

/** The soonest moment (ms) at which somebody has cooled down; null: nobody is cooling. */
export function nextChange(lanes: readonly Lane[]): number | null {
  const moments = lanes.flatMap((lane) => lane.boxes.flatMap((box) => box.readyAt ?? []))
  return moments.length ? Math.min(...moments) : null
}

/** What is left of a cooldown: "59 s", "9 min 58 s". */
export function left(until: number, now: number): string {
  return span(Math.ceil((until - now) / 1000))
}

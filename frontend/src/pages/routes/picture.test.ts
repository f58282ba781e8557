import { expect, test } from "vitest"
import { inWords, left, nextChange, pictureOf, plain, type Planned, type RouteState } from "./picture"

const node = (position: number, tier: number, provider: string, standing: string) => ({ position, tier, priority: tier - 1, provider, models: ["m"], standing, order: null, reason: "", id: position, provider_id: 1, strategy: "failover" })
const PLAN = {
  mode: "multi",
  strategy: "failover",
  max_attempts: 2,
  steps: [
    { target: "b/m", provider: "b", model: "m", node: 2, reason: "first in file order" },
    { target: "c/m", provider: "c", model: "m", node: 3, reason: "fallback: the next tier" },
    { target: "c/n", provider: "c", model: "n", node: 3, reason: "another model of its node" },
  ],
  skipped: [{ target: "a/m", provider: "a", model: "m", node: 1, kind: "cooling", reason: "cooling down after upstream_overloaded", cooldown_seconds: 12.5 }],
  last_resort: false,
  note: null,
  problem: null,
  nodes: [node(1, 1, "a", "skipped"), node(2, 1, "b", "chosen"), node(3, 2, "c", "next")],
} as unknown as Planned

const target = (model: string, standing: string, cooldown: number | null = null) => ({ model, standing, is_healthy: true, consecutive_failures: 2, reason: null, cooldown_seconds: cooldown, cooldown_until: null })
const STATE = {
  state: {
    nodes: [
      { position: 1, in_flight: 0, targets: [target("m", "cooling", 12.5)] },
      { position: 2, in_flight: 3, targets: [target("m", "half-open")] },
    ],
  },
} as unknown as RouteState

test("lanes are tiers; who is tried comes in its order, then who is skipped", () => {
  const lanes = pictureOf(PLAN, STATE, 1_000)
  expect(lanes.map((lane) => lane.boxes.map((box) => `${box.order ?? "-"} ${box.target} ${box.standing}`))).toEqual([
    ["1 b/m half-open", "- a/m cooling"],
    ["2 c/m healthy", "3 c/n healthy"],
  ])
  expect(lanes[0]!.boxes[0]).toMatchObject({ inFlight: 3, failures: 2, isBeyond: false })
  expect(lanes[1]!.boxes[1]!.isBeyond).toBe(true)
  expect(nextChange(lanes)).toBe(13_500)
  expect(nextChange([])).toBeNull()
})

test("in words it says the same", () => {
  expect(inWords(PLAN)).toBe('b/m is tried first, then c/m and c/n. At most 2 attempts. a/m is skipped: cooling down after "The provider failed".')
  const last = { ...PLAN, last_resort: true, steps: PLAN.steps.slice(0, 1), skipped: [], max_attempts: 1 }
  expect(inWords(last)).toBe("All are cooling down: b/m is tried, since it is ready first. At most 1 attempt.")
  expect(inWords({ ...PLAN, problem: { kind: "no_target", status: 503, message: "No target can be used." } })).toBe("No target can be used.")
  expect(inWords({ ...last, problem: { kind: "route_inactive", status: 409, message: "The route is not active." } })).toMatch(/^The route is not active\. If it were: /)
})

test("what is left of a cooldown never says less than there is", () => {
  expect([left(60_000, 1_001), left(1_000, 999), left(0, 5_000)]).toEqual(["59 s", "1 s", "0 s"])
})

test("kinds of errors are said in words, other words stay", () => {
  expect(plain("its provider is not_known after upstream_timeout")).toBe('its provider is not_known after "The provider took too long"')
})

import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { effectScope } from "vue"
import { useThrottle } from "./throttle"

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test("runs at once, then once for all wishes of a pause, and not after its component", () => {
  const scope = effectScope()
  const run = vi.fn()
  const want = scope.run(() => useThrottle(run, 100))!
  const count = () => run.mock.calls.length

  want()
  expect(count()).toBe(1)
  want()
  want()
  expect(count()).toBe(1)
  vi.advanceTimersByTime(100)
  expect(count()).toBe(2)
  vi.advanceTimersByTime(100)
  expect(count()).toBe(2)
  want()
  want()
  expect(count()).toBe(3)
  scope.stop()
  vi.advanceTimersByTime(1_000)
  expect(count()).toBe(3)
})

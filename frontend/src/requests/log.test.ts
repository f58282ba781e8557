import { expect, test } from "vitest"
import { told } from "./log"

test("only lines of the request count", () => {
  const lines = [
    { request_id: "b", event: "attempt", attempt: 1, overhead_us: 90, dropped: ["reply:/other"] },
    { request_id: "a", event: "attempt", attempt: 2, overhead_us: 300, dropped: ["reply:/candidates/0/safetyRatings"] },
    { request_id: "a", event: "attempt", attempt: 1, overhead_us: 200 },
    { request_id: "a", event: "refused", message: "`stream` must be true or false." },
    { event: "listening" },
  ]
  expect(told(lines, "a")).toEqual({
    dropped: { 2: ["reply:/candidates/0/safetyRatings"] },
    overhead: { 1: 200, 2: 300 },
    message: "`stream` must be true or false.",
  })
})

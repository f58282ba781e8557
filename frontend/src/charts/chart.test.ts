import { expect, test } from "vitest"
import { latest, rowsOf, stacked, sum, type ChartLine } from "./chart"

const line = (label: string, ...values: (number | null)[]): ChartLine => ({ label, colour: "accent", values })

test("bars stand on each other, and what is not known is no bar", () => {
  expect(stacked([line("answered", 3, 0, null), line("errors", 1, 0, null)])).toEqual([
    [3, 0, null],
    [4, null, null],
  ])
  expect(stacked([line("one", null), line("other", 2)])).toEqual([[null], [2]])
})

test.each([
  [[1, 2.5, null], 3.5, 2.5],
  [[null, null], null, null],
  [[0, null], 0, 0],
  [[], null, null],
])("of %j the sum is %s and the latest is %s", (values, all, most) => {
  expect([sum(values), latest(values)]).toEqual([all, most])
})

test("a table says when there was something, newest first", () => {
  expect(rowsOf([60, 120, 180, 240], [line("answered", 1, 0, 0, 3), line("errors", 0, 0, null, 1)])).toEqual([
    { time: 240, values: [3, 1] },
    { time: 60, values: [1, 0] },
  ])
})

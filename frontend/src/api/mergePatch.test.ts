import { expect, test } from "vitest"
import { mergePatch, type Entry } from "./mergePatch"

test("a merge patch makes the one of the other", () => {
  expect(mergePatch({ a: 1, b: { c: 1, d: [1] }, e: 1 }, { a: 1, b: { c: 2, d: [2] }, f: null })).toEqual({ b: { c: 2, d: [2] }, e: null, f: null })
})

const NOTHING: [string, Entry, Entry][] = [
  ["the order of keys", { a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }],
  ["what neither has", { a: undefined }, { b: undefined }],
  ["a null that stays", { a: null }, { a: null }],
]
test.each(NOTHING)("%s is no change", (_, old, wanted) => expect(mergePatch(old, wanted)).toEqual({}))

test("a null that goes is taken out like any other value", () => {
  expect(mergePatch({ a: null }, {})).toEqual({ a: null })
})

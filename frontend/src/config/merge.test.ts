import { describe, expect, test } from "vitest"
import { replacedLines, unifiedDiff } from "./lines"
import { merge, merged, usual, type Choice } from "./merge"

const BASE = "a\nb\nc\nd\ne\nf\n"

describe("three texts in pieces", () => {
  test.each([
    ["nobody changed anything", BASE, BASE, ["same"], BASE],
    ["only I", "a\nB\nc\nd\ne\nf\n", BASE, ["same", "mine", "same"], "a\nB\nc\nd\ne\nf\n"],
    ["only they", BASE, "a\nb\nc\nd\ne\nF\n", ["same", "theirs", "same"], "a\nb\nc\nd\ne\nF\n"],
    ["both, elsewhere", "a\nB\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n", ["same", "mine", "same", "theirs", "same"], "a\nB\nc\nd\nE\nf\n"],
    ["both, the same", "a\nB\nc\nd\ne\nf\n", "a\nB\nc\nd\ne\nf\n", ["same", "alike", "same"], "a\nB\nc\nd\ne\nf\n"],
    ["I take out, they add at the end", "b\nc\nd\ne\nf\n", BASE + "g\n", ["mine", "same", "theirs", "same"], "b\nc\nd\ne\nf\ng\n"],
    ["they empty it", BASE, "", ["theirs", "same"], ""],
  ])("%s", (_, mine, theirs, kinds, expected) => {
    const pieces = merge(BASE, mine, theirs)
    expect(pieces.map((piece) => piece.kind)).toEqual(kinds)
    expect(merged(pieces, {})).toBe(expected)
  })

  test.each<[Choice, string]>([
    ["mine", "a\nMINE\nc\nd\ne\nf\n"],
    ["theirs", "a\nTHEIRS\nTOO\nc\nd\ne\nf\n"],
    ["both", "a\nTHEIRS\nTOO\nMINE\nc\nd\ne\nf\n"],
    ["base", BASE],
  ])("a conflict, taken from %s", (choice, expected) => {
    const pieces = merge(BASE, "a\nMINE\nc\nd\ne\nf\n", "a\nTHEIRS\nTOO\nc\nd\ne\nf\n")
    const at = pieces.findIndex((piece) => piece.kind === "conflict")
    expect(pieces[at]!.line).toBe(2)
    expect(usual(pieces[at]!)).toBeNull()
    expect(merged(pieces, { [at]: choice })).toBe(expected)
  })

  test("whatever is changed: all of mine gives mine, all of theirs theirs, all of the base the base", () => {
    let seed = 7
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below
    const change = (lines: string[]): string[] =>
      lines.flatMap((line) => (random(4) ? [line] : [[], [`${line}${random(3)}`], [line, `new ${random(3)}`]][random(3)]!))
    for (let round = 0; round < 300; round += 1) {
      const base = Array.from({ length: 12 }, () => `line ${random(5)}`)
      const texts = { base: base.join("\n"), mine: change(base).join("\n"), theirs: change(base).join("\n") }
      const pieces = merge(texts.base, texts.mine, texts.theirs)
      for (const choice of ["base", "mine", "theirs"] as const) {
        expect(merged(pieces, Object.fromEntries(pieces.map((_, at) => [at, choice])))).toBe(texts[choice])
      }
    }
  })
})

test("the lines that differ, and their diff", () => {
  expect(replacedLines("a\nb\nc\n", "a\nX\nc\n")).toEqual([{ fromA: 1, toA: 2, fromB: 1, toB: 2 }])
  expect(unifiedDiff("a\nb\nc\n", "a\nX\nc\n")).toBe("@@ line 1 @@\n a\n-b\n+X\n c\n")
  expect(unifiedDiff("a\n", "a\nb\n")).toBe("@@ line 1 @@\n a\n+b\n")
  expect(unifiedDiff(BASE, BASE)).toBe("")
})

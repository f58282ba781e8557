import { Chunk } from "@codemirror/merge"
import { Text } from "@codemirror/state"

/** Lines `fromA`–`toA` of one text became lines `fromB`–`toB` of another; counted from 0, ends not included. */
export interface Replaced {
  fromA: number
  toA: number
  fromB: number
  toB: number
}

export function linesOf(text: string): string[] {
  return text.split("\n")
}

/** Which lines differ between two texts, in order. */
export function replacedLines(a: string, b: string): Replaced[] {
  const [before, after] = [Text.of(linesOf(a)), Text.of(linesOf(b))]
  return Chunk.build(before, after).map((chunk) => ({
    fromA: lineAt(before, chunk.fromA),
    toA: lineAt(before, chunk.toA),
    fromB: lineAt(after, chunk.fromB),
    toB: lineAt(after, chunk.toB),
  }))
}

function lineAt(text: Text, offset: number): number {
  return offset > text.length ? text.lines : text.lineAt(offset).number - 1
}

const AROUND = 3

/** A unified diff of two texts, as `diff -u` gives it without its head; "" when they are the same. */
export function unifiedDiff(a: string, b: string): string {
  const [before, after] = [linesOf(a), linesOf(b)]
  const groups: Replaced[][] = []
  for (const each of replacedLines(a, b)) {
    const last = groups.at(-1)
    if (last && each.fromA - last.at(-1)!.toA <= 2 * AROUND) last.push(each)
    else groups.push([each])
  }
  return groups.map((group) => hunk(before, after, group)).join("")
}

function hunk(before: string[], after: string[], group: Replaced[]): string {
  const [first, last] = [group[0]!, group.at(-1)!]
  const from = Math.max(0, first.fromA - AROUND)
  const to = Math.min(before.length - (before.at(-1) === "" ? 1 : 0), last.toA + AROUND)
  const lines: string[] = []
  let at = from
  for (const each of group) {
    lines.push(...before.slice(at, each.fromA).map((line) => ` ${line}`))
    lines.push(...before.slice(each.fromA, each.toA).map((line) => `-${line}`))
    lines.push(...after.slice(each.fromB, each.toB).map((line) => `+${line}`))
    at = each.toA
  }
  lines.push(...before.slice(at, to).map((line) => ` ${line}`))
  return [`@@ line ${from + 1} @@`, ...lines].join("\n") + "\n"
}

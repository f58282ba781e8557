import { linesOf, replacedLines, type Replaced } from "./lines"

/** Whose lines are taken. */
export type Choice = "mine" | "theirs" | "both" | "base"

/** A piece of three texts: lines that all have (`same`), or what one or both have made of them. */
export interface Piece {
  kind: "same" | "mine" | "theirs" | "alike" | "conflict"
  line: number // in the text that is there now, from 1
  base: string[]
  mine: string[]
  theirs: string[]
}

/** Cut three texts into pieces: what I started from, what I made of it, and what somebody else did. */
export function merge(base: string, mine: string, theirs: string): Piece[] {
  const texts = { base: linesOf(base), mine: linesOf(mine), theirs: linesOf(theirs) }
  const ours = replacedLines(base, mine)
  const others = replacedLines(base, theirs)
  const pieces: Piece[] = []
  const at = { base: 0, mine: 0, theirs: 0 }
  const take = (to: typeof at): void => {
    pieces.push(piece(texts.base.slice(at.base, to.base), texts.mine.slice(at.mine, to.mine), texts.theirs.slice(at.theirs, to.theirs), at.theirs + 1))
    Object.assign(at, to)
  }
  while (ours.length || others.length) {
    const region = nextRegion(ours, others)
    const lead = region.from - at.base
    if (lead > 0) take({ base: region.from, mine: at.mine + lead, theirs: at.theirs + lead })
    take({ base: region.to, mine: at.mine + region.to - region.from + region.mine, theirs: at.theirs + region.to - region.from + region.theirs })
  }
  if (at.base < texts.base.length) take({ base: texts.base.length, mine: texts.mine.length, theirs: texts.theirs.length })
  return pieces
}

/** The text that the choices make. Pieces without a choice are taken from whoever has changed them. */
export function merged(pieces: readonly Piece[], choices: Readonly<Record<number, Choice>>): string {
  return pieces.flatMap((each, at) => linesFor(each, choices[at] ?? usual(each) ?? "mine")).join("\n")
}

/** What is taken unless it is chosen otherwise; null where both have changed the same lines. */
export function usual(piece: Piece): Choice | null {
  if (piece.kind === "conflict") return null
  return piece.kind === "theirs" ? "theirs" : "mine"
}

function linesFor(piece: Piece, choice: Choice): string[] {
  return choice === "both" ? [...piece.theirs, ...piece.mine] : piece[choice]
}

/** The next lines of the base that either has changed, with all changes that touch them; `mine` and `theirs` say by how much they grew. */
function nextRegion(ours: Replaced[], others: Replaced[]): { from: number; to: number; mine: number; theirs: number } {
  const region = { from: Math.min(ours[0]?.fromA ?? Infinity, others[0]?.fromA ?? Infinity), to: -1, mine: 0, theirs: 0 }
  region.to = region.from
  for (let grew = true; grew; ) {
    grew = false
    for (const [list, whose] of [[ours, "mine"], [others, "theirs"]] as const) {
      while (list[0] && list[0].fromA <= region.to) {
        const each = list.shift()!
        region.to = Math.max(region.to, each.toA)
        region[whose] += each.toB - each.fromB - (each.toA - each.fromA)
        grew = true
      }
    }
  }
  return region
}

function piece(base: string[], mine: string[], theirs: string[], line: number): Piece {
  return { kind: kindOf(base.join("\n"), mine.join("\n"), theirs.join("\n"), [base, mine, theirs].map((each) => each.length)), line, base, mine, theirs }
}

function kindOf(base: string, mine: string, theirs: string, lengths: number[]): Piece["kind"] {
  const isMine = mine !== base || lengths[0] !== lengths[1]
  const isTheirs = theirs !== base || lengths[0] !== lengths[2]
  if (isMine && isTheirs) return mine === theirs && lengths[1] === lengths[2] ? "alike" : "conflict"
  if (isMine) return "mine"
  return isTheirs ? "theirs" : "same"
}

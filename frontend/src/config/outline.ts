/**
 * Where the keys and values of router.yaml stand. It is no YAML parser, but enough of one to tell, in a text that is
 * being written and therefore seldom whole, which key somebody is at.
 */

/** The step of a path that stands for any item of a list. */
export const ITEM = "[]"

/** A key with what follows it on its line, or an item of a list. Offsets are of the key, or of the item. */
export interface Entry {
  path: string[]
  from: number
  to: number
  value: string
}

/** Where the cursor is. `either`: after a dash, where a value or a key may follow. */
export interface Place {
  path: string[]
  kind: "key" | "value" | "either"
  written: string
  from: number
}

interface Level {
  indent: number
  name: string
}

interface Flow {
  isMap: boolean
  name: string | null
  from: number // of what is being written in it
  nameFrom: number
  nameTo: number
}

const KEY = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s"'{}[\],#&*!|>%@`](?:[^:]|:(?!\s|$))*?))\s*:(?=\s|$)/
const COMMENT = /(^|\s)#/

/** Every key and every item, in order. */
export function outline(text: string): Entry[] {
  return new Scanner(text).scan().entries
}

/** Where an offset is, or null inside a comment. */
export function placeAt(text: string, offset: number): Place | null {
  return new Scanner(text.slice(0, offset)).scan().place
}

class Scanner {
  readonly entries: Entry[] = []
  place: Place | null = null
  private block: Level[] = []
  private flow: Flow[] = []

  constructor(private readonly text: string) {}

  scan(): this {
    for (let from = 0; from <= this.text.length; ) {
      const end = this.text.indexOf("\n", from)
      const to = end < 0 ? this.text.length : end
      if (this.flow.length) this.inFlow(from, to)
      else this.line(from, to)
      from = to + 1
    }
    return this
  }

  private line(from: number, to: number): void {
    let at = from + indentOf(this.text.slice(from, to))
    let isItem = false
    if (this.text[at] === "#") return this.end(null)
    while (this.text[at] === "-" && at < to && (at + 1 === to || this.text[at + 1] === " ")) {
      this.leave(at - from, true)
      this.block.push({ indent: at - from, name: ITEM })
      isItem = true
      at += 1 + indentOf(this.text.slice(at + 1, to))
    }
    const found = KEY.exec(this.text.slice(at, to))
    if (found) this.pair(from, at, to, found)
    else if (at < to || isItem) this.scalar(from, at, to, isItem)
    else this.end({ path: this.pathAt(at - from), kind: "key", written: "", from: at })
  }

  private pair(line: number, at: number, to: number, found: RegExpExecArray): void {
    const name = found[1] ?? found[2]?.replaceAll("''", "'") ?? found[3]!
    this.leave(at - line, false)
    this.block.push({ indent: at - line, name })
    const value = at + found[0].length + indentOf(this.text.slice(at + found[0].length, to))
    this.entries.push({ path: this.path(), from: at, to: at + found[0].length, value: bare(this.text.slice(value, to)) })
    this.value(value, to, "value")
  }

  private scalar(line: number, at: number, to: number, isItem: boolean): void {
    const opens = "{[".includes(this.text[at] ?? " ")
    if (isItem && !opens) this.entries.push({ path: this.path(), from: at, to, value: bare(this.text.slice(at, to)) })
    if (isItem || opens) this.value(at, to, "either")
    else this.end({ path: this.pathAt(at - line), kind: "key", written: this.text.slice(at, to), from: at })
  }

  private value(at: number, to: number, kind: Place["kind"]): void {
    if ("{[".includes(this.text[at] ?? " ")) return this.inFlow(at, to)
    const written = this.text.slice(at, to)
    this.end(COMMENT.test(written) ? null : { path: this.path(), kind, written, from: at })
  }

  private inFlow(at: number, to: number): void {
    for (; at < to; at += 1) {
      const sign = this.text[at]!
      if (sign === "#" && /\s/.test(this.text[at - 1] ?? " ")) return this.end(null)
      if (sign === '"' || sign === "'") at = this.quoted(at, to, sign)
      else if (sign === "{" || sign === "[") this.flow.push({ isMap: sign === "{", name: null, from: at + 1, nameFrom: 0, nameTo: 0 })
      else if (sign === "}" || sign === "]") this.close(at)
      else if (sign === ",") this.next(at)
      else if (sign === ":" && /[\s"'{[]|^$/.test(this.text[at + 1] ?? "")) this.named(at)
      if (!this.flow.length) return this.end(null) // nothing comes after it but a comment
    }
    this.endInFlow(to)
  }

  private quoted(at: number, to: number, sign: string): number {
    for (let end = at + 1; end < to; end += 1) {
      if (this.text[end] === "\\" && sign === '"') end += 1
      else if (this.text[end] === sign) return end
    }
    return to - 1
  }

  private named(at: number): void {
    const top = this.flow.at(-1)!
    if (!top.isMap || top.name !== null) return
    const raw = this.text.slice(top.from, at)
    top.nameFrom = top.from + (raw.length - raw.trimStart().length)
    top.nameTo = top.from + raw.trimEnd().length
    top.name = bare(raw)
    top.from = at + 1
  }

  /** What was written up to here is a value, or a key without one. */
  private next(at: number): void {
    const top = this.flow.at(-1)
    if (!top) return
    const raw = this.text.slice(top.from, at)
    const from = top.from + (raw.length - raw.trimStart().length)
    if (top.isMap && top.name !== null) this.entries.push({ path: this.path(), from: top.nameFrom, to: top.nameTo, value: bare(raw) })
    if (!top.isMap && raw.trim()) this.entries.push({ path: this.path(), from, to: from + raw.trim().length, value: bare(raw) })
    top.name = null
    top.from = at + 1
  }

  private close(at: number): void {
    this.next(at)
    this.flow.pop()
  }

  private endInFlow(to: number): void {
    const top = this.flow.at(-1)!
    const raw = this.text.slice(top.from, to)
    const from = top.from + (raw.length - raw.trimStart().length)
    const kind = top.isMap && top.name === null ? "key" : "value"
    this.end({ path: this.path(), kind, written: this.text.slice(from, to), from })
  }

  private end(place: Place | null): void {
    this.place = place
  }

  private leave(indent: number, isItem: boolean): void {
    const isInside = (level: Level): boolean => level.indent < indent || (isItem && level.indent === indent && level.name !== ITEM)
    while (this.block.length && !isInside(this.block.at(-1)!)) this.block.pop()
  }

  private pathAt(indent: number): string[] {
    return this.block.filter((level) => level.indent < indent).map((level) => level.name)
  }

  private path(): string[] {
    const inside = this.flow.flatMap((each) => (each.isMap ? (each.name === null ? [] : [each.name]) : [ITEM]))
    return [...this.block.map((level) => level.name), ...inside]
  }
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length
}

/** A scalar without its quotes and the comment after it. */
function bare(text: string): string {
  const told = text.trim()
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'((?:[^']|'')*)'/.exec(told)
  if (quoted) return quoted[1] ?? quoted[2]!.replaceAll("''", "'")
  const comment = COMMENT.exec(told)
  return (comment ? told.slice(0, comment.index) : told).trim()
}

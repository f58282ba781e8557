/** One block of a stream of server-sent events. `data` is null where there was none: a comment alone. */
export interface SseBlock {
  id: string
  event: string
  data: string | null
  comments: string[]
}

/** Splits server-sent events, fed in any pieces, as https://html.spec.whatwg.org/multipage/server-sent-events.html says. */
export class SseSplitter {
  readonly #decoder = new TextDecoder()
  #rest = ""
  #lines: string[] = []

  /** The blocks that are whole now. Pieces may end anywhere, in the middle of a character too. */
  feed(piece: Uint8Array | string): SseBlock[] {
    const text = this.#rest + (typeof piece === "string" ? piece : this.#decoder.decode(piece, { stream: true }))
    const lines = text.split(/\r\n|\n|\r(?!$)/) // a CR at the end may be half of a CRLF
    this.#rest = lines.pop() ?? ""
    return lines.flatMap((line) => this.#take(line) ?? [])
  }

  #take(line: string): SseBlock | null {
    if (line) {
      this.#lines.push(line)
      return null
    }
    const lines = this.#lines
    this.#lines = []
    return lines.length ? blockOf(lines) : null
  }
}

function blockOf(lines: readonly string[]): SseBlock {
  const block: SseBlock = { id: "", event: "message", data: null, comments: [] }
  for (const line of lines) {
    const at = line.indexOf(":")
    const name = at < 0 ? line : line.slice(0, at)
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "")
    if (name === "data") block.data = block.data === null ? value : `${block.data}\n${value}`
    else if (name === "event") block.event = value
    else if (name === "id") block.id = value
    else if (name === "") block.comments.push(value)
  }
  return block
}

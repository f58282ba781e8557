import { authorization, baseUrl } from "./client"

/** One server-sent event of `/api/events`. */
export interface LiveEvent {
  id: string
  kind: string
  data: unknown
}

/** Splits a stream of server-sent events; feed it text as it comes. */
export class EventSplitter {
  #rest = ""

  feed(text: string): LiveEvent[] {
    const blocks = (this.#rest + text).split("\n\n")
    this.#rest = blocks.pop() ?? ""
    return blocks.flatMap((block) => parse(block) ?? [])
  }
}

function parse(block: string): LiveEvent | null {
  const fields: Record<string, string> = {}
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ")
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2)
  }
  if (fields.data === undefined) return null
  return { id: fields.id ?? "", kind: fields.event ?? "message", data: JSON.parse(fields.data) }
}

/** Read `/api/events` until aborted. `fetch`, since an EventSource can't send the token. Throws when it breaks off. */
export async function follow(take: (event: LiveEvent) => void, signal: AbortSignal, opened?: () => void): Promise<void> {
  const response = await fetch(`${baseUrl}/api/events`, { headers: authorization(), signal, cache: "no-store" })
  if (!response.ok || !response.body) throw new Error(`events: ${response.status}`)
  opened?.()
  const splitter = new EventSplitter()
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    splitter.feed(value).forEach(take)
  }
}

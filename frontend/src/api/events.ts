import { authorization, baseUrl } from "./client"
import { SseSplitter } from "./sse"
import { isRefused, token } from "./token"

/** One server-sent event of `/api/events`. */
export interface LiveEvent {
  id: string
  kind: string
  data: unknown
}

/** Splits the stream of `/api/events`; feed it what comes. */
export class EventSplitter {
  readonly #blocks = new SseSplitter()

  feed(piece: Uint8Array | string): LiveEvent[] {
    return this.#blocks.feed(piece).flatMap(({ id, event, data }) => (data === null ? [] : { id, kind: event, data: JSON.parse(data) }))
  }
}

let refused: string | null = null // the login is shown once for a token, however often it is tried

/** Read `/api/events` until aborted. `fetch`, since an EventSource can't send the token. Throws when it breaks off. */
export async function follow(take: (event: LiveEvent) => void, signal: AbortSignal, opened?: () => void): Promise<void> {
  const response = await fetch(`${baseUrl}/api/events`, { headers: authorization(), signal, cache: "no-store" })
  if (response.status === 401 && refused !== token.value) {
    refused = token.value
    isRefused.value = true
  }
  if (!response.ok || !response.body) throw new Error(`events: ${response.status}`)
  opened?.()
  const splitter = new EventSplitter()
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    splitter.feed(value).forEach(take)
  }
}

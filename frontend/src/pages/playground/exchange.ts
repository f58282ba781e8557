import { api, authorization, baseUrl, body } from "@/api/client"
import type { components } from "@/api/schema"
import { SseSplitter } from "@/api/sse"
import { emptyReply, errorOf, fold, wayOf, whole, type Reply } from "./reply"

export type Ledgered = components["schemas"]["RequestInFull"]

/** What was said on the wire, for those who want to see it. The key is not in it. */
export interface Raw {
  head: string
  body: string
}

export interface Heard {
  reply: Reply
  raw: Raw
}

const MOST_RAW = 400_000 // characters: a page that holds more gets slow
const WAITS = [60, 120, 250, 500, 1_000, 2_000] // ms: the ledger is written a moment after the answer

/** The headers of a call to /v1: a client's key, else the admin token if there is one. */
export function callerHeaders(key: string): Record<string, string> {
  return key ? { Authorization: `Bearer ${key}` } : authorization()
}

/** An id for a request: it is known before the answer has a head, and its attempts can be followed. */
export function newRequestId(): string {
  return `ui_${[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`
}

/** Ask, and tell of all that comes. Throws when the connection breaks off or is aborted. */
export async function ask(request: object, id: string, key: string, signal: AbortSignal, tell: (heard: Heard) => void): Promise<void> {
  const headers = { "Content-Type": "application/json", "X-Request-Id": id, ...callerHeaders(key) }
  const response = await fetch(`${baseUrl}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(request), signal, cache: "no-store" })
  const listener = new Listener(response, tell)
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") && response.body
  if (!isStream) return listener.whole(await response.text())
  const reader = response.body!.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return listener.end()
    listener.feed(value)
  }
}

class Listener {
  readonly #splitter = new SseSplitter()
  readonly #decoder = new TextDecoder()
  readonly #head: string
  #body = ""
  #reply: Reply

  constructor(
    private readonly response: Response,
    private readonly tell: (heard: Heard) => void,
  ) {
    const headers = [...response.headers]
    this.#head = [`HTTP ${response.status} ${response.statusText}`.trim(), ...headers.map(([name, value]) => `${name}: ${value}`)].join("\n")
    this.#reply = emptyReply(wayOf(headers))
    this.#tell()
  }

  feed(bytes: Uint8Array): void {
    if (this.#body.length < MOST_RAW) this.#body += this.#decoder.decode(bytes, { stream: true })
    const now = performance.now()
    this.#reply = this.#splitter.feed(bytes).reduce((reply, block) => fold(reply, block, now), this.#reply)
    this.#tell()
  }

  end(): void {
    const { isDone, error } = this.#reply
    if (isDone || error) return
    this.#reply = { ...this.#reply, error: { status: null, code: "disconnected", message: "The stream ended before the reply was whole." } }
    this.#tell()
  }

  whole(text: string): void {
    this.#body = text.slice(0, MOST_RAW)
    const value = valueOf(text)
    const { ok, status } = this.response
    this.#reply = ok ? whole(this.#reply, value, performance.now()) : { ...this.#reply, error: errorOf((value as { error?: unknown } | null)?.error ?? value, status) }
    this.#tell()
  }

  #tell(): void {
    this.tell({ reply: this.#reply, raw: { head: this.#head, body: this.#body } })
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { message: text.slice(0, 500) }
  }
}

/** The request with all its attempts, as soon as the ledger has it; null when it has it not, or won't say. */
export async function ledgered(id: string, attempts: number): Promise<Ledgered | null> {
  let found: Ledgered | null = null
  for (const wait of WAITS) {
    await new Promise((resume) => setTimeout(resume, wait))
    found = await body(api.GET("/api/requests/{id}", { params: { path: { id } } })).catch(() => null)
    if (found && found.attempts.length >= attempts) return found
  }
  return found
}

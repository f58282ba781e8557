import type { SseBlock } from "@/api/sse"

/** Which way a request went, as the `x-routerd-*` headers or the closing comment tell it. */
export interface Way {
  requestId?: string
  route?: string
  provider?: string
  model?: string
  attempts?: number
  config?: string
  dropped?: string
}

export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
}

export interface ReplyError {
  status: number | null
  code: string
  message: string
}

/** A reply, as far as it has come. Times are milliseconds of one clock. */
export interface Reply {
  text: string
  thinking: string
  finish: string | null
  usage: Usage | null
  error: ReplyError | null
  isDone: boolean
  firstAt: number | null
  way: Way
}

export function emptyReply(way: Way = {}): Reply {
  return { text: "", thinking: "", finish: null, usage: null, error: null, isDone: false, firstAt: null, way }
}

/** The reply after one more block of the stream, which came at `at`. */
export function fold(reply: Reply, block: SseBlock, at: number): Reply {
  const way = block.comments.reduce((known, comment) => ({ ...known, ...wayInComment(comment) }), reply.way)
  const told = { ...reply, way }
  if (block.data === null) return told
  if (block.data === "[DONE]") return { ...told, isDone: true }
  return take(told, parsed(block.data), at)
}

/** The reply that an answer without a stream brings. */
export function whole(reply: Reply, value: unknown, at: number): Reply {
  return { ...take(reply, value, at), isDone: true }
}

function take(reply: Reply, value: unknown, at: number): Reply {
  const chunk = recordOf(value)
  if (chunk.error !== undefined) return { ...reply, error: errorOf(chunk.error, null) }
  const choice = recordOf(Array.isArray(chunk.choices) ? chunk.choices[0] : null)
  const said = recordOf(choice.delta ?? choice.message)
  const text = words(said.content) + words(said.refusal) + calls(said.tool_calls)
  const thinking = words(said.reasoning_content)
  return {
    ...reply,
    text: reply.text + text,
    thinking: reply.thinking + thinking,
    finish: words(choice.finish_reason) || reply.finish,
    usage: chunk.usage ? (chunk.usage as Usage) : reply.usage,
    firstAt: reply.firstAt ?? (text || thinking ? at : null),
  }
}

function words(value: unknown): string {
  return typeof value === "string" ? value : ""
}

function calls(value: unknown): string {
  if (!Array.isArray(value)) return ""
  return value.map((call) => recordOf(recordOf(call).function)).reduce((text, call) => text + (call.name ? `\n${words(call.name)} ` : "") + words(call.arguments), "")
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    return { error: { message: `The stream has an event that is no JSON: ${data.slice(0, 200)}`, code: "bad_reply" } }
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}

/** The error in an answer, in OpenAI's shape; what is no such thing is shown as it is. */
export function errorOf(value: unknown, status: number | null): ReplyError {
  const error = recordOf(value)
  return { status, code: words(error.code) || words(error.type) || "error", message: words(error.message) || `The answer has status ${status ?? "unknown"}.` }
}

const NAMES: Record<string, keyof Way> = {
  "x-routerd-request-id": "requestId",
  "x-routerd-route": "route",
  "x-routerd-provider": "provider",
  "x-routerd-model": "model",
  "x-routerd-attempts": "attempts",
  "x-routerd-config": "config",
  "x-routerd-dropped": "dropped",
}

export function wayOf(headers: Iterable<[string, string]>): Way {
  const way: Record<string, string | number> = {}
  for (const [name, value] of headers) {
    const key = NAMES[name.toLowerCase()]
    if (key) way[key] = key === "attempts" ? Number(value) : plain(value)
  }
  return way
}

/** `x-routerd-route: r, x-routerd-attempts: 2`, as it closes a stream that was opened early. */
function wayInComment(comment: string): Way {
  if (!comment.startsWith("x-routerd-")) return {}
  return wayOf(comment.split(/, (?=x-routerd-)/).map((part): [string, string] => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1).trim()]))
}

function plain(value: string): string {
  try {
    return decodeURIComponent(value) // names that are not ASCII are percent-encoded
  } catch {
    return value
  }
}

const LEAST_SECONDS = 0.05

/** Tokens of the reply for each second after the first content; null where that says nothing. */
export function speed(reply: Reply, endedAt: number | null): number | null {
  const seconds = reply.firstAt !== null && endedAt !== null ? (endedAt - reply.firstAt) / 1000 : 0
  const tokens = reply.usage?.completion_tokens ?? 0
  return seconds >= LEAST_SECONDS && tokens > 1 ? tokens / seconds : null
}

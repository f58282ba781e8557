import { computed, onScopeDispose, ref } from "vue"
import { kindOf } from "@/api/kinds"
import { useLive } from "@/composables/live"
import { ask, ledgered, newRequestId, type Ledgered, type Raw } from "./exchange"
import { emptyReply, type Reply } from "./reply"

/** What goes with every request. Empty text and null numbers are left out of it. */
export interface ChatSettings {
  model: string
  system: string
  temperature: number | null
  maxTokens: number | null
  isStream: boolean
  key: string
}

export interface Turn {
  number: number
  id: string
  /** The attempts that have failed while the answer is waited for, in words. */
  failed: string[]
  prompt: string
  request: Record<string, unknown>
  state: "waiting" | "streaming" | "done" | "stopped" | "failed"
  reply: Reply
  raw: Raw
  startedAt: number
  endedAt: number | null
  ledger: Ledgered | null
}

interface Message {
  role: "system" | "user" | "assistant"
  content: string
}

/** What was said so far, and the next message. What brought no reply is not said again. */
export function messagesOf(turns: readonly Pick<Turn, "prompt" | "reply">[], system: string, prompt: string): Message[] {
  const before = turns.filter((turn) => turn.reply.text).flatMap((turn): Message[] => [
    { role: "user", content: turn.prompt },
    { role: "assistant", content: turn.reply.text },
  ])
  return [...(system.trim() ? [{ role: "system" as const, content: system }] : []), ...before, { role: "user", content: prompt }]
}

/** The body of a request, as OpenAI's API has it. */
export function requestOf(settings: ChatSettings, messages: readonly Message[]): Record<string, unknown> {
  return {
    model: settings.model,
    messages,
    ...(settings.temperature === null ? {} : { temperature: settings.temperature }),
    ...(settings.maxTokens === null ? {} : { max_tokens: settings.maxTokens }),
    ...(settings.isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
  }
}

interface Attempt {
  request_id: string
  provider: string
  model: string
  error: string | null
}

/** A conversation, for a component: one request at a time, which ends with it. */
export function createChat() {
  const turns = ref<Turn[]>([])
  let stopper: AbortController | null = null
  const current = computed(() => turns.value.find((turn) => turn.state === "waiting" || turn.state === "streaming"))

  async function send(prompt: string, settings: ChatSettings): Promise<void> {
    if (current.value) return
    const request = requestOf(settings, messagesOf(turns.value, settings.system, prompt))
    const number = (turns.value.at(-1)?.number ?? 0) + 1
    const blank = { reply: emptyReply(), raw: { head: "", body: "" }, failed: [], endedAt: null, ledger: null }
    turns.value.push({ ...blank, number, id: newRequestId(), prompt, request, state: "waiting", startedAt: performance.now() })
    await run(turns.value.at(-1)!, settings.key)
  }

  async function run(turn: Turn, key: string): Promise<void> {
    stopper = new AbortController()
    const { signal } = stopper
    try {
      await ask(turn.request, turn.id, key, signal, (heard) => Object.assign(turn, heard, { state: "streaming" }))
      turn.state = turn.reply.error ? "failed" : "done"
    } catch (error) {
      turn.state = signal.aborted ? "stopped" : "failed"
      if (!signal.aborted) turn.reply.error = { status: null, code: "disconnected", message: `routerd can't be reached: ${(error as Error).message}.` }
    }
    turn.endedAt = performance.now()
    if (turn.reply.error?.status === 401) return // refused at the door: the ledger has no row
    turn.ledger = await ledgered(turn.id, turn.reply.way.attempts ?? turn.failed.length)
  }

  function stop(): void {
    stopper?.abort()
  }

  function clear(): void {
    stop()
    turns.value = []
  }

  /** Ask the last one again, from where the conversation stood. */
  async function again(settings: ChatSettings): Promise<void> {
    const last = turns.value.at(-1)
    if (!last || current.value) return
    turns.value = turns.value.slice(0, -1)
    await send(last.prompt, settings)
  }

  useLive(["attempt"], ({ data }) => {
    const { request_id: id, provider, model, error } = data as Attempt
    if (error && current.value?.id === id) current.value.failed.push(`${provider}/${model}: ${kindOf(error).words}`)
  })
  onScopeDispose(stop) // nobody reads on, and tokens cost

  return { turns, current, send, stop, clear, again }
}

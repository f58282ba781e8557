import { baseUrl } from "@/api/client"

/** One entry of a map of router.yaml, as a form asks for it. */
export interface MapField {
  key: string
  label: string
  hint?: string
  options?: readonly string[]
}

const SWITCH = ["true", "false"]

export const TIMEOUTS: readonly MapField[] = [
  { key: "connect", label: "Connect", hint: "To connect, TLS included: 5s." },
  { key: "first_token", label: "First token", hint: "Of a stream, until its first content: 180s." },
  { key: "idle", label: "Idle", hint: "Of a stream, between two events." },
  { key: "total", label: "Total", hint: "Of a whole reply: 15m." },
]

export const HEALTH: readonly MapField[] = [
  { key: "check", label: "Background checks", hint: "Whether it is probed while it is idle.", options: SWITCH },
  { key: "interval", label: "Interval", hint: "Between two probes: 60s." },
  { key: "timeout", label: "Timeout", hint: "How long a probe may take." },
  { key: "failure_threshold", label: "Failures", hint: "In a row, until a target cools down." },
  { key: "cooldown", label: "Cooldown", hint: "How long it is not tried: 30s; doubles up to 10 min." },
]

export const ECHO: readonly MapField[] = [
  { key: "text", label: "Text", hint: "What it says; else the caller's last message." },
  { key: "delay", label: "Delay", hint: "How long each chunk takes: 50ms." },
  { key: "chunk", label: "Chunk", hint: "Characters in each chunk." },
  { key: "fail", label: "Fault", hint: "To try failover.", options: ["429", "500", "stall", "cut", "garbage", "error-event"] },
  { key: "fail_rate", label: "Share of faults", hint: "0 to 1." },
  { key: "after_chunks", label: "Chunks before it" },
]

interface Described {
  description?: string
  enum?: unknown[]
}

/** The quirks that this routerd knows, from the schema of router.yaml. */
export function quirksOf(schema: unknown): MapField[] {
  const config = (schema as { $defs?: { ProviderConfig?: { properties?: { quirks?: { properties?: Record<string, Described> } } } } }).$defs
  const quirks = config?.ProviderConfig?.properties?.quirks?.properties ?? {}
  return Object.entries(quirks).map(([key, { description, enum: values = [] }]) => ({ key, label: key, hint: description?.replaceAll("`", ""), options: values.map(String) }))
}

export async function loadQuirks(signal: AbortSignal): Promise<MapField[]> {
  const response = await fetch(`${baseUrl}/schemas/router.schema.json`, { signal })
  return quirksOf(await response.json())
}

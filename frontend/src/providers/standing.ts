import type { Provider } from "./draft"

/** What `/api/events` says when a provider's standing has changed. */
export interface HealthNews {
  id: number
  provider: string
  status: Provider["status"]
  latency_ms: number | null
  is_healthy: boolean
  consecutive_failures: number
}

export interface Mark {
  tone: "good" | "warn" | "bad" | ""
  words: string
  why?: string
}

const STATUSES: Record<Provider["status"], Mark> = {
  online: { tone: "good", words: "online" },
  degraded: { tone: "warn", words: "degraded", why: "The last test was answered with something other than a success." },
  timeout: { tone: "bad", words: "timeout", why: "The last test was not answered in time." },
  unreachable: { tone: "bad", words: "unreachable", why: "The last test found nobody at its address." },
  error: { tone: "bad", words: "error", why: "The last test failed." },
  unknown: { tone: "", words: "not tested" },
}

type Standing = Pick<Provider, "is_active" | "is_healthy" | "status"> & { trouble?: string }

/** How a provider stands, the most important first. */
export function marksOf(provider: Standing): Mark[] {
  if (!provider.is_active) return [{ tone: "", words: "inactive", why: "router.yaml says that it is not to be used." }]
  if (provider.trouble) return [{ tone: "bad", words: "unusable", why: provider.trouble }]
  const skipped: Mark = { tone: "warn", words: "skipped", why: "Requests go elsewhere: it cools down, or a person stood it down." }
  if (provider.is_healthy) return [STATUSES[provider.status]]
  return provider.status === "unknown" ? [skipped] : [skipped, STATUSES[provider.status]]
}

/** The list with what was just heard of one of them. */
export function withHealth(providers: readonly Provider[], news: HealthNews): Provider[] {
  const { status, latency_ms, is_healthy, consecutive_failures } = news
  return providers.map((provider) => (provider.id === news.id ? { ...provider, status, latency_ms, is_healthy, consecutive_failures } : provider))
}

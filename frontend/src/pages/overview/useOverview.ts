import { computed, onScopeDispose, watch, type Ref } from "vue"
import { api, body } from "@/api/client"
import { useLive } from "@/composables/live"
import { useResource } from "@/composables/resource"
import { useThrottle } from "@/composables/throttle"

const PAUSE = 3_000 // milliseconds between two looks while requests come
const MINUTE = 60_000

/** Traffic of the last `minutes`, and since the start; looked at again while requests come, and every minute. */
export function useTraffic(minutes: Ref<number>) {
  const traffic = useResource(async (signal) => {
    const [series, stats] = await Promise.all([
      body(api.GET("/api/stats/series", { signal, params: { query: { minutes: minutes.value } } })),
      body(api.GET("/api/admin/stats", { signal })),
    ])
    return { series, stats }
  })
  useLive(["attempt"], useThrottle(traffic.refresh, PAUSE))
  useEvery(MINUTE, traffic.refresh)
  watch(minutes, traffic.refresh)
  return traffic
}

/** Providers and routes of the config that serves. */
export function useEntries() {
  const entries = useResource(async (signal) => {
    const [providers, routes] = await Promise.all([body(api.GET("/api/providers", { signal })), body(api.GET("/api/model-routes", { signal }))])
    return { providers, routes }
  })
  useLive(["generation", "health"], useThrottle(entries.refresh, 1_000))
  return { ...entries, hasNone: computed(() => entries.data.value?.providers.length === 0) }
}

function useEvery(pause: number, run: () => unknown): void {
  const timer = setInterval(run, pause)
  onScopeDispose(() => clearInterval(timer))
}

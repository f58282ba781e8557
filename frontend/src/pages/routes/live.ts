import { computed, ref, watch, type Ref } from "vue"
import { api, body } from "@/api/client"
import { Problem } from "@/api/problem"
import { useClock } from "@/composables/clock"
import { useGenerations } from "@/composables/generations"
import { useLive } from "@/composables/live"
import { useResource } from "@/composables/resource"
import { useThrottle } from "@/composables/throttle"
import { nextChange, pictureOf, type Planned } from "./picture"

const PAUSE = 700 // ms: under traffic the picture is drawn anew no more often

/** How the last attempt at a target went. */
export interface LastAttempt {
  status: number | null
  error: string | null
  at: number
}

interface Attempt {
  route: string | null
  provider: string
  model: string
  status: number | null
  error: string | null
}

/** What a route would do now, kept up to date by events, and by the end of the next cooldown. */
export function useRoutePlan(id: () => string, hint: Ref<string>) {
  const clock = useClock()
  const lastAttempts = ref(new Map<string, LastAttempt>())
  const { data, problem, refresh } = useResource(async (signal) => {
    const params = { path: { id: id() } }
    const [plan, state] = await Promise.all([planOf(id(), hint.value, signal), body(api.GET("/api/model-routes/{id}/state", { params, signal }))])
    return { plan, state, at: Date.now() }
  })
  const lanes = computed(() => (data.value ? pictureOf(data.value.plan, data.value.state, data.value.at) : []))

  const now = computed(() => Math.max(clock.value, data.value?.at ?? 0)) // the clock ticks once a second

  const soon = useThrottle(refresh, PAUSE)
  const providers = computed(() => new Set(data.value?.plan.nodes.map((node) => node.provider)))
  useGenerations(refresh)
  useLive(["health", "attempt"], ({ kind, data: told }) => {
    if (kind === "attempt") {
      const attempt = told as Attempt
      if (!providers.value.has(attempt.provider)) return
      lastAttempts.value.set(`${attempt.provider}/${attempt.model}`, { status: attempt.status, error: attempt.error, at: Date.now() })
    }
    soon()
  })

  watch(now, () => {
    const moment = nextChange(lanes.value)
    if (moment !== null && moment <= now.value) soon()
  })
  watch(hint, soon)
  return { data, problem, lanes, now, lastAttempts, refresh }
}

/** The plan of a route; a viewer may not ask it to select, and asks as a caller would. */
async function planOf(id: string, hint: string, signal: AbortSignal): Promise<Planned> {
  try {
    const asked = { params: { path: { id }, query: { explain: true } }, body: { model: hint || null }, signal }
    return (await body(api.POST("/api/model-routes/{id}/select", asked))) as Planned
  } catch (error) {
    if (!(error instanceof Problem && error.status === 403)) throw error
    const route = await body(api.GET("/api/model-routes/{id}", { params: { path: { id } }, signal }))
    return body(api.POST("/api/explain", { body: { model: hint ? `${route.name}/${hint}` : route.name, client: null }, signal }))
  }
}

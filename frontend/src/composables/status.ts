import { computed, effectScope, type EffectScope } from "vue"
import { api, body } from "@/api/client"
import { isAway, useLive } from "./live"
import { useResource, type Resource } from "./resource"
import type { components } from "@/api/schema"

export type Status = components["schemas"]["Standing"]

let shared: { scope: EffectScope; status: Resource<Status> } | null = null

/** How the config stands: one copy for the whole page, loaded again whenever something happens to it. */
export function useStatus() {
  shared ??= begin()
  const { data, problem, refresh } = shared.status
  return { status: data, isUnreachable: computed(() => isAway.value || problem.value?.status === 0), refresh }
}

function begin(): { scope: EffectScope; status: Resource<Status> } {
  const scope = effectScope(true)
  const status = scope.run(() => {
    const resource = useResource((signal) => body(api.GET("/api/status", { signal })))
    useLive(["generation", "problems", "file"], () => void resource.refresh())
    setInterval(() => void resource.refresh(), 30_000)
    return resource
  })!
  return { scope, status }
}
